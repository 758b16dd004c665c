using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>A conversation that is written as a shard writes it with a vault, and what readers must get of it.</summary>
internal sealed class SealedRoom(ConversationId conversation)
{
    private readonly List<byte[]> _plain = [];
    private readonly List<byte[]> _stored = [];

    public ConversationId Conversation => conversation;

    public ulong Head => (ulong)_plain.Count;

    public ChainHash Chain { get; private set; }

    /// <summary>People whose records are served as tombstones.</summary>
    public HashSet<UserId> Destroyed { get; } = [];

    /// <summary>Sequences that were erased.</summary>
    public HashSet<ulong> Erased { get; } = [];

    public byte[] Stored(ulong sequence) => _stored[(int)sequence - 1];

    public void Append(CommitBatch batch, RecordSealer sealer, UserId sender, params byte[][] bodies) => Append(batch, sealer, sender, MessageKind.Text, bodies);

    public void Append(CommitBatch batch, RecordSealer sealer, UserId sender, MessageKind kind, params byte[][] bodies)
    {
        ArrayBufferWriter<byte> records = new();
        ulong first = Head + 1;
        foreach (byte[] body in bodies)
        {
            byte[] record = Plain(Head + 1, sender, kind, body);
            _plain.Add(record);
            records.Write(record);
        }

        Span<byte> target = batch.BeginChunk(conversation, first, RecordSealer.SizeOf(records.WrittenSpan), out int offset);
        Chain = sealer.Seal(conversation, records.WrittenSpan, target, Chain);
        batch.EndChunk((uint)bodies.Length, Chain);
        ReadOnlySpan<byte> rest = batch.Slice(offset, target.Length).Span;
        Span<byte> key = stackalloc byte[DedupeKey.Size];
        Span<byte> value = stackalloc byte[DedupeValue.Size];
        while (MessageRecord.TryRead(ref rest, out MessageRecord record))
        {
            _stored.Add(record.Bytes.ToArray());
            DedupeKey.Write(key, conversation, record);
            DedupeValue plain = DedupeValue.Of(MessageRecord.Of(_plain[(int)record.Sequence - 1]));
            RecordSealer.Stored(plain, record.Kind).Write(value);
            if ((byte)kind < MessageKinds.FirstSystemKind)
            {
                batch.Put(Table.Dedupe, key, value);
            }
        }
    }

    public static byte[] Plain(ulong sequence, UserId sender, MessageKind kind, byte[] body)
    {
        UserId publisher = sequence % 3 == 0 ? new UserId(88) : sender;
        byte[] record = new byte[MessageRecord.SizeOf(publisher != sender, body.Length)];
        MessageRecord.Write(record, sequence, 1_700_000_000_000_000 + (long)sequence, sender, publisher, new DeviceId(5), new ClientMessageId(1000 + sequence), kind, RecordFlags.None, body);
        return record;
    }

    /// <summary>Reads in every way, in pages of several sizes, and compares.</summary>
    public void Check(IConversationLog log)
    {
        Assert.That(log.ReadHead(conversation), Is.EqualTo(new LogHead(Head, Chain)));
        using ILogReader reader = log.OpenReader();
        foreach (int bytesMax in (ReadOnlySpan<int>)[1, 300, 5000, int.MaxValue])
        {
            CheckForward(bytesMax, (after, target) => reader.ReadForward(conversation, after, LogPosition.Latest - 1, int.MaxValue, bytesMax, target));
            CheckForward(bytesMax, (after, target) => log.ReadForward(conversation, after, LogPosition.Latest - 1, 3, bytesMax, target));
            for (ulong before = Head + 1; before > 1;)
            {
                ArrayBufferWriter<byte> target = new();
                LogPage page = log.ReadBackward(conversation, before, 5, bytesMax, target);
                Assert.That((page.Last, page.Bytes), Is.EqualTo((before - 1, target.WrittenCount)));
                Assert.That(page.Count == 1 || page.Bytes <= bytesMax, Is.True);
                Assert.That(target.WrittenSpan.SequenceEqual(Expected(page.First, page.Last)), Is.True, $"page {page.First} to {page.Last}, backward");
                before = page.First;
            }
        }
    }

    private void CheckForward(int bytesMax, Func<ulong, ArrayBufferWriter<byte>, LogPage> read)
    {
        for (ulong after = 0; after < Head;)
        {
            ArrayBufferWriter<byte> target = new();
            LogPage page = read(after, target);
            Assert.That((page.First, page.Bytes), Is.EqualTo((after + 1, target.WrittenCount)));
            Assert.That(page.Count == 1 || page.Bytes <= bytesMax, Is.True);
            Assert.That(target.WrittenSpan.SequenceEqual(Expected(page.First, page.Last)), Is.True, $"page {page.First} to {page.Last}");
            after = page.Last;
        }
    }

    private byte[] Expected(ulong first, ulong last) => [.. Enumerable.Range((int)first, (int)(last + 1 - first)).SelectMany(sequence => Expected((ulong)sequence))];

    private byte[] Expected(ulong sequence)
    {
        byte[] plain = _plain[(int)sequence - 1];
        byte[] stored = _stored[(int)sequence - 1];
        bool isSealed = (stored[65] & (byte)RecordFlags.Sealed) != 0;
        MessageRecord record = MessageRecord.Of(plain);
        if (!Erased.Contains(sequence) && !(isSealed && Destroyed.Contains(record.Sender)))
        {
            return plain;
        }

        // A tombstone with the hash of what was stored.
        byte[] tombstone = ErasedRoom.TombstoneOf(stored);
        MessageRecord flagged = MessageRecord.Of(tombstone);
        byte[] expected = new byte[tombstone.Length];
        MessageRecord.Write(
            expected, flagged.Sequence, flagged.SentAtMicros, flagged.Sender, flagged.Publisher, flagged.Device, flagged.ClientMessageId, flagged.Kind, flagged.Flags & ~RecordFlags.Sealed, flagged.Body);
        return expected;
    }
}
