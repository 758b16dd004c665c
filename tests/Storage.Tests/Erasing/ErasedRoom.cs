using System.Buffers;
using System.Security.Cryptography;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>A conversation and what a reader must get of it: records, tombstones where one was erased, and nothing of what was cut off. It makes the tombstones by itself, from the record's fields.</summary>
internal sealed class ErasedRoom(ConversationId conversation)
{
    private readonly HashSet<ulong> _erased = [];

    public ConversationWriter Writer { get; } = new(conversation);

    public ConversationId Conversation => Writer.Conversation;

    public ulong Head => Writer.Sequence;

    public IReadOnlySet<ulong> Erased => _erased;

    /// <summary>The first record that is kept.</summary>
    public ulong First { get; private set; } = 1;

    /// <summary>Where its log begins.</summary>
    public LogStart Start => new(First, Writer.Chains[(int)First - 1]);

    public void Cut(CommitBatch batch, ulong first)
    {
        First = Math.Max(First, first);
        batch.Truncate(Conversation, Start);
    }

    public void Append(CommitBatch batch, params byte[][] bodies) => Writer.Append(batch, bodies);

    public void Erase(CommitBatch batch, params ulong[] sequences)
    {
        foreach (ulong sequence in sequences)
        {
            batch.Erase(Conversation, sequence);
            _erased.Add(sequence);
        }
    }

    public byte[] Expected(ulong sequence)
    {
        byte[] record = Writer.Records[(int)sequence - 1];
        return _erased.Contains(sequence) ? TombstoneOf(record) : record;
    }

    public byte[] Expected(ulong first, ulong last) => [.. Enumerable.Range(0, (int)(last + 1 - first)).SelectMany(i => Expected(first + (ulong)i))];

    /// <summary>Reads in every way, in pages of several sizes, and compares.</summary>
    public void Check(IConversationLog log)
    {
        Assert.That(log.ReadHead(Conversation), Is.EqualTo(new LogHead(Writer.Sequence, Writer.Chain)));
        Assert.That(log.ReadStart(Conversation), Is.EqualTo(Start));
        Assert.That(Read(log, 0, Head), Is.EqualTo(Expected(First, Head)), "forward");
        CheckChains(log);
        using ILogReader reader = log.OpenReader();
        foreach (int bytesMax in (ReadOnlySpan<int>)[1, 300, 5000])
        {
            CheckPages(bytesMax, (after, target) => reader.ReadForward(Conversation, after, LogPosition.Latest - 1, int.MaxValue, bytesMax, target));
            CheckPages(bytesMax, (after, target) => log.ReadForward(Conversation, after, LogPosition.Latest - 1, 3, bytesMax, target));
            CheckBackward(log, bytesMax);
        }

        // The records of dedupe entries: what a retry is compared with.
        for (ulong sequence = 1; sequence <= Head; sequence += 1 + (Head / 7))
        {
            Assert.That(Read(log, sequence - 1, sequence), Is.EqualTo(sequence < First ? [] : Expected(sequence)), $"record {sequence}");
        }
    }

    private void CheckChains(IConversationLog log)
    {
        for (ulong sequence = 0; sequence <= Head + 1; sequence += 1 + (Head / 11))
        {
            Assert.That(log.ReadChain(Conversation, sequence), Is.EqualTo(sequence < First - 1 || sequence > Head ? (ChainHash?)null : Writer.Chains[(int)sequence]), $"chain behind {sequence}");
        }

        Assert.That(log.ReadChain(Conversation, First - 1), Is.EqualTo(Writer.Chains[(int)First - 1]));
        Assert.That(log.ReadChain(Conversation, Head), Is.EqualTo(Writer.Chain));
    }

    public static byte[] TombstoneOf(byte[] bytes)
    {
        ReadOnlySpan<byte> source = bytes;
        Assert.That(MessageRecord.TryRead(ref source, out MessageRecord record), Is.True);
        byte[] tombstone = new byte[MessageRecord.SizeOf(record.Publisher != record.Sender, 32)];
        MessageRecord.Write(
            tombstone, record.Sequence, record.SentAtMicros, record.Sender, record.Publisher, record.Device, record.ClientMessageId, record.Kind,
            record.Flags | RecordFlags.Erased, SHA256.HashData(record.Body));
        return tombstone;
    }

    private byte[] Read(IConversationLog log, ulong after, ulong through)
    {
        ArrayBufferWriter<byte> target = new();
        log.ReadForward(Conversation, after, through, int.MaxValue, int.MaxValue, target);
        return target.WrittenSpan.ToArray();
    }

    private void CheckPages(int bytesMax, Func<ulong, ArrayBufferWriter<byte>, LogPage> read)
    {
        for (ulong after = 0; after < Head;)
        {
            ArrayBufferWriter<byte> target = new();
            LogPage page = read(after, target);
            if (First > Head)
            {
                Assert.That((page.Count, page.Complete), Is.EqualTo((0, true)));
                return;
            }

            Assert.That((page.First, page.Bytes), Is.EqualTo((Math.Max(after + 1, First), target.WrittenCount)));
            Assert.That(page.Count == 1 || page.Bytes <= bytesMax, Is.True, $"{page.Count} records of {page.Bytes} bytes");
            Assert.That(target.WrittenSpan.SequenceEqual(Expected(page.First, page.Last)), Is.True, $"page {page.First} to {page.Last}");
            after = page.Last;
        }
    }

    private void CheckBackward(IConversationLog log, int bytesMax)
    {
        for (ulong before = LogPosition.Latest; before > 1;)
        {
            ArrayBufferWriter<byte> target = new();
            LogPage page = log.ReadBackward(Conversation, before, 5, bytesMax, target);
            if (First > Head || before <= First)
            {
                Assert.That((page.Count, page.Complete), Is.EqualTo((0, true)), $"before {before}");
                return;
            }

            Assert.That(page.Complete, Is.EqualTo(page.First == First), $"{page.First} of {First}");
            Assert.That((page.Last, page.Bytes), Is.EqualTo((before == LogPosition.Latest ? Head : before - 1, target.WrittenCount)));
            Assert.That(page.Count == 1 || page.Bytes <= bytesMax, Is.True, $"{page.Count} records of {page.Bytes} bytes");
            Assert.That(target.WrittenSpan.SequenceEqual(Expected(page.First, page.Last)), Is.True, $"page {page.First} to {page.Last}");
            before = page.First;
        }
    }
}
