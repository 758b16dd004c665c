using FastChat.Broker.Conversations;
using FastChat.Broker.Maintenance;
using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// The rules that make entries about messages of a log's records, as <c>verify</c> follows them: over a log of any bodies, also such as no broker would take, because a store may be anybody's. They never throw; every
/// entry is one that can be read and is of this conversation; and a pin and its message agree.
/// <code>
/// input: records, each [0] kind 1–8 by its low bits (8: expired, or erased with bit 5), bit 3 a tombstone, bit 4 another sender · [1] size of the body · body
/// </code>
/// </summary>
internal sealed class MessageRulesTarget(byte[] rich) : IFuzzTarget
{
    private static readonly ConversationId Room = new(9);

    private readonly ExpectedEntries _entries = new();
    private readonly byte[] _record = new byte[MessageRecord.SizeOf(false, byte.MaxValue)];

    public string Name => "message-rules";

    public IReadOnlyList<byte[]> Words { get; } = [[1, 0, 0, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0, 0, 0], [1, 1], [4, 8, 1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]];

    public IEnumerable<byte[]> Seeds()
    {
        byte[][] bodies = [rich, new EditBody { Target = 1, Kind = MessageKind.Rich, Content = rich }.ToBytes(), new ReactionBody(1, true, "👍").ToBytes(), new PinBody(1, true).ToBytes(), new DeleteBody(1).ToBytes()];
        byte[] kinds = [7, 3, 5, 6, 4];
        yield return [1, 1, (byte)'x', .. bodies.SelectMany((body, i) => (byte[])[kinds[i], (byte)body.Length, .. body])];
        yield return [1, 1, (byte)'x', 5, (byte)bodies[2].Length, .. bodies[2], 32, 9, .. ErasedBody.ToBytes([1, 2])];
        yield return [.. Enumerable.Range(0, 3).SelectMany(_ => (byte[])[7, (byte)rich.Length, .. rich]), 4, 8, 3, 0, 0, 0, 0, 0, 0, 0];
    }

    /// <summary>A byte of an erased person's record names eight messages, and each has an entry of some 600 bytes.</summary>
    public long AllocationCap(int inputSize) => 64 * 1024 + (8 * 768 * inputSize);

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        _entries.Clear();
        ulong sequence = 0;
        while (input.Length >= 2)
        {
            int size = Math.Min(input[1], input.Length - 2);
            MessageKind kind = (input[0] & 7) == 0 ? (input[0] & 32) != 0 ? MessageKind.Erased : MessageKind.Expired : (MessageKind)(input[0] & 7);
            RecordFlags flags = (input[0] & 8) != 0 ? RecordFlags.Erased : RecordFlags.None;
            UserId sender = new((UInt128)((input[0] & 16) != 0 ? 6 : 5));
            int written = MessageRecord.Write(_record, ++sequence, 1, sender, sender, new DeviceId(1), new ClientMessageId(sequence), kind, flags, input.Slice(2, size));
            _entries.Add(Room, MessageRecord.Of(_record.AsSpan(0, written)));
            input = input[(2 + size)..];
        }

        foreach ((byte[] key, byte[] value) in _entries.Entries)
        {
            Property.Holds(MessageEntry.TryRead(key, out MessageEntry entry) && entry.Conversation == Room, "an entry has no place");
            outcome.Add(entry.Kind);
            if (entry.Kind == 'x')
            {
                Annotation annotation = Annotation.ReadStored(value);
                Property.Holds(!annotation.IsEmpty, "there is an entry that says nothing");
                Property.Holds(annotation.Reactions.Count <= ProtocolLimits.ReactionKindsMax, "more kinds of reactions than there may be");
                Property.Holds((annotation.PinnedBy != 0) == _entries.Entries.ContainsKey(Broker.Routing.MessageKeys.Pin(Room, entry.Sequence)), "a pin and its message do not agree");
                outcome.Add(annotation.DeletedBy != 0);
                outcome.AddSize(annotation.Edits.Count);
            }
        }

        return outcome.Value;
    }

    public void Dispose()
    {
    }
}
