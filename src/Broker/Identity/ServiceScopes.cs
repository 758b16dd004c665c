using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>Where confined service accounts may act, for those who post their commands. Any thread.</summary>
internal sealed class ServiceScopes(IConversationLog log)
{
    /// <summary>
    /// The actor as the shard of this conversation is to see it. Rights travel in the command, so the decision there is a function of the command's bytes; a confined service carries no right that works
    /// before it was found here that the conversation is one of its own. Whoever forgets to ask gets refusals, not access. One look-up of the store for confined services, nothing for everybody else; any thread.
    /// </summary>
    public Actor Narrow(in Actor actor, ConversationId conversation)
    {
        if ((actor.Rights & AccountRights.Confined) == 0)
        {
            return actor;
        }

        Span<byte> key = stackalloc byte[StateKeys.ServiceSize];
        StateKeys.WriteService(key, actor.User, conversation);
        return !conversation.IsNone && log.Get(Table.State, key) is not null ? actor with { Rights = actor.Rights | AccountRights.InScope } : actor;
    }
}
