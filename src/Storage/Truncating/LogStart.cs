using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Where a conversation's log begins (docs/log-format.md §6, 'X'): its first kept record, and what is needed of those before it. Without an entry it begins at 1. It never goes back.
/// <code>
///  0            8                               40                  48                 56
/// +------------+-------------------------------+-------------------+------------------+
/// | first u64  | chain behind first − 1 (32)   | retries until i64 | retries below u64|
/// +------------+-------------------------------+-------------------+------------------+
/// </code>
/// When everything was cut off, <see cref="First"/> is one behind the head, and the head and its chain are what stands here.
/// </summary>
/// <param name="First">Sequence of the first record that is kept, or that will come; at least 1.</param>
/// <param name="Chain">The hash chain behind the record before it.</param>
/// <param name="RetriesUntilMicros">Until when the dedupe entries of the records below <see cref="RetriesBelow"/> are kept, µs since 1970-01-01 UTC; 0 = nothing waits for its time.</param>
/// <param name="RetriesBelow">See there.</param>
public readonly record struct LogStart(ulong First, ChainHash Chain, long RetriesUntilMicros = 0, ulong RetriesBelow = 0)
{
    /// <summary>Bytes of an entry.</summary>
    public const int Size = 8 + ChainHash.Size + 16;

    /// <summary>Of a log that nothing was cut off from.</summary>
    public static LogStart Beginning { get; } = new(1, default);

    /// <summary>The head of a log of which nothing is kept.</summary>
    public LogHead Head => new(First - 1, Chain);

    /// <summary>Reads an entry.</summary>
    /// <exception cref="CorruptRecordException">It cannot be one.</exception>
    public static LogStart Read(ReadOnlySpan<byte> source)
    {
        if (source.Length != Size || BinaryPrimitives.ReadUInt64LittleEndian(source) == 0)
        {
            throw new CorruptRecordException($"An entry that says where a log begins has {source.Length} bytes: {Convert.ToHexStringLower(source)}.");
        }

        return new LogStart(
            BinaryPrimitives.ReadUInt64LittleEndian(source), ChainHash.Read(source[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[40..]), BinaryPrimitives.ReadUInt64LittleEndian(source[48..]));
    }

    /// <summary>Writes an entry.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, First);
        Chain.Write(target[8..]);
        BinaryPrimitives.WriteInt64LittleEndian(target[40..], RetriesUntilMicros);
        BinaryPrimitives.WriteUInt64LittleEndian(target[48..], RetriesBelow);
    }

    /// <summary>The entry's bytes, in an array of their own.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        Write(bytes);
        return bytes;
    }
}

/// <summary>Says where logs begin; asked only when a log does not begin where it is looked for.</summary>
internal interface ILogStarts
{
    /// <exception cref="CorruptRecordException">The entry cannot be read.</exception>
    LogStart StartOf(ConversationId conversation);
}
