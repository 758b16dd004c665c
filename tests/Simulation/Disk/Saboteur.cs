using FastChat.Storage;

namespace FastChat.Simulation;

/// <summary>Does to a store what a broken disk, or a broken broker, would have done.</summary>
internal sealed class Saboteur(Sabotage sabotage, Chance chance, InMemoryConversationLog beginning)
{
    private readonly InMemoryConversationLog _beginning = beginning.Copy();
    private InMemoryConversationLog? _older;

    /// <summary>A commit was synced, or so it seems.</summary>
    public void OnSynced(InMemoryConversationLog log)
    {
        if (sabotage == Sabotage.LyingDisk && chance.OneIn(10))
        {
            _older = log.Copy();
        }
    }

    /// <summary>What a restart finds instead of what is there.</summary>
    public InMemoryConversationLog OnRestart(InMemoryConversationLog log, bool isPowerCut)
    {
        switch (sabotage)
        {
            case Sabotage.LyingDisk when isPowerCut && _older is not null:
                return InMemoryConversationLog.Restored(_older, log.Epoch);

            case Sabotage.ForgottenIds:
                log.Wipe(Table.Dedupe);
                return log;

            case Sabotage.ReturningMembers:
                _beginning.Scan(Table.State, "m"u8, [], (key, value) =>
                {
                    log.Plant(Table.State, key, value);
                    return true;
                });
                return log;

            default:
                return log;
        }
    }
}
