using System.Buffers;
using System.Buffers.Binary;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// Pages of a log whose chunks are damaged (docs/log-format.md §3). A page holds the records that were written, each at its sequence, one after the other, within its bounds; or there is a
/// <see cref="CorruptRecordException"/>. Never other bytes, also when the header of a chunk is whole and lies, and no other exception.
/// <code>
/// input: [0] direction · [1] position · [2] count max · [3..5) bytes max · then per chunk: key (24) · value size u16 · value
/// </code>
/// </summary>
internal sealed class ChunkPagerTarget : IFuzzTarget
{
    private const int QuerySize = 5;
    private const int EntryHead = ChunkKey.Size + sizeof(ushort);
    private const int EntriesMax = 16;

    private readonly ResettableBuffer _page = new(64 * 1024);

    public string Name => "chunk-pager";

    public int SizeMax => 2500;

    public IReadOnlyList<byte[]> Words { get; } =
    [
        .. WrittenLog.Chunks.Select(chunk => chunk.Key), [68, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 6], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [1, 0, 0, 0, 5, 0, 0, 0],
        [0xFF, 0xFF, 0xFF, 0xFF], .. WrittenLog.Records.Take(3),
    ];

    public IEnumerable<byte[]> Seeds()
    {
        byte[] chunks = [.. WrittenLog.Chunks.SelectMany(Entry)];
        foreach (byte position in new byte[] { 0, 3, 5, 6, 11, 12, 13, 200 })
        {
            yield return [0, position, 100, 0, 0x40, .. chunks];
            yield return [1, position, 100, 0, 0x40, .. chunks];
            yield return [position, position, 2, 0, 2, .. chunks];
        }

        yield return [0, 0, 100, 0, 0x40, .. Entry(WrittenLog.Chunks[0]), .. Entry(WrittenLog.Chunks[2])];
        yield return [1, 0, 100, 0, 0x40, .. Entry(WrittenLog.Chunks[0]), .. Entry(WrittenLog.Chunks[2])];
    }

    /// <summary>The table that is made of the input, its keys, and the words of an exception.</summary>
    public long AllocationCap(int inputSize) => 48 * 1024 + (8 * inputSize);

    /// <summary>Seals the header of one chunk again: damage that a header's own checksum does not show.</summary>
    public int Shape(Span<byte> buffer, int size, ref FuzzRandom random)
    {
        int chosen = random.Below(3);
        int at = QuerySize;
        for (int i = 0; at + EntryHead + ChunkHeader.Size <= size; i++)
        {
            Span<byte> key = buffer.Slice(at, ChunkKey.Size);
            int valueSize = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(buffer[(at + ChunkKey.Size)..]), size - at - EntryHead);
            Span<byte> value = buffer.Slice(at + EntryHead, valueSize);
            if (i == chosen && valueSize >= ChunkHeader.Size)
            {
                ChunkHeader.Write(
                    value, key, BinaryPrimitives.ReadUInt32LittleEndian(value[4..]), BinaryPrimitives.ReadUInt32LittleEndian(value[8..]), ChainHash.Read(value[12..]));
                return size;
            }

            at += EntryHead + valueSize;
        }

