using System.Text;

using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Compare.Wires;
using FastChat.History;
using FastChat.Protocol;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>A recorded wire against a server that is played by hand: what a correct one never says, and what has no answer.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class RecordedWireTests : IDisposable
{
    private const uint Epoch = 1;

    private static readonly ConversationId s_conversation = new(7);

    private readonly string _file = Path.GetTempFileName();
    private readonly RecordedEvents _events = new();
    private readonly SendBuffer _sent = new();
    private readonly SendBuffer _said = new();
    private readonly RunHistory _history;
    private readonly FastChatWire _wire;

    public RecordedWireTests()
    {
        _history = RunHistory.Create(_file);
        _wire = new FastChatWire(_events, "token", [s_conversation], seed: 3, _history.AddProcess());
    }

    [SetUp]
    public void Sign_in()
    {
        Connect(_wire);
        Assert.That(_events.Lines, Is.EqualTo(new[] { "ready" }));
    }

    [Test]
    public void What_has_no_answer_when_the_run_ends_is_unknown()
    {
        Publish(_wire, number: 0);
        Publish(_wire, number: 1);
        SayPublished(number: 0);
        string[] lines = End();
        Assert.That(lines.Count(line => line.Contains("\"phase\":\"ok\"", StringComparison.Ordinal) && line.Contains("publish", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(lines[^2], Does.Contain("\"op\":\"publish\",\"phase\":\"info\"").And.Contain("00000000000000030000000000000001"));
        Assert.That(lines[^1], Does.Contain("\"op\":\"end\""));
    }

    [Test]
    public void A_second_answer_stands_in_the_history()
    {
        Publish(_wire, number: 0);
        SayPublished(number: 0);
        SayPublished(number: 0);
        _ = End();
        CheckReport report = HistoryChecker.Check([_file]);
        Assert.That(report.Promises.Single(promise => Promises.NumberOf(promise.Promise) == "P21").Violations, Is.EqualTo(1));
    }

    [Test]
    public void A_refusal_is_a_failure_and_INTERNAL_is_unknown()
    {
        Publish(_wire, number: 0);
        Publish(_wire, number: 1);
        SayError(number: 0, ErrorCode.Overloaded);
        SayError(number: 1, ErrorCode.Internal);
        string[] lines = End();
        Assert.That(lines, Has.One.Contains("\"phase\":\"fail\"").And.One.Contains("\"phase\":\"info\""));
    }

    [Test]
    public void Who_continues_is_another_connection_of_the_same_process()
    {
        _wire.Subscribe(0, _sent);
        Say(FrameType.Subscribed, 0x8000_0000, Subscribed.Size, body => new Subscribed(SubscribeStatus.Resumed, Epoch, First: 5, Head: 4).Write(body));
        FastChatWire next = (FastChatWire)_wire.Resume();
        Connect(next);
        string[] lines = End();
        Assert.That(lines.Where(line => line.Contains("subscribe", StringComparison.Ordinal) && line.Contains("invoke", StringComparison.Ordinal)), Is.EqualTo(new[]
        {
            lines.First(line => line.Contains("\"connection\":1", StringComparison.Ordinal) && line.Contains("\"fresh\":true", StringComparison.Ordinal)),
            lines.First(line => line.Contains("\"connection\":2", StringComparison.Ordinal) && line.Contains("\"cursor\":4}", StringComparison.Ordinal)),
        }));
        Assert.That(lines, Has.One.Contains("\"op\":\"close\",\"connection\":1}"));
    }

    public void Dispose()
    {
        _history.Dispose();
        File.Delete(_file);
    }

    private void Connect(FastChatWire wire)
    {
        wire.Begin(_sent);
        _said.Clear();
        FrameWriter.Write(_said, FrameType.Welcome, 0, new Welcome { Session = new SessionId(1), User = new UserId(9), Device = new DeviceId(2) }.ToMap());
        Assert.That(wire.Receive(_said.Waiting, _sent), Is.EqualTo(_said.Count));
    }

    private void Publish(FastChatWire wire, long number) => wire.Publish(0, number, Encoding.ASCII.GetBytes($"message {number}"), _sent);

    private void SayPublished(uint number) => Say(
        FrameType.Published, number + 1, Published.Size, body => new Published(Epoch, number + 1, Durability.Fsynced, IsDuplicate: false, SentAtMicros: 1).Write(body));

    private void SayError(uint number, ErrorCode code)
    {
        Failure failure = new((ushort)code, 0, "no");
        Say(FrameType.Error, number + 1, failure.Size, body => failure.Write(body));
    }

    private void Say(FrameType type, uint request, int size, Write write)
    {
        _said.Clear();
        write(FrameWriter.Begin(_said, type, request, size));
        Assert.That(_wire.Receive(_said.Waiting, _sent), Is.EqualTo(_said.Count));
    }

    private string[] End()
    {
        _history.EndProcesses();
        _history.Dispose();
        return File.ReadAllLines(_file);
    }

    private delegate void Write(Span<byte> body);
}
