using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>
/// How often one connection may signal: in each conversation once a second, and "stopped" once behind each of these; in as many conversations at once as a person can type in, and some. What is more is dropped without a word.
/// A few fields and no queue. Read loop only.
/// </summary>
internal sealed class SignalGate
{
    private const int ConversationsMax = 8;
    private const long PauseMicros = 1_000_000;

    private Entry[]? _entries;

    /// <summary>True when the signal may pass.</summary>
    public bool TryPass(in Signal signal, long timeMicros)
    {
        // Most connections never type: they hold no table.
        Entry[] entries = _entries ??= new Entry[ConversationsMax];
        int free = -1;
        for (int i = 0; i < entries.Length; i++)
        {
            ref Entry entry = ref entries[i];
            bool isPast = Math.Abs(timeMicros - entry.At) >= PauseMicros;
            if (entry.Conversation == signal.Conversation)
            {
                return TryPass(ref entry, signal.Kind, timeMicros, isPast);
            }

            free = isPast && (free < 0 || !entry.IsActive) ? i : free;
        }

        if (free < 0 || signal.Kind == SignalKind.Stopped)
        {
            return false;
        }

        entries[free] = new Entry(signal.Conversation, timeMicros, IsActive: true);
        return true;
    }

    private static bool TryPass(ref Entry entry, SignalKind kind, long timeMicros, bool isPast)
    {
        bool isStop = kind == SignalKind.Stopped;
        if (isStop ? !entry.IsActive : !isPast)
        {
            return false;
        }

        entry = entry with { IsActive = !isStop, At = isStop ? entry.At : timeMicros };
        return true;
    }

    private record struct Entry(ConversationId Conversation, long At, bool IsActive);
}
