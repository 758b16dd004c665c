using System.Buffers;
using System.Buffers.Binary;
using System.Text;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Conversations;

/// <summary>
/// What later records have made of a message: its edits, reactions, pin, answers and thread, and its end. It follows from the log; it is stored under <c>x</c> so that whoever reads a page of old history
/// need not read everything behind it.
/// <code>
///  0        1       2           4            8              12                 16           24          32
/// +--------+-------+-----------+------------+--------------+------------------+------------+-----------+
/// | format | zero  | edits u16 | replies u32| in thread u32| reactions u16 · 0| deleted by | pinned by |
/// +--------+-------+-----------+------------+--------------+------------------+------------+-----------+
///  then the sequences of the edits (u64 each), then each reaction: count u32, size u8, bytes
/// </code>
/// </summary>
internal sealed record Annotation
{
    private const byte Format = 1;
    private const int FixedSize = 32;

    /// <summary>Sequences of the edits, oldest first.</summary>
    public IReadOnlyList<ulong> Edits { get; init; } = [];

    /// <summary>Reactions with how many people's they are, in the order in which they first came.</summary>
    public IReadOnlyList<ReactionCount> Reactions { get; init; } = [];

    /// <summary>Messages that answer it and are not deleted.</summary>
    public uint Replies { get; init; }

    /// <summary>Messages in its thread that are not deleted.</summary>
    public uint InThread { get; init; }

    /// <summary>Sequence of the record that deleted it or says that its time was over; 0 = it is there.</summary>
    public ulong DeletedBy { get; init; }

    /// <summary>Sequence of the record that pinned it; 0 = it is not.</summary>
    public ulong PinnedBy { get; init; }

    /// <summary>True when there is nothing to say.</summary>
    public bool IsEmpty => Edits.Count == 0 && Reactions.Count == 0 && Replies == 0 && InThread == 0 && DeletedBy == 0 && PinnedBy == 0;

    /// <summary>With one more reaction, or one less; null when there are too many different ones.</summary>
    public Annotation? With(string reaction, bool isAdded)
    {
        List<ReactionCount> reactions = [.. Reactions];
        int index = reactions.FindIndex(one => one.Reaction == reaction);
        if (index < 0)
        {
            if (!isAdded || reactions.Count >= ProtocolLimits.ReactionKindsMax)
            {
                return isAdded ? null : this;
            }

            reactions.Add(new ReactionCount(reaction, 1));
        }
        else if (!isAdded && reactions[index].Count == 1)
        {
            reactions.RemoveAt(index);
        }
        else
        {
            reactions[index] = reactions[index] with { Count = isAdded ? reactions[index].Count + 1 : reactions[index].Count - 1 };
        }

        return this with { Reactions = reactions };
    }

    public byte[] ToBytes()
    {
        ArrayBufferWriter<byte> bytes = new(FixedSize + (8 * Edits.Count));
        Span<byte> head = bytes.GetSpan(FixedSize)[..FixedSize];
        head.Clear();
        head[0] = Format;
        BinaryPrimitives.WriteUInt16LittleEndian(head[2..], (ushort)Edits.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], Replies);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], InThread);
        BinaryPrimitives.WriteUInt16LittleEndian(head[12..], (ushort)Reactions.Count);
        BinaryPrimitives.WriteUInt64LittleEndian(head[16..], DeletedBy);
        BinaryPrimitives.WriteUInt64LittleEndian(head[24..], PinnedBy);
        bytes.Advance(FixedSize);
        foreach (ulong edit in Edits)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.GetSpan(sizeof(ulong)), edit);
            bytes.Advance(sizeof(ulong));
        }

        foreach (ReactionCount reaction in Reactions)
        {
            byte[] text = Encoding.UTF8.GetBytes(reaction.Reaction);
            Span<byte> target = bytes.GetSpan(5 + text.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(target, reaction.Count);
            target[4] = (byte)text.Length;
            text.CopyTo(target[5..]);
            bytes.Advance(5 + text.Length);
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>What is stored of a message; nothing when there is no entry.</summary>
    /// <exception cref="CorruptRecordException">It cannot be read. Taken for nothing, it would let a deleted message be edited, and forget everybody's reactions with the next one.</exception>
    public static Annotation Read(byte[]? stored) =>
        stored is null ? new Annotation() : ReadStored(stored);

    /// <summary>What an entry says.</summary>
    /// <exception cref="CorruptRecordException">It cannot be read.</exception>
    public static Annotation ReadStored(ReadOnlySpan<byte> stored) =>
        Parse(stored) ?? throw new CorruptRecordException("what later records made of a message cannot be read; fastchat verify --rebuild finds it again");

    /// <summary>Null when the bytes are no annotation.</summary>
    public static Annotation? Parse(ReadOnlySpan<byte> source)
    {
        if (source.Length < FixedSize || source[0] != Format)
        {
            return null;
        }

        int editCount = BinaryPrimitives.ReadUInt16LittleEndian(source[2..]);
        int reactionCount = BinaryPrimitives.ReadUInt16LittleEndian(source[12..]);
        ReadOnlySpan<byte> rest = source[FixedSize..];
        if (rest.Length < editCount * sizeof(ulong))
        {
            return null;
        }

        ulong[] edits = new ulong[editCount];
        for (int i = 0; i < editCount; i++)
        {
            edits[i] = BinaryPrimitives.ReadUInt64LittleEndian(rest[(i * sizeof(ulong))..]);
        }

        rest = rest[(editCount * sizeof(ulong))..];
        List<ReactionCount> reactions = [];
        for (int i = 0; i < reactionCount; i++)
        {
            if (rest.Length < 5 || rest.Length < 5 + rest[4])
            {
                return null;
            }

            reactions.Add(new ReactionCount(Encoding.UTF8.GetString(rest.Slice(5, rest[4])), BinaryPrimitives.ReadUInt32LittleEndian(rest)));
            rest = rest[(5 + rest[4])..];
        }

        return !rest.IsEmpty ? null : new Annotation
        {
            Edits = edits,
            Reactions = reactions,
            Replies = BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            InThread = BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
            DeletedBy = BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
            PinnedBy = BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
        };
    }
}

/// <summary>A reaction and how many people's it is.</summary>
internal readonly record struct ReactionCount(string Reaction, uint Count);
