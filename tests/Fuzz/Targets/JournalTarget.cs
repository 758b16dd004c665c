using System.Buffers.Binary;

using FastChat.Storage;
using FastChat.TestSupport;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// A journal file with damage (docs/log-format.md §8). Every commit that reading accepts is one that was written, with its number, flags and entries; they come without a gap. And what §8 promises: as long as a head of the
/// file is whole, a whole commit with a greater number anywhere behind the last accepted one is found, so that damage to an acknowledged commit never passes for the end of the journal; and what is found was written.
/// <para>
/// Whether a commit is whole is decided here by comparing bytes, not by checksums. Two that differ have the same checksums once in 2⁴⁸ (a damaged head) or 2³² (damaged entries).
/// </para>
/// </summary>
internal sealed class JournalTarget : IFuzzTarget
{
    private readonly TemporaryDirectory _directory = new("fuzz-journal");
    private readonly JournalSegment _segment;

    public JournalTarget()
    {
        string path = _directory.PathOf("00000001.journal");
        File.WriteAllBytes(path, new byte[WrittenJournal.Capacity]);
        _segment = JournalSegment.Open(path);
    }

    public string Name => "journal";

    public int SizeMax => WrittenJournal.Capacity;

    public IReadOnlyList<byte[]> Words { get; } = [[.. "FCJ1"u8], [24, 0, 0, 0], new byte[8], new byte[64], [9, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]];

    public IEnumerable<byte[]> Seeds() => WrittenJournal.Files();

    public long AllocationCap(int inputSize) => 0;

    /// <summary>Moves a piece of a file by whole steps of eight bytes, or over another place: the damage that keeps commits whole and in reach of a search.</summary>
    public int Shape(Span<byte> buffer, int size, ref FuzzRandom random)
    {
        if (size < 256)
        {
            return size;
        }

        int places = size / JournalRecord.Alignment;
        int from = random.Below(places) * JournalRecord.Alignment;
        int to = random.Below(places) * JournalRecord.Alignment;
        int count = Math.Min(1 + random.Below(320), size - Math.Max(from, to));
        if (random.OneIn(3))
        {
            buffer.Slice(to, count).Clear();
        }
        else
        {
            buffer.Slice(from, count).CopyTo(buffer[to..]);
        }

        return size;
    }

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        _segment.Begin(WrittenJournal.Epoch, firstCommit: 1);
        input.CopyTo(_segment.Image);
        _segment.Image.AsSpan(input.Length).Clear();

        bool hasCommits = _segment.TryParse(out ulong first);
        bool hasHead = JournalHeader.TryRead(_segment.Image, out JournalHeader header)
            || JournalHeader.TryRead(_segment.Image.AsSpan(_segment.Image.Length - JournalHeader.Size), out header);
        outcome.Add(hasHead);
        outcome.Add(hasCommits);
        if (!hasHead)
        {
            Property.Holds(!hasCommits, "commits without a head of the file");
            return outcome.Value;
        }

        Property.Holds(Array.IndexOf(WrittenJournal.Salts, header.Salt) >= 0, "a head that was not written");
        ulong next = CheckAccepted(first, ref outcome);
        CheckSearch(next - 1, header.Salt, ref outcome);
        return outcome.Value;
    }

    public void Dispose()
    {
        _segment.Dispose();
        _directory.Dispose();
    }

    /// <summary>Walks what was accepted as recovery does; returns the number behind the last.</summary>
    private ulong CheckAccepted(ulong first, ref Outcome outcome)
    {
        ulong next = first;
        int end = _segment.IsEmpty ? 0 : _segment.Size;
        for (int at = JournalHeader.Size; at < end; next++)
        {
            bool isRead = JournalRecord.TryRead(_segment.Image.AsSpan(at, end - at), _segment.Salt, out JournalRecord record);
            Property.Holds(isRead && record.Commit == next, "accepted commits have a gap");
            CheckWritten(at, record);
            int entries = 0;
            CommitBatchReader reader = new(_segment.Image.AsSpan(at + JournalRecord.HeaderSize, record.Size - JournalRecord.HeaderSize), 0);
            while (reader.Next())
            {
                entries++;
            }

            Property.Holds(entries > 0, "a commit without entries");
            at = JournalRecord.Aligned(at + record.Size);
        }

        outcome.Add(first);
        outcome.Add(next);
        return next;
    }

    private void CheckSearch(ulong last, uint salt, ref Outcome outcome)
    {
        bool isFound = _segment.TryFindBehind(last, out JournalRecord found);
        int from = JournalRecord.Aligned(Math.Max(_segment.Size, JournalHeader.Size));
        bool isThere = false;
        for (int at = from; at + JournalRecord.HeaderSize <= _segment.Image.Length; at += JournalRecord.Alignment)
        {
            ulong commit = BinaryPrimitives.ReadUInt64LittleEndian(_segment.Image.AsSpan(at + 8));
            isThere |= commit > last && IsWhole(at, commit, salt);
            if (isFound && commit == found.Commit && JournalRecord.TryRead(_segment.Image.AsSpan(at), salt, out JournalRecord here))
            {
                CheckWritten(at, here);
            }
        }

        Property.Holds(isFound || !isThere, "a later commit is whole, and the damage before it was not noticed");
        Property.Holds(isThere || !isFound, "a later commit was found that is not there");
        outcome.Add(isFound);
    }

    private void CheckWritten(int at, in JournalRecord record) => Property.Holds(
        record.Flags == WrittenJournal.FlagsOf(record.Commit)
            && _segment.Image.AsSpan(at + JournalRecord.HeaderSize, record.Size - JournalRecord.HeaderSize).SequenceEqual(WrittenJournal.EntriesOf(record.Commit)),
        "a commit was accepted that was not written");

    /// <summary>True when the bytes are the ones that writing this commit with this salt makes.</summary>
    private bool IsWhole(int at, ulong commit, uint salt)
    {
        ReadOnlySpan<byte> entries = WrittenJournal.EntriesOf(commit);
        int size = JournalRecord.HeaderSize + entries.Length;
        if (entries.IsEmpty || at + size > _segment.Image.Length || !_segment.Image.AsSpan(at + JournalRecord.HeaderSize, entries.Length).SequenceEqual(entries))
        {
            return false;
        }

        Span<byte> sealedBytes = stackalloc byte[512];
        sealedBytes = sealedBytes[..size];
        entries.CopyTo(sealedBytes[JournalRecord.HeaderSize..]);
        JournalRecord.Seal(sealedBytes, commit, WrittenJournal.Epoch, WrittenJournal.FlagsOf(commit), salt);
        return _segment.Image.AsSpan(at, size).SequenceEqual(sealedBytes);
    }
}
