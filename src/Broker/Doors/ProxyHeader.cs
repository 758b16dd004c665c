using System.Buffers;
using System.Buffers.Binary;
using System.Net;

namespace FastChat.Broker.Doors;

/// <summary>What the beginning of a stream is.</summary>
internal enum ProxyHeaderStatus
{
    /// <summary>More bytes are needed.</summary>
    NeedMoreData,

    /// <summary>A header, whole.</summary>
    Done,

    /// <summary>A header, whole, that says that the proxy speaks for itself (LOCAL): it looks whether somebody listens.</summary>
    Local,

    /// <summary>No header, or one that we do not take.</summary>
    Invalid,
}

/// <summary>
/// The PROXY protocol's header, version 2 (HAProxy's proxy-protocol.txt §2.2): whom a proxy speaks for. Only what a chat over TCP needs is taken.
/// <code>
/// signature (12) | version 2, command (1) | family, protocol (1) | size (2) | source, destination, ports | TLVs, which are skipped
/// </code>
/// </summary>
internal static class ProxyHeader
{
    /// <summary>Bytes in front of the addresses.</summary>
    public const int FixedSize = 16;

    /// <summary>Bytes behind them that are taken: addresses (36), and what proxies tell of TLS and themselves.</summary>
    public const int RestSizeMax = 2048;

    private const byte Local = 0x20, Proxy = 0x21;
    private const byte Unspecified = 0x00, Tcp4 = 0x11, Tcp6 = 0x21, UnixStream = 0x31;
    private const int Tcp4Size = 12, Tcp6Size = 36, UnixSize = 216;

    private static ReadOnlySpan<byte> Signature => [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    /// <summary>Reads the header at the beginning of a stream.</summary>
    /// <param name="bytes">What has come.</param>
    /// <param name="size">Bytes of the header.</param>
    /// <param name="source">Whom the proxy speaks for; null when it speaks for itself, or does not say.</param>
    public static ProxyHeaderStatus TryRead(in ReadOnlySequence<byte> bytes, out int size, out IPEndPoint? source)
    {
        source = null;
        Span<byte> buffer = stackalloc byte[FixedSize + Tcp6Size];
        int count = (int)Math.Min(buffer.Length, bytes.Length);
        bytes.Slice(0, count).CopyTo(buffer);
        ReadOnlySpan<byte> head = buffer[..count];
        size = 0;
        int known = Math.Min(count, Signature.Length);
        if (!head[..known].SequenceEqual(Signature[..known]))
        {
            return ProxyHeaderStatus.Invalid;
        }

        if (count < FixedSize)
        {
            return ProxyHeaderStatus.NeedMoreData;
        }

        byte command = head[12];
        byte family = head[13];
        int rest = BinaryPrimitives.ReadUInt16BigEndian(head[14..]);
        int needed = (command, family) switch
        {
            (Local, _) or (Proxy, Unspecified) => 0,
            (Proxy, Tcp4) => Tcp4Size,
            (Proxy, Tcp6) => Tcp6Size,
            (Proxy, UnixStream) => UnixSize,
            _ => int.MaxValue,
        };
        if (rest > RestSizeMax || rest < needed)
        {
            return ProxyHeaderStatus.Invalid;
        }

        if (bytes.Length < FixedSize + rest)
        {
            return ProxyHeaderStatus.NeedMoreData;
        }

        size = FixedSize + rest;
        ReadOnlySpan<byte> addresses = head[FixedSize..];
        source = (command, family) switch
        {
            (Proxy, Tcp4) => new IPEndPoint(new IPAddress(addresses[..4]), BinaryPrimitives.ReadUInt16BigEndian(addresses[8..])),
            (Proxy, Tcp6) => new IPEndPoint(new IPAddress(addresses[..16]), BinaryPrimitives.ReadUInt16BigEndian(addresses[32..])),
            _ => null,
        };
        return command == Local ? ProxyHeaderStatus.Local : ProxyHeaderStatus.Done;
    }
}
