using FastChat.Storage;

namespace FastChat.Simulation;

/// <summary>Does to a store at each start what a broken broker would have done to it before.</summary>
internal sealed class Saboteur(Sabotage sabotage, InMemoryConversationLog beginning)
{
    private readonly InMemoryConversationLog _beginning = beginning.Copy();

    /// <summary>A broker starts over this.</summary>
    public void OnStart(InMemoryConversationLog log)
    {
        if (sabotage == Sabotage.ForgottenIds)
        {
            log.Wipe(Table.Dedupe);
        }
        else if (sabotage == Sabotage.ReturningMembers)
        {
            _beginning.Scan(Table.State, "m"u8, [], (key, value) =>
            {
                log.Plant(Table.State, key, value);
                return true;
            });
        }
    }
}
