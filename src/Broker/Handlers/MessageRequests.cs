using System.Buffers;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>
/// The control requests that read what became of messages: annotations of a stretch of history, threads, pins. They say the state at a head that they name; what is behind it comes as records. Pool threads.
/// </summary>
internal sealed class MessageRequests(IConversationLog log, ConversationReads reads)
{
    /// <summary>Bytes of content that one reply carries: with everything around it well below what a client must accept.</summary>
    private const int ReplyBytesMax = 128 * 1024;

    /// <summary>What later records made of the messages of a stretch.</summary>
    public ControlAnswer Annotations(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        if (Denied(actor, conversation, out ulong visibleFrom) is { } denied)
        {
            return denied;
        }

        // The head before what is read: whoever goes on from there misses nothing, and sees at worst a change once more.
        ulong head = log.ReadHead(conversation).Sequence;
        ulong first = Math.Max(map.Number("first", 1), visibleFrom);
        ulong last = map.Number("last", ulong.MaxValue);
        List<object?> entries = [];
        ulong next = 0;
        int bytes = 0;
        byte[] prefix = MessageKeys.AllOf('x', conversation);
        byte[] after = MessageKeys.Annotation(conversation, first - 1);
        log.Scan(Table.State, prefix, after, (key, value) =>
        {
            ulong sequence = MessageKeys.Sequence(key);
            if (sequence > last)
            {
                return false;
            }

            if (entries.Count == ProtocolLimits.ControlArrayMax || bytes > ReplyBytesMax)
            {
                next = sequence;
                return false;
            }

            ControlMap entry = Describe(actor, conversation, sequence, Annotation.ReadStored(value), ref bytes);
            entries.Add(entry);
            return true;
        });

        // As many places as there are changes at the most: what is behind the last of them comes with the next page.
        List<ulong> hidden = reads.HiddenFrom(actor.User, conversation, first, next == 0 ? last : next - 1, ProtocolLimits.ControlArrayMax + 1);
        if (hidden.Count > ProtocolLimits.ControlArrayMax)
        {
            next = hidden[^1];
            hidden.RemoveAt(hidden.Count - 1);
            entries.RemoveAll(entry => ((ControlMap)entry!).Number("sequence", 0) >= next);
        }

        ControlMap reply = new ControlMap().Set("epoch", log.Epoch).Set("head", head).Set("annotations", entries).Set("complete", next == 0);
        reply.Set("hidden", hidden.Count == 0 ? null : hidden.SelectMany(BitConverter.GetBytes).ToArray());
        return ControlAnswer.Ok(next == 0 ? reply : reply.Set("next", next));
    }

    /// <summary>A page of a thread, oldest first.</summary>
    public ControlAnswer Thread(Actor actor, ControlMap map)
    {
        ulong root = map.Number("root", 0);
        return root == 0
            ? ControlAnswer.Refused(ErrorCode.BadRequest, "root: the sequence of a thread's first message is expected")
            : Records(actor, map, conversation => MessageKeys.Thread(conversation, root));
    }

    /// <summary>A page of the pinned messages, oldest first.</summary>
    public ControlAnswer Pins(Actor actor, ControlMap map) => Records(actor, map, conversation => MessageKeys.AllOf('p', conversation));

    /// <summary>The records that an index of the conversation names at the end of its keys, behind <c>after</c>.</summary>
    private ControlAnswer Records(Actor actor, ControlMap map, Func<ConversationId, byte[]> index)
    {
        ConversationId conversation = new(map.Id("conversation"));
        if (Denied(actor, conversation, out ulong visibleFrom) is { } denied)
        {
            return denied;
        }

        ulong head = log.ReadHead(conversation).Sequence;
        int limit = (int)map.Number("limit", 0, ProtocolLimits.ControlArrayMax);
        limit = limit == 0 ? ProtocolLimits.ControlArrayMax : limit;
        byte[] prefix = index(conversation);
        byte[] after = MessageKeys.Behind(prefix, Math.Max(map.Number("after", 0), visibleFrom - 1));
        List<ulong> sequences = [];
        bool more = false;
        log.Scan(Table.State, prefix, after, (key, _) =>
        {
            more = sequences.Count == limit;
            if (!more)
            {
                sequences.Add(MessageKeys.LastSequence(key));
            }

            return !more;
        });

        ArrayBufferWriter<byte> records = new();
        int count = 0;
        foreach (ulong sequence in sequences)
        {
            if (records.WrittenCount > ReplyBytesMax)
            {
                more = true;
                break;
            }

            log.ReadForward(conversation, sequence - 1, sequence, 1, int.MaxValue, records);
            count++;
        }

        return ControlAnswer.Ok(new ControlMap()
            .Set("epoch", log.Epoch).Set("head", head).Set("count", count).Set("records", records.WrittenSpan.ToArray()).Set("complete", !more));
    }

    private ControlMap Describe(Actor actor, ConversationId conversation, ulong sequence, Annotation annotation, ref int bytes)
    {
        ControlMap entry = new ControlMap()
            .Set("sequence", sequence)
            .Set("deleted_by", annotation.DeletedBy == 0 ? null : annotation.DeletedBy)
            .Set("pinned_by", annotation.PinnedBy == 0 ? null : annotation.PinnedBy)
            .Set("replies", annotation.Replies == 0 ? null : annotation.Replies)
            .Set("in_thread", annotation.InThread == 0 ? null : annotation.InThread);
        if (annotation.Edits.Count > 0)
        {
            entry.Set("edits", annotation.Edits.Count).Set("edited_by", annotation.Edits[^1]);
            if (reads.LastEditOf(conversation, annotation) is var (kind, content))
            {
                entry.Set("kind", (byte)kind).Set("content", content);
                bytes += content.Length;
            }
        }

        if (annotation.Reactions.Count > 0)
        {
            HashSet<string> own = OwnReactions(actor.User, conversation, sequence);
            entry.Set("reactions", annotation.Reactions
                .Select(one => new ControlMap().Set("reaction", one.Reaction).Set("count", one.Count).Set("own", own.Contains(one.Reaction) ? true : null)).ToList<object?>());
            bytes += annotation.Reactions.Count * ProtocolLimits.ReactionSizeMax;
        }

        return entry;
    }

    private HashSet<string> OwnReactions(UserId user, ConversationId conversation, ulong sequence)
    {
        HashSet<string> own = [];
        byte[] prefix = MessageKeys.ReactionsOf(conversation, sequence, user);
        log.Scan(Table.State, prefix, [], (key, _) => own.Add(System.Text.Encoding.UTF8.GetString(key[prefix.Length..])));
        return own;
    }

    private ControlAnswer? Denied(Actor actor, ConversationId conversation, out ulong visibleFrom)
    {
        ErrorCode denied = reads.Authorize(actor, conversation, ConversationOperation.Read, out ConversationMeta? meta, out Membership membership);
        visibleFrom = meta is null ? 1 : reads.FirstVisible(conversation, meta.Kind, membership);
        return denied switch
        {
            ErrorCode.None => null,
            ErrorCode.NoSuchConversation => ControlAnswer.Refused(denied, "no such conversation"),
            _ => ControlAnswer.Refused(denied, "reading there is not allowed"),
        };
    }
}
