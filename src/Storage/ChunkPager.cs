using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>A position in the ordered chunks of <see cref="Table.Log"/>, over one snapshot. Spans die when the cursor moves.</summary>
internal interface IChunkCursor
{
    /// <exception cref="StorageException">The device could not be read, or RocksDB found damage.</exception>
    bool Valid { get; }

    ReadOnlySpan<byte> Key { get; }

    ReadOnlySpan<byte> Value { get; }

    /// <summary>Moves to the first key at or behind <paramref name="key"/>.</summary>
    void Seek(scoped ReadOnlySpan<byte> key);

    /// <summary>Moves to the last key at or before <paramref name="key"/>.</summary>
    void SeekForPrevious(scoped ReadOnlySpan<byte> key);

    void Next();

    void Previous();
}

/// <summary>
/// The read paths of a conversation, written once over a cursor: both logs page in the same way. Nothing leaves here that was not checked:
/// chunk header against its checksum and key, each record against its checksum, each sequence against the one before it. What is noted to be erased leaves as its tombstone, what is
/// sealed leaves opened, and each counts with what it leaves as. What is noted to be cut off does not leave; when the chunks are gone, too, the log begins later than is looked for, and only then it is asked
/// where it does.
/// </summary>
internal static class ChunkPager
{
    public static LogHead Head<TCursor>(ref TCursor cursor, ConversationId conversation, ILogStarts? starts = null)
        where TCursor : IChunkCursor, allows ref struct
    {
        Span<byte> key = stackalloc byte[ChunkKey.Size];
        ChunkKey.Write(key, conversation, ulong.MaxValue);
        cursor.SeekForPrevious(key);
        if (!StandsIn(ref cursor, conversation))
        {
            return starts?.StartOf(conversation).Head ?? default;
        }

        ChunkHeader header = ChunkHeader.Read(cursor.Key, cursor.Value);
        return new LogHead(header.Last, header.ChainAfter);
    }

    /// <summary>The chain behind a record; null when there is none with this sequence. A reader's checks on the way to it, but nothing is opened.</summary>
    /// <param name="start">Where the log begins.</param>
    public static ChainHash? Chain<TCursor>(ref TCursor cursor, ConversationId conversation, ulong sequence, in LogStart start)
        where TCursor : IChunkCursor, allows ref struct
    {
        if (sequence < start.First)
        {
            return sequence == start.First - 1 ? start.Chain : null;
        }

        Span<byte> key = stackalloc byte[ChunkKey.Size];
        ChunkKey.Write(key, conversation, sequence);
        cursor.SeekForPrevious(key);
        if (!StandsIn(ref cursor, conversation))
        {
            return null;
        }

        ChunkHeader header = ChunkHeader.Read(cursor.Key, cursor.Value);
        if (header.Last <= sequence)
        {
            return header.Last == sequence ? header.ChainAfter : null;
        }

        // Of a chunk that is cut off in its middle only what is kept counts: what is before it may have been cut off with a chain of its own that nobody knows any more.
        bool isCut = header.First < start.First;
        ChainHash chain = start.Chain;
        ulong at = header.First;
        ReadOnlySpan<byte> rest = cursor.Value[ChunkHeader.Size..];
        for (; at < start.First; at++)
        {
            RequireRecord(cursor.Key, ref rest, at);
        }

        if (!isCut && header.First > start.First)
        {
            cursor.Previous();
            ChunkHeader before = StandsIn(ref cursor, conversation) ? ChunkHeader.Read(cursor.Key, cursor.Value) : default;
            chain = before.Last == header.First - 1 ? before.ChainAfter : throw new CorruptRecordException($"Records before record {header.First} of conversation {conversation} are missing.");
            cursor.SeekForPrevious(key);
            rest = cursor.Value[ChunkHeader.Size..];
        }

        for (; at <= sequence; at++)
        {
            chain = chain.Next(RequireRecord(cursor.Key, ref rest, at));
        }

        return chain;
    }

