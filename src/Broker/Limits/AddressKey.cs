using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace FastChat.Broker.Limits;

/// <summary>
/// What counts as one address: an IPv4 address, also one that is written as IPv6 (RFC 4291 §2.5.5.2), or the first 64 bits of an IPv6 address, for a subscriber is given at least as many addresses as that (RFC 6177).
/// </summary>
/// <param name="Value">The bits, in the upper half for IPv6.</param>
internal readonly record struct AddressKey(UInt128 Value)
{
    /// <summary>What stands for everybody without an address.</summary>
    public static AddressKey Local { get; } = new(UInt128.MaxValue);

    /// <summary>The key of an address as text without a port; <see cref="Local"/> when it is none.</summary>
    public static AddressKey Of(string remote) => TryParse(remote, out AddressKey key, out _) ? key : Local;

    /// <summary>The key of an address as text without a port; false when it is none: a Unix domain socket.</summary>
    public static bool TryParse(string remote, out AddressKey key, out IPAddress address)
    {
        key = default;
        if (!IPAddress.TryParse(remote, out IPAddress? parsed))
        {
            address = IPAddress.None;
            return false;
        }

        address = parsed.IsIPv4MappedToIPv6 ? parsed.MapToIPv4() : parsed;
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        key = address.AddressFamily == AddressFamily.InterNetwork
            ? new AddressKey(BinaryPrimitives.ReadUInt32BigEndian(bytes))
            : new AddressKey((UInt128)BinaryPrimitives.ReadUInt64BigEndian(bytes) << 64);
        return true;
    }
}
