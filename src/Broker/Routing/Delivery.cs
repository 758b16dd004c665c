using System.Buffers;
using System.Buffers.Binary;

using FastChat.Broker.Diagnostics;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// The half of a shard that concerns connections of this node: who listens to what, from where, and how durable records reach them. Nothing
/// here is replicated and nothing here can change a sequence.
/// <para>
/// A subscription is live or pulling. Live: records are appended to the outbox as they become durable. Pulling: the connection's write loop reads the log
/// as fast as the peer takes it, so a reader that is far behind, or stopped, costs nothing but its place. The way from pulling to live goes through
/// <see cref="CaughtUp"/>: the write loop reports the next sequence it has not sent, and this thread, which alone fans out, either finds that it is the next one to come,
/// or closes a small gap itself, or sends the write loop off again. No record can fall between the two because both sides name sequences.
/// </para>
/// Loop thread only.
/// </summary>
internal sealed class Delivery(int loop, Shard shard, IConversationLog log, DirtyOutboxes dirty, BrokerMetrics metrics)
{
    /// <summary>Connections listening to one conversation that are told of cursors as they move.</summary>
    private const int ReceiptListenersMax = 100;

    private readonly Dictionary<uint, Subscription> _byId = [];
    private readonly Dictionary<PeerAddress, Dictionary<ConversationId, Subscription>> _byPeer = [];
    private readonly SharedFrames _frames = new();
    private readonly ArrayBufferWriter<byte> _gap = new(ProtocolLimits.ChunkSizeMax);
    private uint _nextId;
    private long _delivered;

    /// <summary>Subscriptions in this shard.</summary>
    public int Count => _byId.Count;

    /// <summary>Subscriptions that are behind; for metrics.</summary>
    public int PullingCount { get; private set; }

    /// <summary>Records that were handed to those who listen, once for each; for metrics. Those that a write loop reads from the log are not among them.</summary>
    public long Delivered => Volatile.Read(ref _delivered);

    /// <summary>Begins a subscription, or says why not (protocol.md §6.2).</summary>
    public void Subscribe(in CommandHeader command, Peer peer, ReadOnlySpan<byte> body, Turn turn, Turn? previous)
    {
        Protocol.Subscribe.TryRead(body, out Subscribe subscribe);
        ErrorCode denied = shard.AuthorizeRead(subscribe.Conversation, command, turn, previous, out ConversationState? conversation, out ulong visibleFrom);
        if (denied != ErrorCode.None)
        {
            Refuse(peer, command.Request, denied, ReasonOf(denied));
            return;
        }

        if (FindOf(peer, subscribe.Conversation) is not null)
        {
            Refuse(peer, command.Request, ErrorCode.AlreadySubscribed, "this connection is subscribed already");
            return;
        }

        ulong head = conversation!.DurableHead;
        if (subscribe.After.Epoch != 0 && subscribe.After.Epoch != conversation.Epoch)
        {
            Interlocked.Decrement(ref peer.Subscriptions);
            Answer(peer, command.Request, new Subscribed(SubscribeStatus.EpochChanged, conversation.Epoch, 0, head));
            return;
        }

        ulong after = subscribe.After.Sequence == LogPosition.Latest ? head : subscribe.After.Sequence;
        if (after > head)
        {
            Refuse(peer, command.Request, ErrorCode.PositionAhead, $"the head is {head}");
            return;
        }

        // Of what lies before their right to read, or is kept no longer, they get nothing, and are told so.
        bool isCut = after + 1 < visibleFrom;
        after = isCut ? visibleFrom - 1 : after;
        Subscription subscription = Add(peer, conversation, after + 1);
        Answer(peer, command.Request, new Subscribed(isCut ? SubscribeStatus.Truncated : SubscribeStatus.Resumed, conversation.Epoch, after + 1, head));
        if (after >= head)
        {
            subscription.IsLive = true;
        }
        else
        {
            Pull(subscription);
        }
    }

    /// <summary>Ends a subscription at the client's wish.</summary>
    public void Unsubscribe(in CommandHeader command, Peer peer, ReadOnlySpan<byte> body)
    {
        Protocol.Unsubscribe.TryRead(body, out Unsubscribe unsubscribe);
        if (FindOf(peer, unsubscribe.Conversation) is not { } subscription)
        {
            peer.Outbox.Append(Error(command.Request, ErrorCode.NotSubscribed, "this connection is not subscribed"));
            return;
        }

        End(subscription, command.Request);
    }

