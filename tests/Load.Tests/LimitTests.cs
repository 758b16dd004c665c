using System.Net;
using System.Text;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Compare.Systems.Limit;
using FastChat.Protocol;

using Microsoft.AspNetCore.Builder;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The machine's limit does all of the work that its figures speak of, or it would be a limit of nothing.</summary>
public sealed class LimitTests
{
    private const int Messages = 1000;

    private static readonly ConversationId[] s_conversations = [.. Enumerable.Range(1, 4).Select(number => new ConversationId((UInt128)number))];

    [Test]
    public Task What_is_published_is_delivered_once_and_in_order() => SystemWork.FanOutAsync("limit");

    [Test]
    public Task Every_acknowledgement_had_a_flush() => SystemWork.FlushesAsync("limit");

    [Test]
    public async Task Every_subscriber_is_sent_everything()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("limit", Scenario.FanOut);
        RecordedEvents[] heard = [.. Enumerable.Range(0, 20).Select(_ => new RecordedEvents())];
        WireDriver[] subscribers = [.. heard.Select(running.Connect)];
        foreach ((WireDriver subscriber, RecordedEvents events) in subscribers.Zip(heard))
        {
            subscriber.Wire.Subscribe(2, subscriber.Output);
            subscriber.Run(() => events.Count("subscribed 2") == 1);
        }

