using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Attachments;

/// <summary>
/// What <see cref="DueScan"/> does about attachments: it ends uploads and claims whose time has come, and has removed what nothing keeps. The shard of the hash decides, and does not mind to be asked twice.
/// <para>
/// A claim is noted for longer than its user was told (<see cref="AttachmentOptions.Grace"/>), because a message that was vouched for at the last moment may not have told the hash's shard yet. After a start
/// nothing is ended before what was owed by then has been carried: it may have waited longer than that.
/// </para>
/// </summary>
internal static class AttachmentDue
{
    /// <summary>Owners that one command lets go: their ids fit it, and what it owes them is no large turn.</summary>
    private const int OwnersMax = 256;

    /// <summary>The entries under <c>D</c>.</summary>
    public static DueKind Kind(Router router, IConversationLog log)
    {
        AttachmentReads reads = new(log);
        bool isSettled = false;
        return new DueKind((byte)'D', key => Read(key, reads)) { IsReady = () => isSettled |= router.OwedCount == 0 };
    }

    private static DueCommand Read(byte[] key, AttachmentReads reads)
    {
        AttachmentId id = AttachmentId.Read(key.AsSpan(1 + sizeof(long)));
        UserId user = AttachmentKeys.UserAtEnd(key);
        AttachmentCommand command = new() { Operation = AttachmentOperation.EndClaim, Id = id, Who = user, First = (ulong)DueKind.TimeOf(key) };
        if (user.IsNone)
        {
            byte[] owners = [.. reads.Owners(id, OwnersMax).SelectMany(owner => ControlMap.IdBytes(owner.Value))];
            command = new() { Operation = AttachmentOperation.Collect, Id = id, First = (ulong)DueKind.TimeOf(key), Bytes = owners };
        }

        return new DueCommand(CommandKind.Attachment, default, id.High, command.ToBytes());
    }
}
