using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>Finds entries of small state whose keys begin with a kind and a conversation, as everything that was decided leaves them: what the store has, and what the turns have changed of it. So it does not matter how far commits are. Loop thread.</summary>
internal static class SideEntries
{
    private static readonly Comparer<byte[]> s_byBytes = Comparer<byte[]>.Create(static (left, right) => left.AsSpan().SequenceCompareTo(right));

    /// <summary>All entries, whatever stands behind the conversation.</summary>
    public const ulong NoEnd = 0;

    /// <summary>The first keys in their order.</summary>
    /// <param name="kinds">The letters.</param>
    /// <param name="end">Only those whose sequence behind the conversation is below it, or <see cref="NoEnd"/>.</param>
    /// <param name="countMax">How many.</param>
    /// <param name="isMore">There are more.</param>
    public static List<byte[]> Find(
        IConversationLog log, ConversationId conversation, ReadOnlySpan<byte> kinds, ulong end, int countMax, Turn turn, Turn? previous, out bool isMore)
    {
        SortedSet<byte[]> found = new(s_byBytes);
        foreach (byte kind in kinds)
        {
            int left = countMax;
            log.Scan(Table.State, MessageKeys.AllOf((char)kind, conversation), [], (key, _) =>
            {
                bool isWanted = IsBefore(key, end) && left >= 0;
                if (isWanted && !IsDecided(key, turn, previous))
                {
                    found.Add(key.ToArray());
                    left--;
                }

                return isWanted;
            });
        }

        if (previous is not null)
        {
            Apply(previous, conversation, kinds, end, found);
        }

        Apply(turn, conversation, kinds, end, found);
        isMore = found.Count > countMax;
        return isMore ? [.. found.Take(countMax)] : [.. found];
    }

    private static bool IsDecided(ReadOnlySpan<byte> key, Turn turn, Turn? previous) => turn.TryGet(key, out _) || previous?.TryGet(key, out _) == true;

    private static bool IsBefore(ReadOnlySpan<byte> key, ulong end) => end == NoEnd || (key.Length >= 1 + Id128.Size + sizeof(ulong) && MessageKeys.Sequence(key) < end);

    private static void Apply(Turn changed, ConversationId conversation, ReadOnlySpan<byte> kinds, ulong end, SortedSet<byte[]> found)
    {
        foreach ((byte[] key, byte[]? value) in changed.Entries)
        {
            if (kinds.Contains(key[0]) && key.Length >= 1 + Id128.Size && ConversationId.Read(key.AsSpan(1)) == conversation && IsBefore(key, end))
            {
                _ = value is null ? found.Remove(key) : found.Add(key);
            }
        }
    }
}
