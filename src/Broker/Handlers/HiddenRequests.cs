using System.Buffers.Binary;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>The control requests about messages that somebody does not want to see any more ("delete for me"). Pool threads.</summary>
internal sealed class HiddenRequests(Router router, IConversationLog log, ConversationReads reads, SessionRegistry sessions)
{
    private const int PlaceSize = Id128.Size + sizeof(ulong);

    /// <summary>Hides messages that the user can see, or shows them again.</summary>
    public async Task<ControlAnswer> HideAsync(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        byte[] bytes = map.Bytes("sequences", ProtocolLimits.ControlArrayMax * sizeof(ulong)) ?? [];
        if (bytes.Length == 0 || bytes.Length % sizeof(ulong) != 0 || map["hidden"] is not bool isHidden)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, $"conversation, hidden, and sequences of 8 bytes each, at most {ProtocolLimits.ControlArrayMax}, are expected");
        }

        ulong[] sequences = new ulong[bytes.Length / sizeof(ulong)];
        for (int i = 0; i < sequences.Length; i++)
        {
            sequences[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)));
        }

        ErrorCode denied = reads.Authorize(actor, conversation, ConversationOperation.Read, out ConversationMeta? meta, out Membership membership);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, denied == ErrorCode.NoSuchConversation ? "no such conversation" : "reading there is not allowed");
        }

        ulong first = reads.FirstVisible(conversation, meta!.Kind, membership);
        ulong head = log.ReadHead(conversation).Sequence;
        if (Array.Exists(sequences, sequence => sequence < first || sequence > head))
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchMessage, "there is no message at one of these places");
        }

        CommandResult result = await router.ExecuteAsync(
            CommandKind.Hide, actor, router.Map.ShardOf(actor.User.Value), new HideCommand(conversation, isHidden, sequences).ToBytes(), CancellationToken.None);
        if (result.Error != ErrorCode.None)
        {
            return ControlAnswer.Refused(result.Error, result.Reason);
        }

        if (result.Count > 0)
        {
            sessions.Tell(actor.User, Notices.Frame(new ControlMap().Set("event", "hidden").SetId("conversation", conversation.Value).Set("version", result.Version)));
        }

        return ControlAnswer.Ok(new ControlMap().Set("changed", result.Count).Set("version", result.Version));
    }

    /// <summary>A page of what is hidden from the user, by conversation and sequence.</summary>
    public ControlAnswer List(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        byte[] after = map.Bytes("after", PlaceSize) ?? [];
        if (after.Length != 0 && after.Length != PlaceSize)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "after: what a reply called next");
        }

        // The version before the entries: who reads while something is hidden has it, and asks once more.
        ulong version = reads.HiddenVersionOf(actor.User);
        int limit = (int)map.Number("limit", 0, ProtocolLimits.ControlArrayMax);
        limit = limit == 0 ? ProtocolLimits.ControlArrayMax : limit;
        List<byte> hidden = [];
        bool more = false;
        byte[] behind = after.Length == 0 ? [] : [.. HiddenKeys.AllOf(actor.User, default), .. after.AsSpan(0, Id128.Size), .. BigEndian(BinaryPrimitives.ReadUInt64LittleEndian(after.AsSpan(Id128.Size)))];
        log.Scan(Table.State, HiddenKeys.AllOf(actor.User, conversation), behind, (key, _) =>
        {
            more = hidden.Count == limit * PlaceSize;
            if (more)
            {
                return false;
            }

            hidden.AddRange(key.Slice(1 + Id128.Size, Id128.Size));
            hidden.AddRange(BitConverter.GetBytes(MessageKeys.LastSequence(key)));
            return true;
        });
        ControlMap reply = new ControlMap().Set("version", version).Set("hidden", hidden.ToArray()).Set("complete", !more);
        return ControlAnswer.Ok(more ? reply.Set("next", hidden[^PlaceSize..].ToArray()) : reply);
    }

    private static byte[] BigEndian(ulong number)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, number);
        return bytes;
    }
}
