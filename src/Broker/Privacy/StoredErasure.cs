using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

using FastChat.Protocol;

namespace FastChat.Broker.Privacy;

/// <summary>
/// The erasure of a person, as it is stored under <c>E</c> in the person's shard from the moment it was asked for. It stays when it is done: who was erased is known for ever, what they were called is not.
/// <code>
///  0        1      2         10        18            34         50          58
/// +--------+------+---------+---------+-------------+----------+-----------+----------------------+
/// | format | zero | begun   | done    | asked by    | place    | erased u64| key of the name      |
/// +--------+------+---------+---------+-------------+----------+-----------+----------------------+
/// </code>
/// Times are i64 µs since 1970-01-01 UTC.
/// </summary>
/// <param name="BegunMicros">When it was asked for.</param>
/// <param name="By">Who asked: the person, or an operator.</param>
internal sealed record StoredErasure(long BegunMicros, UserId By)
{
    private const int FixedSize = 58;

    /// <summary>When nothing was left to do; 0 = it is under way.</summary>
    public long DoneMicros { get; init; }

    /// <summary>The last conversation that was looked through: after a restart it goes on behind it.</summary>
    public ConversationId Place { get; init; }

    /// <summary>Messages and reactions whose bodies are gone.</summary>
    public ulong Erased { get; init; }

    /// <summary>The key under which the name stood, which is to leave the files; empty when it is done.</summary>
    public byte[] NameKey { get; init; } = [];

    public static byte[] Key(UserId user) => [(byte)'E', .. ControlMap.IdBytes(user.Value)];

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[FixedSize + NameKey.Length];
        bytes[0] = 1;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(2), BegunMicros);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(10), DoneMicros);
        By.Write(bytes.AsSpan(18));
        Place.Write(bytes.AsSpan(34));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(50), Erased);
        NameKey.CopyTo(bytes, FixedSize);
        return bytes;
    }

    /// <summary>False when the bytes are none.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out StoredErasure? erasure)
    {
        erasure = source.Length < FixedSize || source[0] != 1 || source[1] != 0 ? null : new StoredErasure(BinaryPrimitives.ReadInt64LittleEndian(source[2..]), UserId.Read(source[18..]))
        {
            DoneMicros = BinaryPrimitives.ReadInt64LittleEndian(source[10..]),
            Place = ConversationId.Read(source[34..]),
            Erased = BinaryPrimitives.ReadUInt64LittleEndian(source[50..]),
            NameKey = source[FixedSize..].ToArray(),
        };
        return erasure is not null;
    }
}
