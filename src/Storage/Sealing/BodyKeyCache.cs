using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Derived keys of those who wrote or were read lately, so that a message costs no derivation: four places for each hash, taken in turn. It is empty, at the next look, after anything was destroyed. One thread.
/// </summary>
internal sealed class BodyKeyCache(KeyVault vault, int capacity)
{
    private const int Ways = 4;

    private readonly int _mask = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(capacity / Ways, 1)) - 1;
    private Entry[] _entries = [];
    private long _version;
    private byte _turn;

    /// <summary>The keys of a person in a conversation; what comes back lives until the next call.</summary>
    /// <param name="makesSecrets">Secrets that neither has yet are made; they are durable before the next commit is.</param>
    public ref readonly BodyKeys Find(UserId person, ConversationId conversation, bool makesSecrets, out BodyKeyState state)
    {
        if (_version != vault.Version || _entries.Length == 0)
        {
            Forget();
        }

        int set = (HashCode.Combine(person.Value, conversation.Value) & _mask) * Ways;
        for (int way = 0; way < Ways; way++)
        {
            ref Entry entry = ref _entries[set + way];
            if (entry.State != BodyKeyState.Missing && entry.Person == person.Value && entry.Conversation == conversation.Value)
            {
                state = entry.State;
                return ref entry.Keys;
            }
        }

        ref Entry place = ref _entries[set + (_turn++ % Ways)];
        state = vault.Derive(person, conversation, makesSecrets, out place.Keys);
        place.Person = person.Value;
        place.Conversation = conversation.Value;
        place.State = state;
        return ref place.Keys;
    }

    private void Forget()
    {
        _version = vault.Version;
        if (_entries.Length == 0)
        {
            _entries = new Entry[(_mask + 1) * Ways];
        }
        else
        {
            Array.Clear(_entries);
        }
    }

    private struct Entry
    {
        public UInt128 Person;
        public UInt128 Conversation;
        public BodyKeys Keys;
        public BodyKeyState State;
    }
}
