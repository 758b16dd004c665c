using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// The entries about messages (<c>x r i p z q y</c>) are what the shard's own rules make of the log (<see cref="MessageRules"/>); and of a message that a record deletes the body is gone, or noted to go, with its
/// edits'. Nothing is about a message that was cut off. All of it follows from the log, and a rebuild makes it so; but what knows of a record that is not there is left alone: it may be the last trace of one that was lost.
/// <para>
/// Kept in memory: what one conversation's records make (<see cref="ExpectedEntries"/>), each conversation's head, and the times of all messages that will end by themselves, 40 bytes each, because <c>y</c> is ordered by
/// time.
/// </para>
/// </summary>
internal sealed class MessageCheck : StoreCheck
{
    /// <summary>The head of a conversation whose log has damage: what follows from it nobody can tell.</summary>
    private const ulong Uncertain = 0;

    private readonly ExpectedEntries _expected = new();
    private readonly HashSet<ulong> _noted = [];
    private readonly HashSet<(long Time, ConversationId Conversation, ulong Sequence)> _expiries = [];
    private readonly Dictionary<ConversationId, ulong> _heads = [];

    public override string Stage => "messages";

    public override void OnRecord(CheckedStore store, ConversationId conversation, in MessageRecord record)
    {
        if (_expected.Head == 0)
        {
            _expected.Begin(store.FirstOf(conversation));
        }

        _expected.Add(conversation, record);
    }

    public override void OnConversation(CheckedStore store, ConversationId conversation, bool isSound)
    {
        if (_expected.Head == 0)
        {
            _expected.Begin(store.FirstOf(conversation));
        }

        _heads[conversation] = isSound && store.UnreadBodies == 0 ? _expected.Head : Uncertain;
        // A rich message or an edit that cannot be read may have made entries, and nobody can tell which: they are left alone.
        if (isSound && store.UnreadBodies == 0)
        {
            CheckEntries(store, conversation);
            CheckErasures(store, conversation);
        }

        _expected.Clear();
    }

    public override void Finish(CheckedStore store)
    {
        foreach (byte kind in MessageEntry.KindsOfConversations)
        {
            store.Scan(Table.State, [kind], (key, value) =>
            {
                store.Tick(Stage);
                CheckPlace(store, key, value);
                return true;
            });
        }

        store.Scan(Table.State, "y"u8, (key, value) =>
        {
            store.Tick(Stage);
            CheckExpiry(store, key, value);
            return true;
        });
    }

    private void CheckEntries(CheckedStore store, ConversationId conversation)
    {
        foreach ((byte[] key, byte[] value) in _expected.Entries)
        {
            if (MessageEntry.TryRead(key, out MessageEntry entry) && entry.Time != 0)
            {
                _expiries.Add((entry.Time, conversation, entry.Sequence));
            }

            byte[]? stored = store.Get(Table.State, key);
            if (stored is null)
            {
                store.Correct(Table.State, key, value, $"{entry} is missing.");
            }
            else if (!value.AsSpan().SequenceEqual(stored) && !DiffersInOrderAlone(entry, stored, value))
            {
                Judge(store, key, stored, value, "is not what the records say");
            }
        }

        foreach (byte kind in MessageEntry.KindsOfConversations)
        {
            store.Scan(Table.State, MessageKeys.AllOf((char)kind, conversation), (key, value) =>
            {
                store.Tick(Stage);
                // Reactions and places in threads that were cut off with their message may be on their way out still.
                if (key.ToArray() is var own && MessageEntry.TryRead(own, out MessageEntry entry) && !_expected.Entries.ContainsKey(own)
                    && !(entry.Place < _expected.First && entry.Kind is 'i' or 'r'))
                {
                    Judge(store, own, value.ToArray(), null, "is there, though no record makes it so");
                }

                return true;
            });
        }
    }

    /// <summary>
    /// The same reactions in another order, where the log cannot tell it any more: when the first one's author was erased, those of others keep the place that theirs had given them. While no reaction of the conversation was erased, the order follows from the log.
    /// </summary>
    private bool DiffersInOrderAlone(in MessageEntry entry, byte[] stored, byte[] expected) =>
        entry.Kind == 'x' && !_expected.TellsOrderOfReactions && Annotation.Parse(stored) is { } one && Annotation.Parse(expected) is { } other
        && Sorted(one).AsSpan().SequenceEqual(Sorted(other));

    private static byte[] Sorted(Annotation annotation) => (annotation with { Reactions = [.. annotation.Reactions.OrderBy(one => one.Reaction, StringComparer.Ordinal)] }).ToBytes();

    /// <summary>An entry is not what it must be. When it knows of a record behind the log's end, the log is what is wrong.</summary>
    private void Judge(CheckedStore store, byte[] key, byte[] stored, byte[]? expected, string what)
    {
        MessageEntry.TryRead(key, out MessageEntry entry);
        if (entry.LastNamed(stored) is var last && last > _expected.Head)
        {
            store.Report($"{entry} names record {last}, which is not there.");
        }
        else
        {
            store.Correct(Table.State, key, expected, $"{entry} {what}: {Convert.ToHexStringLower(stored)}.");
        }
    }

    private void CheckErasures(CheckedStore store, ConversationId conversation)
    {
        _noted.Clear();
        store.Scan(Table.State, MessageKeys.AllOf('e', conversation), (key, _) =>
        {
            // What has no record is reported by the log's own check.
            if (key.Length == MessageEntry.KeySize && MessageKeys.Sequence(key) is var sequence && sequence >= _expected.First && sequence <= _expected.Head)
            {
                _noted.Add(sequence);
            }

            return true;
        });
        foreach ((ulong sequence, ulong by) in _expected.Condemned.Where(one => !_noted.Contains(one.Sequence)))
        {
            store.CorrectErasure(conversation, sequence, $"Record {sequence} of conversation {conversation} has its body and is not noted to be erased, though record {by} deletes it.");
        }

        foreach (ulong sequence in _noted.Where(sequence => _expected.HasBody(sequence) && !_expected.IsDeleted(sequence)).Order())
        {
            store.Correct(
                Table.State, MessageKeys.Erasure(conversation, sequence), null,
                $"Record {sequence} of conversation {conversation} is noted to be erased, though no record deletes it.");
        }

        foreach (ulong sequence in _expected.Lost)
        {
            store.Report($"Message {sequence} of conversation {conversation} is erased, though no record deletes it.");
        }
    }

    /// <summary>Whether an entry is one at all, and of a conversation that has records; what it says was looked at with that conversation.</summary>
    private void CheckPlace(CheckedStore store, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (!MessageEntry.TryRead(key, out MessageEntry entry))
        {
            store.Correct(Table.State, key, null, $"The entry {Convert.ToHexStringLower(key)} has no place.");
        }
        else if (!_heads.ContainsKey(entry.Conversation))
        {
            store.Report($"{entry} names record {entry.LastNamed(value)}, which is not there.");
        }
    }

    private void CheckExpiry(CheckedStore store, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        CheckPlace(store, key, value);
        if (!MessageEntry.TryRead(key, out MessageEntry entry) || !_heads.TryGetValue(entry.Conversation, out ulong head) || head == Uncertain
            || _expiries.Contains((entry.Time, entry.Conversation, entry.Sequence)))
        {
            return;
        }

        if (entry.Sequence > head)
        {
            store.Report($"{entry} names record {entry.Sequence}, which is not there.");
        }
        else
        {
            store.Correct(Table.State, key, null, $"{entry} is there, though no record makes it so.");
        }
    }
}
