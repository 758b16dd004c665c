using System.Buffers;

using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Limits;
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
    ConversationRequests conversations, MemberRequests members, JoinLinkRequests links, MessageRequests messages, ForwardRequests forwards, ScheduleRequests schedule,
    HiddenRequests hidden, InboxRequests inbox, UserRequests users, OperatorRequests operators, ActivityRequests activity, PeopleRequests people, ServiceRequests services, DeviceRequests devices, AccountRequests accounts, PresenceRequests presence,
    AttachmentRequests attachments, PrivacyRequests privacy, UserLimits limits, AuditLog audit, ILogger log)
{
    /// <summary>Control requests of one connection that may be under way: an import is pipelined, but nobody owns the pool.</summary>
    private const int ControlsInFlightMax = 16;

    /// <summary>True when the connection may have another control request under way.</summary>
    public bool HasRoom(Peer peer) => Volatile.Read(ref peer.Controls) < ControlsInFlightMax;

    /// <summary>Handles a control frame.</summary>
    public HandlerOutcome Handle(ClientContext client, FrameType type, uint request, in ReadOnlySequence<byte> body)
    {
        if (!HasRoom(client.Peer) || (IsOfChunk(type) && !HasRoomForChunk(client.Peer)))
        {
            return HandlerOutcome.TryAgain;
        }

        if (!limits.MayAsk(client.Peer, type, out uint retryAfterMs))
        {
            client.Refuse(request, ErrorCode.RateLimited, "too many requests in too short a time", retryAfterMs);
            return HandlerOutcome.Done;
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

    /// <summary>A request, or an answer, of 64 KiB: a connection has few of them under way.</summary>
    private static bool IsOfChunk(FrameType type) => type is FrameType.PutChunk or FrameType.GetAttachment or FrameType.GetExport;

    private static bool HasRoomForChunk(Peer peer) => Volatile.Read(ref peer.Controls) < AttachmentLimits.ChunksInFlightMax && peer.Outbox.HasRoomForChunk;

    private async Task RunAsync(ClientContext client, FrameType type, uint request, ControlMap map)
    {
        Peer peer = client.Peer;
        try
        {
            ControlAnswer answer = await ExecuteAsync(peer, type, map);
            if (answer.Map is not null)
            {
                client.Reply(request, answer.Map);
                answer.Sent?.Invoke();
            }
            else
            {
                NoteRefusal(peer, type, answer.Error);
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
        catch (AuditLogException unseen)
        {
            client.Refuse(request, ErrorCode.StoreUnavailable, unseen.Message);
        }
        catch (CorruptRecordException damage)
        {
            // Damage is the store's: one request fails, and whoever runs the broker is told to verify.
            BrokerLog.RecordDamaged(log, damage);
            client.Refuse(request, ErrorCode.Internal, "what is stored of this is damaged");
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

    /// <summary>Who asks for what they may not have, or for too much of it, is written down, whatever it was.</summary>
    private void NoteRefusal(Peer peer, FrameType type, ErrorCode error)
    {
        if (error is ErrorCode.Forbidden or ErrorCode.RateLimited)
        {
            AuditAct act = error == ErrorCode.Forbidden ? AuditAct.AccessDenied : AuditAct.LimitReached;
            audit.Note(new AuditEntry(act) { User = peer.Actor.User, Device = peer.Actor.Device, Remote = peer.Remote, Detail = type.ToString() });
        }
    }

    private Task<ControlAnswer> ExecuteAsync(Peer peer, FrameType type, ControlMap map) => type switch
    {
        FrameType.CreateConversation => conversations.CreateAsync(peer.Actor, map),
        FrameType.ResolveConversation => conversations.ResolveAsync(peer.Actor, map),
        FrameType.AddMembers => members.AddAsync(peer.Actor, map),
        FrameType.RemoveMember => members.RemoveAsync(peer.Actor, map),
        FrameType.ListMembers => Task.FromResult(members.List(peer.Actor, map)),
        FrameType.ListConversations => Task.FromResult(conversations.ListConversations(peer.Actor, map)),
        FrameType.ResolveUsers => Task.FromResult(users.Resolve(peer.Actor, map)),
        FrameType.ImportUsers => users.ImportAsync(peer.Actor, map),
        FrameType.ChangeConversation => conversations.ChangeAsync(peer.Actor, map),
        FrameType.ChangeMember => members.ChangeAsync(peer.Actor, map),
        FrameType.CreateJoinLink => links.CreateAsync(peer.Actor, map),
        FrameType.ListJoinLinks => Task.FromResult(links.List(peer.Actor, map)),
        FrameType.RevokeJoinLink => links.RevokeAsync(peer.Actor, map),
        FrameType.JoinByLink => links.JoinAsync(peer.Actor, map),
        FrameType.GetAnnotations => Task.FromResult(messages.Annotations(peer.Actor, map)),
        FrameType.GetThread => Task.FromResult(messages.Thread(peer.Actor, map)),
        FrameType.GetPins => Task.FromResult(messages.Pins(peer.Actor, map)),
        FrameType.MoveCursor => inbox.MoveCursorAsync(peer.Actor, map),
        FrameType.ListCursors => Task.FromResult(inbox.ListCursors(peer.Actor, map)),
        FrameType.GetInbox => inbox.GetAsync(peer.Actor, map),
        FrameType.Forward => forwards.ForwardAsync(peer.Actor, map),
        FrameType.Schedule => schedule.ScheduleAsync(peer.Actor, map),
        FrameType.ListScheduled => Task.FromResult(schedule.List(peer.Actor, map)),
        FrameType.CancelScheduled => schedule.CancelAsync(peer.Actor, map),
        FrameType.Hide => hidden.HideAsync(peer.Actor, map),
        FrameType.ListHidden => Task.FromResult(hidden.List(peer.Actor, map)),
        FrameType.Backup => operators.BackupAsync(peer.Actor, map),
        FrameType.SetProfile => people.SetProfileAsync(peer.Actor, map),
        FrameType.GetProfiles => Task.FromResult(people.GetProfiles(peer.Actor, map)),
        FrameType.SearchUsers => Task.FromResult(people.Search(peer.Actor, map)),
        FrameType.Block => people.BlockAsync(peer.Actor, map),
        FrameType.ListBlocks => Task.FromResult(people.ListBlocks(peer.Actor, map)),
        FrameType.CreateService => services.CreateAsync(peer.Actor, map),
        FrameType.ListServices => Task.FromResult(services.List(peer.Actor, map)),
        FrameType.RevokeService => services.RevokeAsync(peer.Actor, map),
        FrameType.ChangeServiceKeys => services.ChangeKeysAsync(peer.Actor, map),
        FrameType.SetPresence => presence.SetAsync(peer, map),
        FrameType.WatchPresence => presence.WatchAsync(peer, map),
        FrameType.BeginUpload => attachments.BeginAsync(peer.Actor, map),
        FrameType.PutChunk => attachments.PutAsync(peer.Actor, map),
        FrameType.FinishUpload => attachments.FinishAsync(peer.Actor, map),
        FrameType.GetAttachment => Task.FromResult(attachments.Get(peer.Actor, map)),
        FrameType.GetUsage => Task.FromResult(attachments.Usage(peer.Actor)),
        FrameType.CancelUpload => attachments.CancelAsync(peer.Actor, map),
        FrameType.Reauthenticate => devices.ReauthenticateAsync(peer, map),
        FrameType.ListDevices => Task.FromResult(devices.List(peer.Actor, map)),
        FrameType.NameDevice => devices.NameAsync(peer.Actor, map),
        FrameType.EndDevices => devices.EndAsync(peer, map),
        FrameType.ChangePassword => devices.ChangePasswordAsync(peer, map),
        FrameType.BeginProof => Task.FromResult(devices.BeginProof(peer, map)),
        FrameType.SuspendUser => accounts.SuspendAsync(peer, map),
        FrameType.ListUsers => Task.FromResult(accounts.ListUsers(peer.Actor, map)),
        FrameType.ListSessions => Task.FromResult(accounts.ListSessions(peer.Actor, map)),
        FrameType.ExportPerson => privacy.ExportAsync(peer.Actor, map),
        FrameType.GetExport => Task.FromResult(privacy.Get(peer.Actor, map)),
        FrameType.ErasePerson => privacy.EraseAsync(peer, map),
        FrameType.EraseConversation => conversations.EraseAsync(peer.Actor, map),
        FrameType.GetStats => Task.FromResult(operators.Stats(peer.Actor)),
        FrameType.Drain => operators.DrainAsync(peer.Actor),
        FrameType.GetLimits => Task.FromResult(operators.GetLimits(peer.Actor)),
        FrameType.GetActivity => activity.GetAsync(peer.Actor),
        FrameType.SetLimits => operators.SetLimitsAsync(peer, map),
        _ => Task.FromResult(ControlAnswer.Refused(ErrorCode.Unsupported, "unknown frame type")),
    };
}

/// <summary>The answer to a control request: a map, or an error.</summary>
internal readonly record struct ControlAnswer(ControlMap? Map, ErrorCode Error, string Reason, uint RetryAfterMs = 0)
{
    public static ControlAnswer TryLater(uint retryAfterMs, string reason) => new(null, ErrorCode.RateLimited, reason, retryAfterMs);

    /// <summary>Called when the reply stands in the outbox; null for nothing.</summary>
    public Action? Sent { get; init; }

    public static ControlAnswer Ok(ControlMap map) => new(map, ErrorCode.None, string.Empty);

    public static ControlAnswer Refused(ErrorCode code, string reason, uint retryAfterMs = 0) => new(null, code, reason, retryAfterMs);
}
