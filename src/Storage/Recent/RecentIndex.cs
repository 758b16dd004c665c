using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Where the commits of a journal file have what: the chunks of each conversation, in order, and the dedupe entries by key. Entries are places in the file's image; nothing is copied.
/// <para>
/// The chunks of a conversation are linked from the newest backwards, each with a second link that jumps farther (Myers, "An applicative random-access stack", 1983): finding the chunk of a
/// sequence takes a logarithm of steps, and adding one touches nothing that a reader may be looking at.
/// </para>
/// <para>
/// Everything in here is made as large as the file usually needs it, and what grows beyond that grows by a block or by copying numbers, never by looking at keys: a commit and all that wait for it stand
/// still meanwhile.
/// Rehashing 100,000 keys out of the image took 50 to 100 ms.
/// </para>
/// Threads: one writer, readers without a lock (<see cref="HashSlots"/>).
/// </summary>
internal sealed class RecentIndex
{
    /// <summary>No chunk.</summary>
    public const int None = -1;

    /// <summary>Bytes of the file for each message: a line of chat with its dedupe entry and its share of a commit.</summary>
    private const int BytesPerPublish = 256;

    /// <summary>The least that a chunk takes in the file: its key, its header and the smallest record.</summary>
    private const int BytesPerChunkMin = 64;

    private const int ConversationsAtFirst = 4096;
    private const int BlockBits = 12;
    private const int BlockSize = 1 << BlockBits;

    private readonly byte[] _image;
    private readonly HashSlots _conversations;
    private readonly HashSlots _publishes;

    /// <summary>The chunks, in blocks that never move.</summary>
    private readonly RecentChunk[][] _chunks;
    private int[] _publishOrder;
    private int _publishOrderCount;
    private int _count;

    /// <param name="image">The file's bytes; entries are places in it.</param>
    public RecentIndex(byte[] image)
    {
        _image = image;
        int publishes = image.Length / BytesPerPublish;
        _conversations = new HashSlots(Math.Min(publishes, ConversationsAtFirst));
        _publishes = new HashSlots(publishes);
        _publishOrder = new int[publishes + 1];
        _chunks = new RecentChunk[(image.Length / BytesPerChunkMin / BlockSize) + 1][];
    }

    /// <summary>Dedupe entries.</summary>
    public int PublishCount => _publishes.Count;

    /// <summary>Conversations with chunks.</summary>
    public int ConversationCount => _conversations.Count;

    public ReadOnlySpan<byte> Key(scoped in RecentChunk chunk) => _image.AsSpan(chunk.Value - chunk.KeyDistance, ChunkKey.Size);

    public ReadOnlySpan<byte> Value(scoped in RecentChunk chunk) => _image.AsSpan(chunk.Value, chunk.Size);

    public ref readonly RecentChunk Chunk(int chunk) => ref _chunks[chunk >> BlockBits][chunk & (BlockSize - 1)];

    /// <summary>The newest chunk of a conversation, or <see cref="None"/>.</summary>
    public int Newest(ReadOnlySpan<byte> conversation, ulong hash)
    {
        int slot = FindConversation(conversation, hash, out ReadOnlySpan<ulong> slots);
        return slot < 0 ? None : HashSlots.Entry(Volatile.Read(in slots[slot]));
    }

    /// <summary>The chunk with the greatest first sequence that is not behind <paramref name="sequence"/>, starting at a newer one; <see cref="None"/> when all are.</summary>
    public int Floor(int newest, ulong sequence)
    {
        int at = newest;
        while (at != None && Chunk(at).First > sequence)
        {
            int jump = Chunk(at).Jump;
            at = jump != None && Chunk(jump).First > sequence ? jump : Chunk(at).Previous;
        }

        return at;
    }

    /// <summary>The value of a dedupe entry; false when it has none here.</summary>
    public bool TryGetPublish(ReadOnlySpan<byte> key, ulong hash, out ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<ulong> slots = _publishes.Snapshot;
        for (int index = HashSlots.Begin(slots, hash); ; index = (index + 1) & (slots.Length - 1))
        {
            ulong slot = Volatile.Read(in slots[index]);
            if (slot == 0)
            {
                value = default;
                return false;
            }

            if (HashSlots.Matches(slot, hash) && EntryAt(HashSlots.Entry(slot), out value).SequenceEqual(key))
            {
                return true;
            }
        }
    }

