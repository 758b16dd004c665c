using System.Buffers;
using System.Text.Unicode;

using FastChat.TestSupport;

namespace FastChat.Protocol.Tests;

/// <summary>
/// The table of wrong bytes, as far as the protocol library can tell: the reader from the header, the direction rules from type and request, the
/// bodies' readers from the layout. What a broker makes of it is proved on a broker with the same table.
/// </summary>
public sealed class InvalidVectorTests
{
    private static IEnumerable<Vector> Of(string layer) => VectorFile.Read("invalid").Where(vector => vector.Text("layer") == layer);

    private static IEnumerable<Vector> Reader() => Of("reader");

    private static IEnumerable<Vector> State() => Of("state");

    private static IEnumerable<Vector> Body() => Of("body");

    private static IEnumerable<Vector> Meaning() => Of("meaning");

    [Test]
    public void Every_vector_belongs_to_a_layer_and_has_an_outcome()
    {
        Vector[] vectors = [.. VectorFile.Read("invalid")];
        Assert.That(vectors, Has.Length.EqualTo(Reader().Count() + State().Count() + Body().Count() + Meaning().Count()));
        Assert.That(vectors.Select(vector => vector.Text("outcome")), Is.All.AnyOf("need_more_data", "close", "error", "ignore"));
        Assert.That(vectors.Select(vector => vector.Name), Is.Unique);
    }

    [TestCaseSource(nameof(Reader))]
    public void The_reader_judges_the_header(Vector vector)
    {
        CloseCode expected = vector.Text("code") is { } code ? ParseCode<CloseCode>(code) : CloseCode.None;
        foreach (ReadOnlySequence<byte> source in new[] { new ReadOnlySequence<byte>(vector.Bytes), Segments.Every(vector.Bytes, 1) })
        {
            ReadOnlySequence<byte> buffer = source;
            FrameReadStatus status = FrameReader.TryRead(ref buffer, LimitOf(vector), out _, out CloseCode violation);
            Assert.That(status, Is.EqualTo(expected == CloseCode.None ? FrameReadStatus.NeedMoreData : FrameReadStatus.Invalid));
            Assert.That(violation, Is.EqualTo(expected));
            Assert.That(buffer.Start, Is.EqualTo(source.Start));
        }
    }

    [TestCaseSource(nameof(State))]
    public void Type_and_request_number_tell(Vector vector)
    {
        Frame frame = ReadWhole(vector);
        bool known = FrameTypes.IsFromClient(frame.Type) || FrameTypes.IsFromServer(frame.Type);
        switch (vector.Text("outcome"), vector.Text("code"))
        {
            case ("close", "OUT_OF_STATE"):
                bool wrongSide = FrameTypes.IsFromServer(frame.Type) && !FrameTypes.IsFromClient(frame.Type);
                bool wrongTime = frame.Type == FrameType.Proof || (frame.Type == FrameType.Hello) != (vector.Text("state") == "awaiting_hello");
                Assert.That(wrongSide || wrongTime, Is.True);
                break;
            case ("close", "BAD_FRAME"):
                Assert.That(frame.Request, Is.Zero);
                Assert.That(FrameTypes.IsOptional(frame.Type), Is.False);
                break;
            case ("error", "UNSUPPORTED"):
                Assert.That(frame.Request, Is.Not.Zero);
                Assert.That(known || FrameTypes.IsOptional(frame.Type), Is.False);
                break;
            case ("ignore", null):
                Assert.That(known, Is.False);
                Assert.That(FrameTypes.IsOptional(frame.Type), Is.True);
                break;
            default:
                Assert.Fail("no rule of protocol.md §3.1 or §4.1 has this outcome");
                break;
        }
    }

    [TestCaseSource(nameof(Body))]
    public void The_body_cannot_be_read(Vector vector)
    {
        Frame frame = ReadWhole(vector);
        Assert.That(CanRead(frame), Is.False);
        bool closes = frame.Type is FrameType.Hello or FrameType.Credit or FrameType.Signal;
        Assert.That((vector.Text("outcome"), vector.Text("code")), Is.EqualTo(closes ? ("close", "BAD_FRAME") : ("error", "BAD_REQUEST")));
    }

    [TestCaseSource(nameof(Meaning))]
    public void The_body_can_be_read_and_its_values_are_refused(Vector vector)
    {
        Frame frame = ReadWhole(vector);
        Assert.That(CanRead(frame), Is.True);
        Publish.TryRead(frame.Body.FirstSpan, out Publish publish);
        string? code = !MessageKinds.IsPublishable(publish.Kind) ? "KIND_INVALID" : Utf8.IsValid(publish.Body) ? null : "INVALID_TEXT";
        Assert.That(code, Is.EqualTo(vector.Text("code")));
    }

    private static bool CanRead(in Frame frame)
    {
        ReadOnlySpan<byte> body = frame.Body.FirstSpan;
        return frame.Type switch
        {
            FrameType.Publish => Publish.TryRead(body, out _),
            FrameType.Subscribe => Subscribe.TryRead(body, out _),
            FrameType.Unsubscribe => Unsubscribe.TryRead(body, out _),
            FrameType.Fetch => Fetch.TryRead(body, out _),
            FrameType.Credit => Credit.TryRead(body, out _),
            FrameType.Signal => Signal.TryRead(body, out _),
            FrameType.Hello => ControlMap.TryParse(frame.Body, out ControlMap? map, out _) && CanRead(map),
            _ => ControlMap.TryParse(frame.Body, out _, out _),
        };
    }

    private static bool CanRead(ControlMap map)
    {
        try
        {
            Hello.Parse(map);
            return true;
        }
        catch (ControlFormatException)
        {
            return false;
        }
    }

    private static Frame ReadWhole(Vector vector)
    {
        ReadOnlySequence<byte> buffer = new(vector.Bytes);
        Assert.That(FrameReader.TryRead(ref buffer, LimitOf(vector), out Frame frame, out _), Is.EqualTo(FrameReadStatus.Done));
        Assert.That(buffer.IsEmpty, Is.True);
        return frame;
    }

    private static int LimitOf(Vector vector)
    {
        int limit = vector.Fields["limit"]!.GetValue<int>();
        Assert.That(limit, Is.EqualTo(vector.Text("state") == "awaiting_hello" ? ProtocolLimits.HelloSizeMax : ProtocolLimits.ClientFrameSizeMax));
        return limit;
    }

    private static T ParseCode<T>(string name)
        where T : struct, Enum => Enum.Parse<T>(name.Replace("_", string.Empty, StringComparison.Ordinal), ignoreCase: true);
}