        return size;
    }

    public ulong Run(ReadOnlySpan<byte> input)
    {
        if (input.Length < QuerySize)
        {
            return 0;
        }

        Outcome outcome = default;
        Cursor cursor = new(ReadTable(input[QuerySize..]));
        try
        {
            LogHead head = ChunkPager.Head(ref cursor, WrittenLog.Conversation);
            outcome.AddSize((long)(head.Sequence >> 1));
        }
        catch (CorruptRecordException damage)
        {
            outcome.Add(damage.Message.AsSpan(0, 8));
        }

        ulong position = input[1] == 200 ? LogPosition.Latest : input[1];
        int countMax = Math.Max(1, (int)input[2]);
        int bytesMax = BinaryPrimitives.ReadUInt16LittleEndian(input[3..]);
        _page.Clear();
        try
        {
            bool isBackward = (input[0] & 1) != 0;
            LogPage page = isBackward
                ? ChunkPager.Backward(ref cursor, WrittenLog.Conversation, position, countMax, bytesMax, _page)
                : ChunkPager.Forward(ref cursor, WrittenLog.Conversation, position, LogPosition.Latest - 1, countMax, bytesMax, _page);
            Check(page, countMax, bytesMax);
            Property.Holds(page.Count == 0 || (isBackward ? page.Last < position : page.First == position + 1), "the page does not begin next to its position");
            outcome.Add((ulong)page.Count);
            outcome.Add(page.Complete);
            outcome.Add(isBackward);
        }
        catch (CorruptRecordException damage)
        {
            outcome.Add(damage.Message.AsSpan(damage.Message.Length - 20));
        }

        return outcome.Value;
    }

    public void Dispose()
    {
    }

    private static IEnumerable<byte> Entry((byte[] Key, byte[] Value) chunk) =>
        [.. chunk.Key, (byte)chunk.Value.Length, (byte)(chunk.Value.Length >> 8), .. chunk.Value];

    private static List<(byte[] Key, byte[] Value)> ReadTable(ReadOnlySpan<byte> source)
    {
        List<(byte[] Key, byte[] Value)> entries = [];
        while (source.Length >= EntryHead && entries.Count < EntriesMax)
        {
            byte[] key = source[..ChunkKey.Size].ToArray();
            int size = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(source[ChunkKey.Size..]), source.Length - EntryHead);
            if (!entries.Exists(entry => entry.Key.AsSpan().SequenceEqual(key)))
            {
                entries.Add((key, source.Slice(EntryHead, size).ToArray()));
            }

            source = source[(EntryHead + size)..];
        }

        entries.Sort(static (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
        return entries;
    }

    private void Check(in LogPage page, int countMax, int bytesMax)
    {
        ReadOnlySpan<byte> rest = _page.Written;
        Property.Holds(page.Count <= countMax && (page.Bytes <= bytesMax || page.Count == 1) && page.Bytes == rest.Length, "the page is larger than its bounds, or than it says");
        ulong sequence = page.First;
        for (int i = 0; i < page.Count; i++, sequence++)
        {
            Property.Holds(MessageRecord.TryRead(ref rest, out MessageRecord record), "a page holds something that is no record");
            Property.Holds(WrittenLog.Has(sequence, record.Bytes), "a page holds a record that was not written there");
        }

        Property.Holds(rest.IsEmpty && (page.Count == 0 || sequence == page.Last + 1), "a page holds more than it says");
    }

    /// <summary>A table in an array.</summary>
    private struct Cursor(List<(byte[] Key, byte[] Value)> table) : IChunkCursor
    {
        private int _index = -1;

        public readonly bool Valid => (uint)_index < (uint)table.Count;

        public readonly ReadOnlySpan<byte> Key => table[_index].Key;

        public readonly ReadOnlySpan<byte> Value => table[_index].Value;

        public void Seek(scoped ReadOnlySpan<byte> key)
        {
            for (_index = 0; _index < table.Count && table[_index].Key.AsSpan().SequenceCompareTo(key) < 0; _index++)
            {
            }
        }

        public void SeekForPrevious(scoped ReadOnlySpan<byte> key)
        {
            for (_index = table.Count - 1; _index >= 0 && table[_index].Key.AsSpan().SequenceCompareTo(key) > 0; _index--)
            {
            }
        }

        public void Next() => _index++;

        public void Previous() => _index--;
    }

    /// <summary>A page's target that is used again.</summary>
    private sealed class ResettableBuffer(int size) : IBufferWriter<byte>
    {
        private readonly byte[] _bytes = new byte[size];
        private int _count;

        public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _count);

        public void Clear() => _count = 0;

        public void Advance(int count) => _count += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => _bytes.AsMemory(_count);

        public Span<byte> GetSpan(int sizeHint = 0) => _bytes.AsSpan(_count);
    }
}