    /// <summary>Notes a chunk of the segment. Writer.</summary>
    public void AddChunk(int keyOffset, int valueOffset, int valueSize)
    {
        ReadOnlySpan<byte> key = _image.AsSpan(keyOffset, ChunkKey.Size);
        ReadOnlySpan<byte> conversation = key[..Id128.Size];
        ulong first = ChunkKey.First(key);
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(_image.AsSpan(valueOffset + 4));
        ulong hash = KeyHash.Of(conversation);
        int slot = FindConversation(conversation, hash, out ReadOnlySpan<ulong> slots);
        int previous = slot < 0 ? None : HashSlots.Entry(slots[slot]);
        int jump = previous;
        int depth = 0;
        if (previous != None)
        {
            ref readonly RecentChunk before = ref Chunk(previous);
            depth = before.Depth + 1;
            if (before.Jump != None && before.Depth - DepthOf(before.Jump) == DepthOf(before.Jump) - DepthOf(Chunk(before.Jump).Jump))
            {
                jump = Chunk(before.Jump).Jump;
            }
        }

        // Readers come to a block by a slot or a link that is stored after it.
        RecentChunk[] block = _chunks[_count >> BlockBits] ??= new RecentChunk[BlockSize];
        block[_count & (BlockSize - 1)] = new RecentChunk(
            first, first + count - 1, previous == None ? first : Chunk(previous).Oldest, valueOffset, valueSize, valueOffset - keyOffset, previous, jump, depth);
        if (slot < 0)
        {
            _conversations.Add(hash, _count);
        }
        else
        {
            _conversations.Replace(slot, hash, _count);
        }

        _count++;
    }

    /// <summary>Notes a dedupe entry of the segment, given the offset of its key's size. Writer.</summary>
    public void AddPublish(int sizeOffset, ReadOnlySpan<byte> key, ulong hash)
    {
        if (_publishOrderCount == _publishOrder.Length)
        {
            Array.Resize(ref _publishOrder, 2 * _publishOrderCount);
        }

        _publishOrder[_publishOrderCount++] = sizeOffset;
        ReadOnlySpan<ulong> slots = _publishes.Snapshot;
        for (int index = HashSlots.Begin(slots, hash); slots[index] != 0; index = (index + 1) & (slots.Length - 1))
        {
            if (HashSlots.Matches(slots[index], hash) && EntryAt(HashSlots.Entry(slots[index]), out _).SequenceEqual(key))
            {
                _publishes.Replace(index, hash, sizeOffset);
                return;
            }
        }

        _publishes.Add(hash, sizeOffset);
    }

    /// <summary>The newest chunk of every conversation, in no order.</summary>
    public void CopyNewest(List<int> target)
    {
        foreach (ulong slot in _conversations.Snapshot)
        {
            if (slot != 0)
            {
                target.Add(HashSlots.Entry(slot));
            }
        }
    }

    /// <summary>Every dedupe entry in the order of the file, earlier entries of a key included, as <see cref="EntryAt"/> takes them. Writer, or when nobody writes any more.</summary>
    public ReadOnlySpan<int> Publishes => _publishOrder.AsSpan(0, _publishOrderCount);

    /// <summary>Key and value of an entry, read from the offset of its key's size.</summary>
    public ReadOnlySpan<byte> EntryAt(int sizeOffset, out ReadOnlySpan<byte> value)
    {
        CommitBatchReader reader = new(_image, sizeOffset);
        reader.ReadPut();
        value = reader.Value;
        return reader.Key;
    }

    /// <summary>Forgets everything, with no reader inside.</summary>
    public void Clear()
    {
        _conversations.Clear();
        _publishes.Clear();
        _publishOrderCount = 0;
        _count = 0;
    }

    private int DepthOf(int chunk) => chunk == None ? -1 : Chunk(chunk).Depth;

    private int FindConversation(ReadOnlySpan<byte> conversation, ulong hash, out ReadOnlySpan<ulong> slots)
    {
        slots = _conversations.Snapshot;
        for (int index = HashSlots.Begin(slots, hash); ; index = (index + 1) & (slots.Length - 1))
        {
            ulong slot = Volatile.Read(in slots[index]);
            if (slot == 0)
            {
                return -1;
            }

            if (HashSlots.Matches(slot, hash) && Key(Chunk(HashSlots.Entry(slot)))[..Id128.Size].SequenceEqual(conversation))
            {
                return index;
            }
        }
    }
}

/// <summary>A chunk in a segment's image.</summary>
/// <param name="First">Sequence of its first record.</param>
/// <param name="Last">Sequence of its last record.</param>
/// <param name="Oldest">The first sequence that the conversation has in this segment.</param>
/// <param name="Value">Offset of its value.</param>
/// <param name="Size">Bytes of its value.</param>
/// <param name="KeyDistance">How far before the value its key begins.</param>
/// <param name="Previous">The conversation's chunk before it in this segment, or none.</param>
/// <param name="Jump">A chunk farther back.</param>
/// <param name="Depth">Chunks before it.</param>
internal readonly record struct RecentChunk(
    ulong First, ulong Last, ulong Oldest, int Value, int Size, int KeyDistance, int Previous, int Jump, int Depth);