    /// <summary>Answers a page of history by handing it to the write loop.</summary>
    public void Fetch(in CommandHeader command, Peer peer, ReadOnlySpan<byte> body, Turn turn, Turn? previous)
    {
        Protocol.Fetch.TryRead(body, out Fetch fetch);
        ErrorCode denied = shard.AuthorizeRead(fetch.Conversation, command, turn, previous, out ConversationState? conversation, out ulong visibleFrom);
        if (denied != ErrorCode.None)
        {
            Interlocked.Decrement(ref peer.Fetches);
            peer.Outbox.Append(Error(command.Request, denied, ReasonOf(denied)));
            return;
        }

        bool isOtherEpoch = fetch.Position.Epoch != 0 && fetch.Position.Epoch != conversation!.Epoch;

        // A page ends where the conversation ended when the right to read it was checked: a member removed while the page waits for credit gets nothing newer.
        bool isBackward = fetch.Direction == FetchDirection.Backward;
        ulong position = isBackward ? Math.Min(fetch.Position.Sequence, conversation!.DurableHead + 1) : Math.Max(fetch.Position.Sequence, visibleFrom - 1);

        // Sequences are dense: so many records lie between the page's end and the first one that they may read.
        ulong visible = isBackward ? position - Math.Min(position, visibleFrom) : ulong.MaxValue;
        peer.Outbox.Append(new PullOrder
        {
            Conversation = conversation!.Id,
            Epoch = conversation.Epoch,
            Request = command.Request,
            After = position,
            OldestVisible = visibleFrom,
            IsCompleteAtEnd = visible == 0 && !isOtherEpoch ? true : null,
            Through = isBackward ? ulong.MaxValue : conversation.DurableHead,
            Direction = fetch.Direction,
            CountLeft = isOtherEpoch ? 0 : (int)Math.Min(visible, Bound(fetch.CountMax, ProtocolLimits.FetchCountMax)),
            BytesLeft = (int)Bound(fetch.BytesMax, ProtocolLimits.FetchBytesMax),
        });
        peer.Outbox.Work.Raise();
    }

    /// <summary>A write loop has sent everything it could find in the log and names the next sequence.</summary>
    public void CaughtUp(ReadOnlySpan<byte> body)
    {
        uint id = BinaryPrimitives.ReadUInt32LittleEndian(body);
        ulong next = BinaryPrimitives.ReadUInt64LittleEndian(body[4..]);
        if (!_byId.TryGetValue(id, out Subscription? subscription) || subscription.IsLive)
        {
            return;
        }

        subscription.Next = next;
        if (next > subscription.Through)
        {
            End(subscription, request: 0);
            return;
        }

        subscription.Order!.Release();
        bool isRemoved = subscription.Through != ulong.MaxValue;
        if (!isRemoved && (next > subscription.Conversation.DurableHead || CloseGap(subscription)))
        {
            subscription.IsLive = true;
            subscription.Order = null;
            PullingCount--;
        }
        else
        {
            PullingCount--;
            Pull(subscription);
        }
    }

    /// <summary>Hands a chunk that has just become durable to everyone who listens.</summary>
    public void FanOut(in SealedChunk chunk, ReadOnlySpan<byte> records)
    {
        ConversationState conversation = chunk.Conversation;
        conversation.DurableHead = chunk.Last;
        if (!conversation.HasListeners)
        {
            return;
        }

        List<Subscription> subscriptions = conversation.Subscriptions;
        Span<byte> fixedPart = stackalloc byte[Deliver.FixedSize];
        Deliver.WriteFixed(fixedPart, conversation.Id, conversation.Epoch, chunk.Count);
        bool isShared = records.Length >= SharedFrames.SizeMin && subscriptions.Count > 1;
        SharedFrame? shared = null;
        int holders = 0;
        for (int i = subscriptions.Count - 1; i >= 0; i--)
        {
            Subscription subscription = subscriptions[i];
            if (!subscription.IsLive || subscription.Next > chunk.Last)
            {
                continue;
            }

            if (subscription.Next != chunk.First)
            {
                AppendRest(subscription, records, chunk.Last);
                continue;
            }

            Outbox outbox = subscription.Peer.Outbox;
            bool hasRoom = isShared
                ? outbox.TryAppendDeliver(loop, shared ??= _frames.Deliver(fixedPart, records), ref holders)
                : outbox.TryAppendDeliver(loop, fixedPart, records);
            EndAppend(subscription, hasRoom, chunk.Last);
        }

        shared?.Seal(holders);
        if (!chunk.Removed.IsNone)
        {
            EndOf(conversation, chunk.Removed, chunk.Last);
        }
    }