    public static LogPage Forward<TCursor>(
        ref TCursor cursor, ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target,
        ErasedSequences erased = default, RecordOpener? opener = null, ILogStarts? starts = null)
        where TCursor : IChunkCursor, allows ref struct
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(countMax, 1);
        after = Math.Max(after, Math.Max(erased.First, 1) - 1);
        if (after >= through || !SeekChunk(ref cursor, conversation, ref after, starts) || after >= through)
        {
            return new LogPage(0, 0, 0, 0, Complete: true);
        }

        PageBuilder page = new(conversation, after + 1, through, countMax, bytesMax, target, erased, opener);
        while (page.TakeChunk(cursor.Key, cursor.Value))
        {
            if (page.Next > through)
            {
                return page.Build(complete: true);
            }

            cursor.Next();
            if (!StandsIn(ref cursor, conversation))
            {
                return page.Build(complete: true);
            }
        }

        return page.Build(complete: false);
    }

    public static LogPage Backward<TCursor>(
        ref TCursor cursor, ConversationId conversation, ulong before, int countMax, int bytesMax, IBufferWriter<byte> target,
        ErasedSequences erased = default, RecordOpener? opener = null, ILogStarts? starts = null)
        where TCursor : IChunkCursor, allows ref struct
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(countMax, 1);
        ulong first = Math.Max(erased.First, 1);
        if (before <= first)
        {
            return new LogPage(0, 0, 0, 0, Complete: true);
        }

        Span<byte> key = stackalloc byte[ChunkKey.Size];
        ChunkKey.Write(key, conversation, before - 1);
        cursor.SeekForPrevious(key);
        if (!StandsIn(ref cursor, conversation))
        {
            return new LogPage(0, 0, 0, 0, Complete: true);
        }

        // Records have no back links, so the choice is made first, walking chunks downwards; then one forward read copies it.
        TailChoice choice = new(first, before - 1, countMax, bytesMax, erased);
        while (choice.ExtendInto(cursor.Key, cursor.Value))
        {
            cursor.Previous();
            if (!StandsIn(ref cursor, conversation))
            {
                break;
            }
        }

        if (choice.First == 0)
        {
            // The last chunk there was cut off.
            return new LogPage(0, 0, 0, 0, Complete: true);
        }

        LogPage page = Forward(ref cursor, conversation, choice.First - 1, choice.Last, int.MaxValue, int.MaxValue, target, erased, opener);
        return page with { Complete = choice.First <= first || starts?.StartOf(conversation).First >= choice.First };
    }

    private static bool StandsIn<TCursor>(ref TCursor cursor, ConversationId conversation)
        where TCursor : IChunkCursor, allows ref struct =>
        cursor.Valid && cursor.Key.Length == ChunkKey.Size && ChunkKey.Conversation(cursor.Key) == conversation;

    private static MessageRecord RequireRecord(ReadOnlySpan<byte> key, ref ReadOnlySpan<byte> rest, ulong sequence) =>
        MessageRecord.TryRead(ref rest, out MessageRecord record) && record.Sequence == sequence && record.ChecksumMatches
            ? record
            : throw new CorruptRecordException($"Record {sequence} in {ChunkHeader.Name(key)} does not match its checksum.");

    /// <summary>
    /// Moves to the chunk that holds the record behind <paramref name="after"/>; false when the log ends before it. When the log begins behind it, it is the first one that is kept. The forward seek comes first because
    /// a reader that follows the log usually stands at the start of a chunk, and because it leaves RocksDB's iterator facing forward.
    /// </summary>
    private static bool SeekChunk<TCursor>(ref TCursor cursor, ConversationId conversation, ref ulong after, ILogStarts? starts)
        where TCursor : IChunkCursor, allows ref struct
    {
        ulong sequence = after + 1;
        if (StandsIn(ref cursor, conversation) && ChunkKey.First(cursor.Key) <= sequence
            && ChunkHeader.TryRead(cursor.Key, cursor.Value, out ChunkHeader here, out _) && here.Last >= sequence)
        {
            // Where the page before this one ended.
            return true;
        }

        Span<byte> key = stackalloc byte[ChunkKey.Size];
        ChunkKey.Write(key, conversation, sequence);
        cursor.Seek(key);
        bool laterChunk = StandsIn(ref cursor, conversation);
        if (laterChunk && ChunkKey.First(cursor.Key) == sequence)
        {
            return true;
        }

        cursor.SeekForPrevious(key);
        if (StandsIn(ref cursor, conversation) && ChunkHeader.Read(cursor.Key, cursor.Value).Last >= sequence)
        {
            return true;
        }

        if (!laterChunk)
        {
            return false;
        }

        if (starts?.StartOf(conversation).First is { } first && first > sequence)
        {
            after = first - 1;
            return SeekChunk(ref cursor, conversation, ref after, starts: null);
        }

        throw new CorruptRecordException($"Record {sequence} of conversation {conversation} is missing though later ones exist.");
    }

    /// <summary>Collects a forward page; runs of good records are copied at once.</summary>
    private ref struct PageBuilder(
        ConversationId conversation, ulong next, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target, ErasedSequences erased, RecordOpener? opener)
    {
        private readonly ErasedSequences _erased = erased;
        private readonly ulong _first = next;
        private int _count;
        private int _bytes;

        public ulong Next { get; private set; } = next;

        /// <summary>Takes what fits of a chunk. False when the page ends here though the log does not.</summary>
        public bool TakeChunk(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            if (!ChunkHeader.TryRead(key, value, out ChunkHeader header, out string reason))
            {
                return StopAtDamage(reason);
            }

            if (header.First > Next)
            {
                return StopAtDamage($"Records {Next} to {header.First - 1} before {ChunkHeader.Name(key)} are missing.");
            }

            ReadOnlySpan<byte> rest = value[ChunkHeader.Size..];
            for (ulong skipped = header.First; skipped < Next; skipped++)
            {
                if (!MessageRecord.TryRead(ref rest, out _))
                {
                    return StopAtDamage(Unreadable(key, skipped));
                }
            }

            ReadOnlySpan<byte> run = rest;
            ulong end = Math.Min(header.Last, through);
            bool isErasing = _erased.AnyIn(Next, end);
            while (Next <= end)
            {
                ReadOnlySpan<byte> before = rest;
                if (!MessageRecord.TryRead(ref rest, out MessageRecord record) || record.Sequence != Next || !record.ChecksumMatches)
                {
                    target.Write(run[..^before.Length]);
                    return StopAtDamage(Unreadable(key, Next));
                }

                bool isErased = isErasing && _erased.Covers(record);
                if (isErased || SealedBody.Is(record))
                {
                    target.Write(run[..^before.Length]);
                    run = before;
                    if (_count == countMax || !TakeOther(key, record, isErased))
                    {
                        return false;
                    }

                    run = rest;
                    Next++;
                    continue;
                }

                int size = record.Bytes.Length;
                if (_count == countMax || (_count > 0 && size > bytesMax - _bytes))
                {
                    target.Write(run[..^before.Length]);
                    return false;
                }

                _count++;
                _bytes += size;
                Next++;
            }

            target.Write(run[..^rest.Length]);
            return true;
        }

        /// <summary>Takes a record that is served as other bytes than it is stored. False when it does not fit.</summary>
        private bool TakeOther(scoped ReadOnlySpan<byte> key, scoped MessageRecord record, bool isErased)
        {
            int size;
            if (!SealedBody.Is(record))
            {
                size = Tombstone.SizeOf(record);
                Tombstone.Write(target.GetSpan(size), record);
            }
            else
            {
                Span<byte> served = target.GetSpan(SealedBody.ServedSizeMax(record));
                try
                {
                    size = isErased ? SealedBody.WriteTombstone(served, record)
                        : opener is not null ? opener.Open(conversation, record, served)
                        : throw new CorruptRecordException($"Record {record.Sequence} in {ChunkHeader.Name(key)} is sealed, and there are no keys.");
                }
                catch (CorruptRecordException) when (_count > 0)
                {
                    return false;
                }
            }

            if (_count > 0 && size > bytesMax - _bytes)
            {
                return false;
            }

            target.Advance(size);
            _count++;
            _bytes += size;
            return true;
        }

        public readonly LogPage Build(bool complete) =>
            _count == 0 ? new LogPage(0, 0, 0, 0, complete) : new LogPage(_first, Next - 1, _count, _bytes, complete);

        private static string Unreadable(ReadOnlySpan<byte> key, ulong sequence) =>
            $"Record {sequence} in {ChunkHeader.Name(key)} does not match its checksum.";

        private readonly bool StopAtDamage(string reason) => _count > 0 ? false : throw new CorruptRecordException(reason);
    }

    /// <summary>Decides which records a backward page takes: the longest good run that ends at <c>through</c> and fits the bounds.</summary>
    private ref struct TailChoice(ulong kept, ulong through, int countMax, int bytesMax, ErasedSequences erased)
    {
        private readonly ErasedSequences _erased = erased;
        private long _count;
        private long _bytes;

        public ulong First { get; private set; }

        public ulong Last { get; private set; }

        /// <summary>Extends the choice downwards into a chunk; false when it ends there.</summary>
        public bool ExtendInto(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            if (!ChunkHeader.TryRead(key, value, out ChunkHeader header, out string reason))
            {
                return StopAtDamage(reason);
            }

            if (header.Last < kept)
            {
                return false;
            }

            ulong last = Math.Min(header.Last, through);
            if (First != 0 && last != First - 1)
            {
                return StopAtDamage($"Records behind {ChunkHeader.Name(key)} are missing.");
            }

            // A damaged record, or one that was cut off, ends the run from below: only what follows it inside the chunk may be chosen.
            ulong from = header.First;
            long bytes = 0;
            ReadOnlySpan<byte> rest = value[ChunkHeader.Size..];
            ReadOnlySpan<byte> start = rest;
            for (ulong sequence = header.First; sequence <= last; sequence++)
            {
                if (!MessageRecord.TryRead(ref rest, out MessageRecord record))
                {
                    return StopAtDamage($"Record {sequence} in {ChunkHeader.Name(key)} is cut off.");
                }

                bytes += ServedSize(record);
                if (sequence < kept || record.Sequence != sequence || !record.ChecksumMatches)
                {
                    from = sequence + 1;
                    start = rest;
                    bytes = 0;
                }
            }

            if (from > last)
            {
                return StopAtDamage($"Record {last} in {ChunkHeader.Name(key)} does not match its checksum.");
            }

            ulong good = from;
            while (from < last && !Fits(last - from + 1, bytes))
            {
                _ = MessageRecord.TryRead(ref start, out MessageRecord dropped);
                bytes -= ServedSize(dropped);
                from++;
            }

            bool first = First == 0;
            if (!first && !Fits(last - from + 1, bytes))
            {
                return false;
            }

            Last = first ? last : Last;
            First = from;
            _count += (long)(last - from + 1);
            _bytes += bytes;
            return from == header.First && good == header.First && _count < countMax && _bytes < bytesMax;
        }

        /// <summary>Of a sealed record the most that it can be: what it is shows only when it is opened.</summary>
        private readonly int ServedSize(in MessageRecord record) =>
            _erased.Covers(record) ? Tombstone.SizeOf(record) : SealedBody.Is(record) ? SealedBody.ServedSizeMax(record) : record.Bytes.Length;

        private readonly bool Fits(ulong count, long bytes) => _count + (long)count <= countMax && _bytes + bytes <= bytesMax;

        private readonly bool StopAtDamage(string reason) => First != 0 ? false : throw new CorruptRecordException(reason);
    }
}
