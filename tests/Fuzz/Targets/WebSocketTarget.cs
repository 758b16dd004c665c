using System.IO.Pipelines;
using System.Net.WebSockets;

using FastChat.Broker.Connections;
using FastChat.Broker.Web;
using FastChat.Fuzz.Sessions;
using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// Any bytes as the frames of a WebSocket (RFC 6455 §5) behind an upgrade: control frames in between, lies about lengths, no mask, text, pieces of messages. The connection ends when the bytes end, without a defect, and
/// what the broker sent is whole WebSocket frames of the kinds that it sends.
/// </summary>
internal sealed class WebSocketTarget : IFuzzTarget
{
    private static readonly TimeSpan EndMax = TimeSpan.FromSeconds(20);

    private SessionWorld? _world;

    public string Name => "web-socket";

    public int BlockSize => 8192;

    public bool IsGuided => false;

    public IReadOnlyList<byte[]> Words { get; } =
    [
        [0x82, 0x80, 0, 0, 0, 0], [0x02, 0x81, 0, 0, 0, 0], [0x80, 0x81, 0, 0, 0, 0], [0x81, 0x81, 0, 0, 0, 0], [0x88, 0x82, 0, 0, 0, 0, 3, 0xE8], [0x89, 0x80, 0, 0, 0, 0], [0x8A, 0x80, 0, 0, 0, 0],
        [0x82, 0xFE, 0xFF, 0xFF, 0, 0, 0, 0], [0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0], [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], [0xC2, 0x81, 0, 0, 0, 0], [0x82, 0x05],
    ];

    public IEnumerable<byte[]> Seeds()
    {
        byte[] hello = SessionWorld.HelloOf(0);
        byte[] ping = [0, 0, 0, (byte)FrameType.Ping, 1, 0, 0, 0];
        yield return Masked(0x82, hello);
        yield return [.. Masked(0x82, hello), .. Masked(0x82, ping), .. Masked(0x88, [3, 0xE8])];
        yield return [.. Masked(0x02, hello.AsSpan(0, 5)), .. Masked(0x89, [1, 2]), .. Masked(0x00, hello.AsSpan(5, 4)), .. Masked(0x80, hello.AsSpan(9)), .. Masked(0x82, ping)];
        yield return Masked(0x81, "text"u8);
        yield return [.. Masked(0x82, []), .. Masked(0x82, hello), .. Masked(0x8A, [])];
        yield return [0x82, 0xFE, 0, (byte)hello.Length, 0, 0, 0, 0, .. hello];
        yield return [.. Masked(0x82, [.. hello, .. ping, .. ping])];
        yield return [0x82, (byte)hello.Length, .. hello];
    }

    public long AllocationCap(int inputSize) => 8 << 20;

    public void BeginBlock()
    {
        _world?.Dispose();
        _world = new SessionWorld();
    }

    public ulong Run(ReadOnlySpan<byte> input)
    {
        SessionWorld world = _world ??= new SessionWorld();
        Task<byte[]> running = ServeAsync(world.Broker.Connections, input.ToArray());
        bool hasEnded = running.Wait(EndMax);
        world.CheckNoDefect();
        Property.Holds(hasEnded, "a connection whose client has gone does not end");

        Outcome outcome = default;
#pragma warning disable CA1849 // It has ended.
        CheckFrames(running.Result, ref outcome);
#pragma warning restore CA1849
        return outcome.Value;
    }

    public void Dispose() => _world?.Dispose();

    private static byte[] Masked(byte head, ReadOnlySpan<byte> payload)
    {
        // A mask of zeros changes nothing, and mutation then means what it does.
        byte[] length = payload.Length < 126 ? [(byte)(0x80 | payload.Length)] : [0xFE, (byte)(payload.Length >> 8), (byte)payload.Length];
        return [head, .. length, 0, 0, 0, 0, .. payload];
    }

    private static async Task<byte[]> ServeAsync(ConnectionRegistry connections, byte[] input)
    {
        PipeOptions options = new(pauseWriterThreshold: 0, useSynchronizationContext: false);
        Pipe up = new(options);
        Pipe down = new(options);
        using WebSocket socket = WebSocket.CreateFromStream(
            new DuplexStream(new Ends(up.Reader, down.Writer)), new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = Timeout.InfiniteTimeSpan });
        Task serving = WebSocketConnection.ServeAsync(socket, connections, new ConnectionOrigin("fuzz"));
        await up.Writer.WriteAsync(input);
        await up.Writer.CompleteAsync();
        await serving;
        await down.Writer.CompleteAsync();
        ReadResult sent = await down.Reader.ReadAsync();
        byte[] bytes = System.Buffers.BuffersExtensions.ToArray(sent.Buffer);
        await down.Reader.CompleteAsync();
        return bytes;
    }

    private static void CheckFrames(ReadOnlySpan<byte> sent, ref Outcome outcome)
    {
        while (!sent.IsEmpty)
        {
            Property.Holds(sent.Length >= 2 && (sent[1] & 0x80) == 0, "a broker does not mask, and sends whole frames");
            int size = sent[1];
            int head = 2;
            if (size == 126)
            {
                size = (sent[2] << 8) | sent[3];
                head = 4;
            }

            Property.Holds(size < 127 || head == 4, "nothing here makes the broker send so much");
            Property.Holds(sent.Length >= head + size, "the stream ends inside a frame");
            byte kind = (byte)(sent[0] & 0x0F);
            Property.Holds(kind is 0 or 2 or 8 or 9 or 10, "a kind of frame that the broker does not send");
            outcome.Add(kind);
            outcome.Add(kind == 8 && size >= 2 ? (ulong)((sent[head] << 8) | sent[head + 1]) : 0);
            sent = sent[(head + size)..];
        }
    }

    private sealed class Ends(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input { get; } = input;

        public PipeWriter Output { get; } = output;
    }
}