    /// <summary>
    /// Tells those who listen how far a member has come. With many of them it would be their number squared that is told, and mean nothing: then it is only there to be asked for. It is a hint: who has no
    /// room misses it.
    /// </summary>
    public void Tell(in Receipt receipt)
    {
        if (!receipt.Conversation.HasListeners || receipt.Conversation.Subscriptions.Count > ReceiptListenersMax)
        {
            return;
        }

        byte[] bytes = CursorNotice.Frame(receipt.Conversation.Id, receipt.User, receipt.Thread, receipt.Delivered, receipt.Read);
        foreach (Subscription subscription in receipt.Conversation.Subscriptions)
        {
            // One's own devices are told of what they have read themselves, whether they listen here or not.
            if (subscription.IsLive && subscription.Peer.Actor.User != receipt.User && subscription.Peer.Outbox.HasRoom)
            {
                subscription.Peer.Outbox.Append(bytes);
                dirty.Mark(subscription.Peer);
            }
        }
    }

    /// <summary>Sends a Notice to the connections that are subscribed to a conversation, each once. Left out where the peer does not read, and in open conversations, which are everybody's.</summary>
    public void Tell(ReadOnlySpan<byte> body)
    {
        if (shard.Conversations.Peek(ConversationId.Read(body)) is not { HasListeners: true } conversation || ConversationKinds.IsOpen(conversation.Meta.Kind))
        {
            return;
        }

        foreach (Subscription subscription in conversation.Subscriptions)
        {
            if (subscription.Peer.Outbox.HasRoom)
            {
                subscription.Peer.Outbox.Append(loop, FrameType.Notice, 0, body[Id128.Size..]);
                dirty.Mark(subscription.Peer);
            }
        }
    }

    /// <summary>Ends every subscription of a conversation that was erased, and says why.</summary>
    public void EndAll(ConversationState conversation)
    {
        byte[] notice = Notices.Frame(new ControlMap().Set("event", "erased").SetId("conversation", conversation.Id.Value));
        while (conversation.HasListeners)
        {
            Subscription subscription = conversation.Subscriptions[^1];
            if (subscription.Peer.Outbox.HasRoom)
            {
                subscription.Peer.Outbox.Append(notice);
            }

            End(subscription, request: 0);
        }
    }

    /// <summary>Forgets everything a connection had here.</summary>
    public void Detach(PeerAddress peer)
    {
        if (_byPeer.Remove(peer, out Dictionary<ConversationId, Subscription>? own))
        {
            foreach (Subscription subscription in own.Values)
            {
                RemoveFromLists(subscription);
            }
        }
    }

    /// <summary>The subscription has the records up to <paramref name="last"/>, or lags.</summary>
    private void EndAppend(Subscription subscription, bool hasRoom, ulong last)
    {
        if (hasRoom)
        {
            _delivered += (long)(last + 1 - subscription.Next);
            subscription.Next = last + 1;
            dirty.Mark(subscription.Peer);
            return;
        }

        Span<byte> lag = stackalloc byte[Lag.Size];
        ConversationState conversation = subscription.Conversation;
        new Lag(conversation.Id, conversation.Epoch, subscription.Next, conversation.DurableHead).Write(lag);
        subscription.Peer.Outbox.Append(loop, FrameType.Lag, 0, lag);
        subscription.IsLive = false;
        Pull(subscription);
    }

    /// <summary>Appends the part of a chunk that a subscription does not have yet.</summary>
    private void AppendRest(Subscription subscription, ReadOnlySpan<byte> records, ulong last)
    {
        ReadOnlySpan<byte> rest = records;
        while (MessageRecord.TryRead(ref records, out MessageRecord record) && record.Sequence < subscription.Next)
        {
            rest = records;
        }

        uint count = (uint)(last - subscription.Next + 1);
        Span<byte> fixedPart = stackalloc byte[Deliver.FixedSize];
        Deliver.WriteFixed(fixedPart, subscription.Conversation.Id, subscription.Conversation.Epoch, count);
        EndAppend(subscription, subscription.Peer.Outbox.TryAppendDeliver(loop, fixedPart, rest), last);
    }

    /// <summary>Sends the write loop to the log, from the subscription's next record on.</summary>
    private void Pull(Subscription subscription)
    {
        // Not beyond what was handed out: the log may already have the record that removes the listener, and what follows it, before this thread knows (P15).
        PullOrder order = new()
        {
            Conversation = subscription.Conversation.Id,
            Epoch = subscription.Conversation.Epoch,
            Subscription = subscription.Id,
            After = subscription.Next - 1,
            Through = Math.Min(subscription.Through, subscription.Conversation.DurableHead),
        };
        subscription.Order = order;
        PullingCount++;
        subscription.Peer.Outbox.Append(order);
        dirty.Mark(subscription.Peer);
    }

