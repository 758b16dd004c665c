using FastChat.Broker.Diagnostics;
using FastChat.Protocol;

namespace FastChat.Broker.Presence;

/// <summary>
/// Tells watches what they do not know yet, within the budgets: a queue of watches and never one of events. What does not fit stays marked and is told later, as it is then; a frame that is too small for
/// everything takes what fits. Each watch stands in the queue once and comes behind the others when it was told, so a budget that is too small is shared and starves nobody. Under the room's lock: putting a
/// frame into an outbox neither blocks nor runs anybody's code.
/// </summary>
internal sealed class PresenceTeller(PresenceOptions options, TimeProvider clock, BrokerMetrics metrics)
{
    private const int FrameSizeMin = FrameHeader.Size + Protocol.Presence.FixedSize + PresenceEntry.FixedSize + ProtocolLimits.StatusSizeMax;

    private readonly Queue<Watch> _queue = new();
    private ByteBudget _budget = new(options.BytesPerSecond, clock.GetTimestamp());
    private long _tick;

    /// <summary>Watches that wait to be told something.</summary>
    public int Waiting => _queue.Count;

    /// <summary>Queues a watch that has work, unless it stands there.</summary>
    public void Queue(Watch watch)
    {
        if (!watch.IsQueued && !watch.IsGone && watch.HasWork)
        {
            watch.IsQueued = true;
            _queue.Enqueue(watch);
        }
    }

    /// <summary>Sends what fits.</summary>
    public void Tell(long now)
    {
        _tick++;
        for (int left = _queue.Count; left > 0; left--)
        {
            int available = _budget.Available(clock, now);
            if (available < FrameSizeMin)
            {
                metrics.PresenceDeferred(left);
                return;
            }

            Watch watch = _queue.Dequeue();
            watch.IsQueued = false;
            if (watch.IsActive && !watch.IsGone && watch.HasWork)
            {
                Tell(watch, Math.Min(available, watch.Onlooker.Budget.Available(clock, now)));
            }

            Queue(watch);
        }
    }

    /// <summary>Says that the watch is over, at once, and takes the bytes from what may be sent afterwards: nothing may come behind a removal.</summary>
    public void TellEnd(Watch watch)
    {
        byte[] frame = new byte[FrameHeader.Size + Protocol.Presence.FixedSize];
        WriteFixed(frame, watch.Conversation, PresenceShape.Ended, 0, 0);
        if (watch.IsActive && watch.Onlooker.Peer.Outbox.HasAmpleRoom)
        {
            Send(watch, frame);
        }
    }

    private void Tell(Watch watch, int available)
    {
        if (available < FrameSizeMin || !watch.Onlooker.Peer.Outbox.HasAmpleRoom)
        {
            metrics.PresenceDeferred(1);
            return;
        }

        byte[] frame = watch.Conversation.IsCounted ? Counts(watch) : Entries(watch, available);
        Send(watch, frame);
    }

    private void Send(Watch watch, byte[] frame)
    {
        _budget.Take(frame.Length);
        watch.Onlooker.Budget.Take(frame.Length);
        watch.Onlooker.Peer.Outbox.Append(frame);
        metrics.PresenceTold(frame.Length);
    }

    private byte[] Counts(Watch watch)
    {
        WatchedConversation conversation = watch.Conversation;
        watch.Told = (conversation.Online, conversation.Members);
        watch.IsRestart = false;
        watch.Marks = 0;
        byte[] frame = new byte[FrameHeader.Size + Protocol.Presence.FixedSize];
        WriteFixed(frame, conversation, PresenceShape.Counts, conversation.Online, conversation.Members);
        return frame;
    }

    private byte[] Entries(Watch watch, int available)
    {
        WatchedConversation conversation = watch.Conversation;
        UserId self = watch.Onlooker.Peer.Actor.User;
        PresenceShape shape = watch.IsRestart ? PresenceShape.Restart : PresenceShape.Changes;
        bool isShared = (watch.Marks & conversation.MarkOf(self)) == 0;
        if (isShared && conversation.SharedFrame is { } shared && conversation.SharedFor == (watch.Marks, shape, _tick) && shared.Length <= available)
        {
            watch.Marks = 0;
            watch.IsRestart = false;
            return shared;
        }

        UInt128 told = 0;
        int size = FrameHeader.Size + Protocol.Presence.FixedSize;
        List<PresenceEntry> entries = [];
        foreach ((int slot, Person person) in conversation.InSlots())
        {
            UInt128 mark = UInt128.One << slot;
            if ((watch.Marks & mark) == 0)
            {
                continue;
            }

            PresenceEntry entry = (person.User == self ? person.Own : person.Public).ToEntry(person.User);
            if (size + entry.Size > available)
            {
                break;
            }

            size += entry.Size;
            told |= mark;
            entries.Add(entry);
        }

        byte[] frame = new byte[size];
        WriteFixed(frame, conversation, shape, conversation.Online, conversation.Members);
        int at = FrameHeader.Size + Protocol.Presence.FixedSize;
        foreach (PresenceEntry entry in entries)
        {
            at += entry.Write(frame.AsSpan(at));
        }

        if (isShared && told == watch.Marks)
        {
            conversation.SharedFrame = frame;
            conversation.SharedFor = (watch.Marks, shape, _tick);
        }

        watch.Marks &= ~told;
        watch.IsRestart = false;
        return frame;
    }

    private static void WriteFixed(byte[] frame, WatchedConversation conversation, PresenceShape shape, int online, int members)
    {
        new FrameHeader(frame.Length - FrameHeader.Size, FrameType.Presence, 0).Write(frame);
        Protocol.Presence.WriteFixed(frame.AsSpan(FrameHeader.Size), conversation.Id, shape, (uint)online, (uint)members);
    }
}
