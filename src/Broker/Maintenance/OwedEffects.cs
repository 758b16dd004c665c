using System.Buffers.Binary;

using FastChat.Broker.Attachments;
using FastChat.Broker.People;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// What shards still owe one another in a store at rest, changes of users' lists, of blocks at direct conversations, and copies of cursors: a list may be behind a membership by them and is no worse for it, because the next start
/// carries them. They are held in memory; what is owed at a stop is what a second's work or so left.
/// </summary>
internal sealed class OwedEffects
{
    private readonly Dictionary<(UserId, ConversationId), byte[]?> _lists = [];
    private readonly Dictionary<(ConversationId, UserId), byte[]?> _blocks = [];
    private readonly Dictionary<string, byte[]?> _cursors = [];
    private readonly Dictionary<string, List<byte[]>> _effects = [];

    /// <summary>The list entries that will be changed, each with what it will be at last; null = gone.</summary>
    public IReadOnlyDictionary<(UserId User, ConversationId Conversation), byte[]?> Lists => _lists;

    /// <summary>The entries of direct conversations that will be changed, each with what it will be at last; null = gone.</summary>
    public IReadOnlyDictionary<(ConversationId Conversation, UserId Blocker), byte[]?> Blocks => _blocks;

    /// <summary>The users' copies of cursors that will be changed, by their keys in hexadecimal, each with what it will be at last.</summary>
    public IReadOnlyDictionary<string, byte[]?> Cursors => _cursors;

    /// <summary>Reads what is owed. What cannot be read would stop the next start: it is a problem, and goes in a rebuild, since the lists are set right by what they must be.</summary>
    /// <param name="store">The store.</param>
    /// <param name="isReporting">False for all readers but the first, so that a problem counts once.</param>
    public static OwedEffects Read(CheckedStore store, bool isReporting = true)
    {
        OwedEffects owed = new();
        ShardMap? map = store.Get(Table.State, StateKeys.ShardCount) is { Length: sizeof(ushort) } count ? new ShardMap(BinaryPrimitives.ReadUInt16LittleEndian(count)) : null;
        store.Scan(Table.State, "o"u8, (key, value) =>
        {
            if (!owed.TryAdd(key, value, map) && isReporting)
            {
                store.Correct(Table.State, key, null, $"The outgoing effect {Convert.ToHexStringLower(key)} is none that a shard owes.");
            }

            return true;
        });
        return owed;
    }

    /// <summary>Forgets what is owed to a list entry that is set right otherwise.</summary>
    public void Drop(CheckedStore store, UserId user, ConversationId conversation, string problem) => Drop(store, ConversationKeys.ListEntry(user, conversation), problem);

    /// <summary>The same for a block at a direct conversation.</summary>
    public void Drop(CheckedStore store, ConversationId conversation, UserId blocker, string problem) => Drop(store, PeopleKeys.DirectBlock(conversation, blocker), problem);

    /// <summary>Forgets what is owed to an entry, by its key.</summary>
    public void Drop(CheckedStore store, byte[] about, string problem)
    {
        foreach (byte[] key in _effects.GetValueOrDefault(Convert.ToHexString(about)) ?? [])
        {
            store.Correct(Table.State, key, null, problem);
        }
    }

    /// <summary>Entries in lists, blocks, users' copies of cursors, references to attachments and what is paid for them.</summary>
    private static bool IsOwedKind(byte[] key) => key[0] switch
    {
        (byte)'l' or (byte)'b' => key.Length == StateKeys.ListEntrySize,
        (byte)'A' or (byte)'B' => AttachmentKeys.IsOwedKind(key),
        (byte)'u' => key.Length is StateKeys.ListEntrySize or StateKeys.ListEntrySize + sizeof(ulong),
        _ => false,
    };

    private bool TryAdd(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ShardMap? map)
    {
        if (key.Length != StateKeys.EffectSize || value.Length < sizeof(ushort) || !StateWriteCommand.TryParse(value[sizeof(ushort)..], out StateWriteCommand? write))
        {
            return false;
        }

        ushort target = BinaryPrimitives.ReadUInt16LittleEndian(value);
        foreach (StateEntry entry in write.Entries)
        {
            // All kinds begin with the id of the owner.
            if (!IsOwedKind(entry.Key) || (map is not null && map.ShardOf(UserId.Read(entry.Key.AsSpan(1)).Value) != target))
            {
                return false;
            }
        }

        // In the order of their counters: the last one about an entry is what it will be.
        foreach (StateEntry entry in write.Entries)
        {
            if (entry.Key[0] == (byte)'l')
            {
                _lists[(UserId.Read(entry.Key.AsSpan(1)), new ConversationId(StateKeys.SecondId(entry.Key)))] = entry.Value;
            }
            else if (entry.Key[0] == (byte)'b')
            {
                _blocks[(ConversationId.Read(entry.Key.AsSpan(1)), new UserId(StateKeys.SecondId(entry.Key)))] = entry.Value;
            }
            else
            {
                _cursors[Convert.ToHexString(entry.Key)] = entry.Value;
            }

            string about = Convert.ToHexString(entry.Key);
            if (!_effects.TryGetValue(about, out List<byte[]>? keys))
            {
                _effects[about] = keys = [];
            }

            keys.Add(key.ToArray());
        }

        return true;
    }
}