        RecordedEvents said = new();
        using WireDriver publisher = running.Connect(said, heard.Length);
        Publish(publisher, 2);
        Publish(publisher, 1);
        publisher.Run(() => said.Count("acknowledged") == 2 * Messages);
        foreach ((WireDriver subscriber, RecordedEvents events) in subscribers.Zip(heard))
        {
            subscriber.Run(() => events.Count("delivered") >= Messages);
            Assert.That(events.Lines.Skip(2), Is.EqualTo(Delivered), "what went to the other conversation is not its business");
            subscriber.Dispose();
        }
    }

    [Test]
    public async Task What_is_acknowledged_is_in_the_file_and_every_publish_is_answered()
    {
        using HostedLimit limit = new(LimitServer.Durable);
        RecordedEvents[] said = [.. Enumerable.Range(0, 4).Select(_ => new RecordedEvents())];
        WireDriver[] publishers = [.. said.Select(limit.Connect)];
        foreach (WireDriver publisher in publishers)
        {
            Publish(publisher, 3);
        }

        // One at a time: what all of them sent before is answered in batches of the second thread, the rest by the loop itself.
        foreach ((WireDriver publisher, RecordedEvents events) in publishers.Zip(said))
        {
            publisher.Run(() => events.Count("acknowledged") >= Messages);
            Assert.That(events.Lines.Skip(1), Is.EqualTo(Enumerable.Range(0, Messages).Select(i => $"acknowledged {i}")));
        }

        byte[] file = await File.ReadAllBytesAsync(limit.LogFile);
        int found = 0;
        ReadOnlyMemory<byte> rest = file;
        while (FrameHeader.Read(rest.Span) is { Type: FrameType.Publish } header)
        {
            Assert.That(global::FastChat.Protocol.Publish.TryRead(rest.Span.Slice(FrameHeader.Size, header.Length), out Publish publish), Is.True);
            Assert.That(publish.Body.SequenceEqual(RunningSystem.Payload((int)header.Request - 1)), Is.True);
            rest = rest[(FrameHeader.Size + header.Length)..];
            found++;
        }

        Assert.That(found, Is.EqualTo(said.Length * Messages));
        Array.ForEach(publishers, publisher => publisher.Dispose());
    }

    [Test]
    public async Task History_is_read_whole_and_goes_on_live()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("limit", Scenario.CatchUp);
        RecordedEvents said = new(), read = new();
        using WireDriver publisher = running.Connect(said, 0), reader = running.Connect(read, 1);
        Publish(publisher, 3);
        publisher.Run(() => said.Count("acknowledged") == Messages);
        reader.Wire.ReadAll(3, reader.Output);
        reader.Run(() => read.Count("end 3") == 1);
        publisher.Wire.Publish(3, Messages, RunningSystem.Payload(Messages), publisher.Output);
        publisher.Run(() => said.Count("acknowledged") == Messages + 1);
        reader.Run(() => read.Count("delivered") > Messages);
        string last = $"delivered {Encoding.ASCII.GetString(RunningSystem.Payload(Messages))}";
        Assert.That(read.Lines, Is.EqualTo(["ready", .. Delivered, "end 3", last]));
    }

    [Test]
    public void Who_does_not_read_is_cut_and_nobody_waits_for_him()
    {
        const int Large = 1200;
        using HostedLimit limit = new(LimitServer.Live);
        RecordedEvents heard = new(), said = new();
        using WireDriver sleeper = limit.Connect(heard, 0), publisher = limit.Connect(said, 1);
        sleeper.Wire.Subscribe(3, sleeper.Output);
        sleeper.Run(() => heard.Count("subscribed 3") == 1);
        byte[] payload = new byte[ProtocolLimits.BodySizeMax];
        for (int i = 0; i < Large; i++)
        {
            publisher.Wire.Publish(3, i, payload, publisher.Output);
        }

        publisher.Run(() => said.Count("acknowledged") == Large);
        Assert.That(() => sleeper.Run(() => false), Throws.InstanceOf<IOException>().With.Message.Contains("closed"));
        Assert.That(heard.Count("delivered"), Is.GreaterThan(0).And.LessThan(Large));
    }

    [Test]
    public async Task A_parked_connection_is_welcomed_subscribed_and_alive()
    {
        IPEndPoint endpoint = new(IPAddress.Loopback, FreePort.Take());
        await using WebApplication server = ParkedServer.Make(endpoint);
        await server.StartAsync();
        RecordedEvents events = new();
        using WireDriver driver = new(endpoint, new FastChatWire(events, "anybody", s_conversations, seed: 1));
        driver.Run(() => events.Count("ready") == 1);
        driver.Wire.Subscribe(1, driver.Output);
        driver.Wire.Heartbeat(driver.Output);
        driver.Run(() => events.Count("subscribed 1") == 1);
        driver.Wire.Publish(1, 7, "x"u8, driver.Output);
        driver.Run(() => events.Count("refused 7") == 1);
        Assert.That(events.Lines, Has.Count.EqualTo(3));
    }

    private static IEnumerable<string> Delivered => Enumerable.Range(0, Messages).Select(i => $"delivered {Encoding.ASCII.GetString(RunningSystem.Payload(i))}");

    private static void Publish(WireDriver publisher, int conversation)
    {
        for (int i = 0; i < Messages; i++)
        {
            publisher.Wire.Publish(conversation, i, RunningSystem.Payload(i), publisher.Output);
        }
    }

    /// <summary>The server on a thread of the test, so that its file and its limits are at hand.</summary>
    private sealed class HostedLimit : IDisposable
    {
        private readonly CancellationTokenSource _end = new();
        private readonly string _directory = Directory.CreateTempSubdirectory("fastchat-limit-").FullName;
        private readonly IPEndPoint _endpoint = new(IPAddress.Loopback, FreePort.Take());
        private readonly LimitLoop _loop;
        private readonly LimitWork _work;
        private readonly LogFile? _log;
        private readonly Thread _thread;

        public HostedLimit(string mode)
        {
            _loop = new LimitLoop(_endpoint);
            _log = mode == LimitServer.Durable ? new LogFile(_directory) : null;
            _work = _log is null ? new FeedWork(_loop, isKept: false) : new DurableWork(_loop, _log);
            _thread = new Thread(() => _loop.Run(_work, _end.Token));
            _thread.Start();
        }

        public string LogFile => Path.Combine(_directory, "limit.log");

        public WireDriver Connect(RecordedEvents events, int index)
        {
            WireDriver driver = new(_endpoint, new FastChatWire(events, "anybody", s_conversations, (ulong)index));
            driver.Run(() => events.Count("ready") == 1);
            return driver;
        }

        public void Dispose()
        {
            _end.Cancel();
            _thread.Join();
            (_work as IDisposable)?.Dispose();
            _log?.Dispose();
            _loop.Dispose();
            _end.Dispose();
            Directory.Delete(_directory, recursive: true);
        }
    }
}