    /// <summary>
    /// Closes a gap of at most one chunk between what the write loop sent and the head, here and now; otherwise a busy conversation could keep a fast reader
    /// from ever becoming live. False when the gap is larger, is not in the log any more, or the outbox has no room.
    /// </summary>
    private bool CloseGap(Subscription subscription)
    {
        ConversationState conversation = subscription.Conversation;
        _gap.ResetWrittenCount();
        LogPage page;
        try
        {
            page = log.ReadForward(
                conversation.Id, subscription.Next - 1, conversation.DurableHead, int.MaxValue, ProtocolLimits.ChunkSizeMax, _gap);
        }
        catch (CorruptRecordException)
        {
            // The write loop will meet the same record and end its own connection; the shard goes on.
            return false;
        }

        // Where the log was cut off meanwhile, the write loop says so.
        if (page.First != subscription.Next || page.Last != conversation.DurableHead)
        {
            return false;
        }

        Span<byte> fixedPart = stackalloc byte[Deliver.FixedSize];
        Deliver.WriteFixed(fixedPart, conversation.Id, conversation.Epoch, (uint)page.Count);
        if (!subscription.Peer.Outbox.TryAppendDeliver(loop, fixedPart, _gap.WrittenSpan))
        {
            return false;
        }

        _delivered += page.Count;
        subscription.Next = page.Last + 1;
        dirty.Mark(subscription.Peer);
        return true;
    }

    /// <summary>Ends the subscriptions of a user who was removed, behind the record that removed them.</summary>
    private void EndOf(ConversationState conversation, UserId user, ulong last)
    {
        for (int i = conversation.Subscriptions.Count - 1; i >= 0; i--)
        {
            Subscription subscription = conversation.Subscriptions[i];
            if (subscription.Peer.Actor.User != user)
            {
                continue;
            }

            if (subscription.IsLive)
            {
                End(subscription, request: 0);
            }
            else
            {
                subscription.Through = Math.Min(subscription.Through, last);
                subscription.Order!.Through = subscription.Through;
            }
        }
    }

    private void End(Subscription subscription, uint request)
    {
        Peer peer = subscription.Peer;
        if (_byPeer.TryGetValue(peer.Address, out Dictionary<ConversationId, Subscription>? own))
        {
            own.Remove(subscription.Conversation.Id);
        }

        RemoveFromLists(subscription);
        Interlocked.Decrement(ref peer.Subscriptions);
        Span<byte> body = stackalloc byte[Protocol.Unsubscribe.Size];
        subscription.Conversation.Id.Write(body);
        if (subscription.Order is null)
        {
            peer.Outbox.Append(loop, FrameType.Unsubscribed, request, body);
            dirty.Mark(peer);
        }
        else
        {
            // The write loop may be sending a chunk at this moment: only it can say when none follows.
            subscription.Order.End(request);
            peer.Outbox.Work.Raise();
        }
    }

    private Subscription Add(Peer peer, ConversationState conversation, ulong next)
    {
        do
        {
            _nextId++;
        }
        while (_nextId == 0 || _byId.ContainsKey(_nextId));

        Subscription subscription = new(_nextId, peer, conversation, next) { Index = conversation.Subscriptions.Count };
        conversation.Subscriptions.Add(subscription);
        _byId.Add(subscription.Id, subscription);
        if (!_byPeer.TryGetValue(peer.Address, out Dictionary<ConversationId, Subscription>? own))
        {
            _byPeer.Add(peer.Address, own = []);
        }

        own.Add(conversation.Id, subscription);
        return subscription;
    }

    private void RemoveFromLists(Subscription subscription)
    {
        List<Subscription> list = subscription.Conversation.Subscriptions;
        Subscription moved = list[^1];
        list[subscription.Index] = moved;
        moved.Index = subscription.Index;
        list.RemoveAt(list.Count - 1);
        _byId.Remove(subscription.Id);
        if (!subscription.IsLive)
        {
            PullingCount--;
        }
    }

    private Subscription? FindOf(Peer peer, ConversationId conversation) =>
        _byPeer.TryGetValue(peer.Address, out Dictionary<ConversationId, Subscription>? own) ? own.GetValueOrDefault(conversation) : null;

    private void Answer(Peer peer, uint request, Subscribed subscribed)
    {
        Span<byte> body = stackalloc byte[Subscribed.Size];
        subscribed.Write(body);
        peer.Outbox.Append(loop, FrameType.Subscribed, request, body);
        dirty.Mark(peer);
    }

    private void Refuse(Peer peer, uint request, ErrorCode code, string reason)
    {
        Interlocked.Decrement(ref peer.Subscriptions);
        peer.Outbox.Append(Error(request, code, reason));
    }

    private byte[] Error(uint request, ErrorCode code, string reason)
    {
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.WriteError(frame, request, code, reason);
        metrics.Error(code);
        return frame.WrittenSpan.ToArray();
    }

    private static string ReasonOf(ErrorCode denied) => denied == ErrorCode.NoSuchConversation ? "no such conversation" : "reading there is not allowed";

    private static uint Bound(uint wanted, int max) => wanted == 0 ? (uint)max : Math.Min(wanted, (uint)max);
}
