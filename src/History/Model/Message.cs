using FastChat.Protocol;

namespace FastChat.History;

/// <summary>
/// What all events say about one (conversation, publisher, device, client message id). One row per message, so it is kept narrow: ten million events hold three to five
/// million of them.
/// </summary>
internal struct Message
{
    public ClientMessageId Id;
    public int Conversation;
    public int Author;

    /// <summary>Sender and hash of the first attempt.</summary>
    public int Sender;
    public int RecordSender;
    public ulong Hash;
    public ulong RecordHash;

    /// <summary>When the first attempt that was not refused was sent, and where that stands.</summary>
    public long InvokedAt;
    public Place Invoke;

    /// <summary>Where the last attempt stands.</summary>
    public Place LastInvoke;

    /// <summary>The first acknowledgement.</summary>
    public long AckedAt;
    public Place Ack;
    public Position AckPosition;

    /// <summary>The first sighting of its record.</summary>
    public long RecordAt;
    public Place Record;
    public Position RecordPosition;

    /// <summary>Which process sent it; -1 when several did.</summary>
    public int Process;

    /// <summary>Why it was refused, the last time.</summary>
    public Place Refusal;
    public ushort RefusalCode;

    public ushort Invoked;
    public ushort Succeeded;
    public ushort Failed;
    public ushort Unknown;
}

/// <summary>An attempt of a message that was sent more than once.</summary>
internal sealed class Attempt
{
    public required uint Number { get; init; }

    public required ulong Hash { get; init; }

    public required long InvokedAt { get; init; }

    public required Place Invoke { get; init; }

    public int Invoked { get; set; }

    public int Succeeded { get; set; }

    public int Failed { get; set; }

    public ushort RefusalCode { get; set; }

    /// <summary>Of the log that acknowledged it.</summary>
    public uint AckEpoch { get; set; }

    public Place Answer { get; set; }
}

/// <summary>All messages, and the attempts of those that were sent more than once.</summary>
internal sealed class MessageTable
{
    private readonly ChunkedList<Message> _messages = new();
    private readonly Dictionary<int, List<Attempt>> _attempts = [];
    private int[] _slots = new int[1024];

    public int Count => _messages.Count;

    public ref Message this[int index] => ref _messages[index];

    /// <summary>Messages with more than one attempt.</summary>
    public IReadOnlyDictionary<int, List<Attempt>> Retried => _attempts;

    /// <summary>The number of a message; makes it when it is new.</summary>
    public int Find(int conversation, int author, ClientMessageId id)
    {
        if (2 * (_messages.Count + 1) > _slots.Length)
        {
            Grow();
        }

        int mask = _slots.Length - 1;
        for (int slot = HashOf(conversation, author, id) & mask; ; slot = (slot + 1) & mask)
        {
            int index = _slots[slot] - 1;
            if (index < 0)
            {
                index = _messages.Add();
                _slots[slot] = index + 1;
                ref Message fresh = ref _messages[index];
                fresh.Conversation = conversation;
                fresh.Author = author;
                fresh.Id = id;
                fresh.Process = -1;
                return index;
            }

            ref Message message = ref _messages[index];
            if (message.Id == id && message.Conversation == conversation && message.Author == author)
            {
                return index;
            }
        }
    }

    /// <summary>The attempt with this number; null when the message was sent once, and that says all.</summary>
    public Attempt? AttemptOf(int message, uint number) =>
        _attempts.TryGetValue(message, out List<Attempt>? attempts) ? attempts.Find(attempt => attempt.Number == number) : null;

    /// <summary>Another attempt of a message that has one.</summary>
    public void AddAttempt(int index, in HistoryEvent e, Place place)
    {
        if (!_attempts.TryGetValue(index, out List<Attempt>? attempts))
        {
            ref Message message = ref _messages[index];
            Attempt first = new()
            {
                Number = 1,
                Hash = message.Hash,
                InvokedAt = message.InvokedAt,
                Invoke = message.Invoke,
                Invoked = 1,
                Succeeded = message.Succeeded,
                Failed = message.Failed,
                RefusalCode = message.RefusalCode,
                AckEpoch = message.AckPosition.Epoch,
                Answer = message.Ack.IsNone ? message.Refusal : message.Ack,
            };
            _attempts[index] = attempts = [first];
        }

        uint number = Math.Max(1, e.Attempt);
        Attempt? known = attempts.Find(attempt => attempt.Number == number);
        if (known is null)
        {
            attempts.Add(known = new Attempt { Number = number, Hash = e.Hash, InvokedAt = e.TimeNs, Invoke = place });
        }

        known.Invoked++;
    }

    private static int HashOf(int conversation, int author, ClientMessageId id)
    {
        ulong mixed = (ulong)id.Value ^ ((ulong)(id.Value >> 64) * 0x9E3779B97F4A7C15) ^ ((ulong)(uint)conversation << 32) ^ (uint)author;
        mixed *= 0xD6E8FEB86659FD93;
        mixed ^= mixed >> 32;
        mixed *= 0xD6E8FEB86659FD93;
        return (int)(mixed >> 33);
    }

    private void Grow()
    {
        int[] slots = new int[2 * _slots.Length];
        int mask = slots.Length - 1;
        for (int index = 0; index < _messages.Count; index++)
        {
            ref Message message = ref _messages[index];
            int slot = HashOf(message.Conversation, message.Author, message.Id) & mask;
            while (slots[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }

            slots[slot] = index + 1;
        }

        _slots = slots;
    }
}
