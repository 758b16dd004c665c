using System.Buffers;

using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.People;

/// <summary>
/// Says what has changed to those whom it concerns, once it is durable. A hint and no promise: who is absent, or does not read, asks for the versions later. Work is bounded by
/// <see cref="ConversationsMax"/> conversations, and by the connections that are subscribed to them. Pool threads.
/// </summary>
internal sealed class PeopleNotices(Router router, IConversationLog log, SessionRegistry sessions)
{
    /// <summary>Conversations that hear of a change.</summary>
    public const int ConversationsMax = 500;

    /// <summary>A profile has a new version: the user's own sessions, and whoever listens to a conversation that is not public and has the user as a member.</summary>
    public void ProfileChanged(UserId user, ulong version)
    {
        ControlMap notice = new ControlMap().Set("event", "profile").SetId("user", user.Value).Set("version", version);
        sessions.Tell(user, Notices.Frame(notice));
        ArrayBufferWriter<byte> map = new();
        notice.Write(map);
        foreach (ConversationId conversation in Circle.ListOf(log, user, ConversationsMax, out _))
        {
            // A ring that is full belongs to a shard with better things to do: this is a hint.
            byte[] target = ControlMap.IdBytes(conversation.Value);
            CommandHeader header = new(CommandKind.Tell, new Actor(user, default, AccountRights.None), 0, 0, router.NowMicros());
            router.TryPost(router.Map.ShardOf(conversation.Value), header, target, map.WrittenSpan);
        }
    }

    /// <summary>The user's blocks have changed: the user's own sessions, nobody else.</summary>
    public void BlocksChanged(UserId user) => sessions.Tell(user, Notices.Frame(new ControlMap().Set("event", "blocks")));
}
