using System.Buffers.Binary;
using System.Net;

namespace FastChat.Broker.Transport;

/// <summary>An IPv4 or IPv6 address and port as the kernel gives it (sockaddr), in the space of two words and not of three objects.</summary>
internal readonly struct PeerName
{
    /// <summary>Bytes that hold every address the kernel may give for a socket of the Internet, or the beginning of any other.</summary>
    public const int SizeMax = 28;

    private const ushort Internet4 = 2;
    private const ushort Internet6 = 10;
    private const int Address4At = 4;
    private const int Address6At = 8;
    private const int Address6Size = 16;
    private const int ScopeAt = 24;

    private readonly UInt128 _address;
    private readonly uint _scope;
    private readonly ushort _port;
    private readonly ushort _family;

    /// <summary>Reads a sockaddr.</summary>
    public PeerName(ReadOnlySpan<byte> address)
    {
        if (address.Length < Address4At + sizeof(uint))
        {
            return;
        }

        _family = BitConverter.ToUInt16(address);
        _port = BinaryPrimitives.ReadUInt16BigEndian(address[sizeof(ushort)..]);
        if (_family == Internet4)
        {
            _address = BinaryPrimitives.ReadUInt32BigEndian(address[Address4At..]);
        }
        else if (_family == Internet6 && address.Length >= SizeMax)
        {
            _address = BinaryPrimitives.ReadUInt128BigEndian(address[Address6At..]);
            _scope = BitConverter.ToUInt32(address[ScopeAt..]);
        }
    }

    /// <summary>As an end point; null when it is none of the Internet. An IPv4 address that came over an IPv6 socket stays mapped.</summary>
    public IPEndPoint? ToEndPoint()
    {
        Span<byte> bytes = stackalloc byte[Address6Size];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, _address);
        return _family switch
        {
            Internet4 => new IPEndPoint(new IPAddress(bytes[^sizeof(uint)..]), _port),
            Internet6 => new IPEndPoint(new IPAddress(bytes, _scope), _port),
            _ => null,
        };
    }
}
