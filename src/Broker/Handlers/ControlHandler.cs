using System.Buffers;

using FastChat.Broker.Diagnostics;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Handlers;

/// <summary>
/// The control requests: parse on the read loop, carry out on the thread pool, because they read the store. A connection has a few under way at most; beyond
/// that its frames wait.
/// </summary>
internal sealed class ControlHandler(
    ConversationRequests conversations, MemberRequests members, JoinLinkRequests links, MessageRequests messages, ForwardRequests forwards, InboxRequests inbox, UserRequests users,
    OperatorRequests operators, PeopleRequests people, ServiceRequests services, ILogger log)
{
    /// <summary>Control requests of one connection that may be under way: an import is pipelined, but nobody owns the pool.</summary>
    private const int ControlsInFlightMax = 16;

    /// <summary>True when the connection may have another control request under way.</summary>
    public bool HasRoom(Peer peer) => Volatile.Read(ref peer.Controls) < ControlsInFlightMax;

    /// <summary>Handles a control frame.</summary>
    public HandlerOutcome Handle(ClientContext client, FrameType type, uint request, in ReadOnlySequence<byte> body)
    {
        if (!HasRoom(client.Peer))
        {
            return HandlerOutcome.TryAgain;
        }

        if (!ControlMap.TryParse(body, out ControlMap? map, out string reason))
        {
            client.Refuse(request, ErrorCode.BadRequest, reason);
            return HandlerOutcome.Done;
        }

        Interlocked.Increment(ref client.Peer.Controls);
        Continuation.Queue(
            static state => _ = state.Handler.RunAsync(state.Client, state.Type, state.Request, state.Map),
            (Handler: this, Client: client, Type: type, Request: request, Map: map));
        return HandlerOutcome.Done;
    }

    private async Task RunAsync(ClientContext client, FrameType type, uint request, ControlMap map)
    {
        Peer peer = client.Peer;
        try
        {
            ControlAnswer answer = await ExecuteAsync(peer.Actor, type, map);
            if (answer.Map is not null)
            {
                client.Reply(request, answer.Map);
            }
            else
            {
                client.Refuse(request, answer.Error, answer.Reason, answer.RetryAfterMs);
            }
        }
        catch (ControlFormatException wrong)
        {
            client.Refuse(request, ErrorCode.BadRequest, wrong.Message);
        }
        catch (StorageFullException full)
        {
            client.Refuse(request, ErrorCode.StoreFull, full.Message);
        }
        catch (Exception defect)
        {
            BrokerLog.ControlDefect(log, defect);
            client.Refuse(request, ErrorCode.Internal, "the broker could not carry this out");
        }
        finally
        {
            Interlocked.Decrement(ref peer.Controls);
            if (peer.IsReadPaused)
            {
                peer.ReadGate.Raise();
            }
        }
    }

    private Task<ControlAnswer> ExecuteAsync(Actor actor, FrameType type, ControlMap map) => type switch
    {
        FrameType.CreateConversation => conversations.CreateAsync(actor, map),
        FrameType.ResolveConversation => conversations.ResolveAsync(actor, map),
        FrameType.AddMembers => members.AddAsync(actor, map),
        FrameType.RemoveMember => members.RemoveAsync(actor, map),
        FrameType.ListMembers => Task.FromResult(members.List(actor, map)),
        FrameType.ListConversations => Task.FromResult(conversations.ListConversations(actor, map)),
        FrameType.ResolveUsers => Task.FromResult(users.Resolve(actor, map)),
        FrameType.ImportUsers => users.ImportAsync(actor, map),
        FrameType.ChangeConversation => conversations.ChangeAsync(actor, map),
        FrameType.ChangeMember => members.ChangeAsync(actor, map),
        FrameType.CreateJoinLink => links.CreateAsync(actor, map),
        FrameType.ListJoinLinks => Task.FromResult(links.List(actor, map)),
        FrameType.RevokeJoinLink => links.RevokeAsync(actor, map),
        FrameType.JoinByLink => links.JoinAsync(actor, map),
        FrameType.GetAnnotations => Task.FromResult(messages.Annotations(actor, map)),
        FrameType.GetThread => Task.FromResult(messages.Thread(actor, map)),
        FrameType.GetPins => Task.FromResult(messages.Pins(actor, map)),
        FrameType.MoveCursor => inbox.MoveCursorAsync(actor, map),
        FrameType.ListCursors => Task.FromResult(inbox.ListCursors(actor, map)),
        FrameType.GetInbox => inbox.GetAsync(actor, map),
        FrameType.Forward => forwards.ForwardAsync(actor, map),
        FrameType.Backup => Task.FromResult(operators.Backup(actor, map)),
        FrameType.SetProfile => people.SetProfileAsync(actor, map),
        FrameType.GetProfiles => Task.FromResult(people.GetProfiles(actor, map)),
        FrameType.SearchUsers => Task.FromResult(people.Search(actor, map)),
        FrameType.Block => people.BlockAsync(actor, map),
        FrameType.ListBlocks => Task.FromResult(people.ListBlocks(actor, map)),
        FrameType.CreateService => services.CreateAsync(actor, map),
        FrameType.ListServices => Task.FromResult(services.List(actor, map)),
        FrameType.RevokeService => services.RevokeAsync(actor, map),
        _ => Task.FromResult(ControlAnswer.Refused(ErrorCode.Unsupported, "unknown frame type")),
    };
}

/// <summary>The answer to a control request: a map, or an error.</summary>
internal readonly record struct ControlAnswer(ControlMap? Map, ErrorCode Error, string Reason, uint RetryAfterMs = 0)
{
    public static ControlAnswer TryLater(uint retryAfterMs, string reason) => new(null, ErrorCode.RateLimited, reason, retryAfterMs);

    public static ControlAnswer Ok(ControlMap map) => new(map, ErrorCode.None, string.Empty);

    public static ControlAnswer Refused(ErrorCode code, string reason, uint retryAfterMs = 0) => new(null, code, reason, retryAfterMs);
}
