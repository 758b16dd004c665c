using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>What a client of the broker has to hear before it works: everybody is welcome, whatever his token. Any thread.</summary>
internal static class Courtesies
{
    /// <summary>The epoch of everything that the limit's server numbers.</summary>
    public const uint Epoch = 1;

    private static readonly byte[] s_welcome = MakeWelcome();

    /// <summary>Answers a sign-in or a sign of life; false when the frame is neither.</summary>
    public static bool TryAnswer(in FrameHeader header, ReadOnlySpan<byte> body, IBufferWriter<byte> output)
    {
        switch (header.Type)
        {
            case FrameType.Hello:
                FrameWriter.Write(output, FrameType.Welcome, header.Request, s_welcome);
                return true;
            case FrameType.Ping:
                FrameWriter.Write(output, FrameType.Pong, header.Request, body);
                return true;
            default:
                return header.Type is FrameType.Pong or FrameType.Credit;
        }
    }

    /// <summary>Says where a subscription begins.</summary>
    public static void WriteSubscribed(IBufferWriter<byte> output, uint request, SubscribeStatus status, ulong first, ulong head) =>
        new Subscribed(status, Epoch, first, head).Write(FrameWriter.Begin(output, FrameType.Subscribed, request, Subscribed.Size));

    private static byte[] MakeWelcome()
    {
        ArrayBufferWriter<byte> bytes = new();
        new Welcome
        {
            Server = "limit",
            Session = new SessionId(1),
            User = new UserId(1),
            Name = "anybody",
            Device = new DeviceId(1),
            HeartbeatMs = 60_000,
            FrameSizeMax = ProtocolLimits.ClientFrameSizeMax,
            BodySizeMax = ProtocolLimits.BodySizeMax,
            InFlightMax = ProtocolLimits.InFlightMax,
        }.ToMap().Write(bytes);
        return bytes.WrittenSpan.ToArray();
    }
}
