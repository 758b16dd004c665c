using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

using FastChat.Broker.Diagnostics;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Broker.Connections;

/// <summary>
/// Outbox → pipe. The only code that writes to a connection once it is READY. Everything that waits leaves in one flush; when nothing waits and subscriptions are behind
/// or pages were asked for, it reads the log, a chunk at a time, as fast as the peer takes them. A peer that takes nothing
/// therefore holds one chunk and its outbox budget, whatever it follows.
/// </summary>
internal sealed class ConnectionWriteLoop(ConnectionServices services, BrokerConnection connection, Peer peer, PipeWriter output)
{
    private const int RecordsHeadSize = FrameHeader.Size + Deliver.FixedSize;

    /// <summary>With its head a page fills what a transport sends at once, and no second call carries the last hundred bytes.</summary>
    private const int PageSizeMax = ProtocolLimits.ChunkSizeMax - RecordsHeadSize;

    /// <summary>Pages that a peer which takes everything at once may have in a row before others have their turn.</summary>
    private const int PagesInTurn = 16;

    [ThreadStatic]
    private static PageTarget? t_page;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_choice;

    private readonly List<PullOrder> _orders = [];
    private int _nextOrder;
    private int _pagesLeft;

    /// <summary>Bytes of records and answers that are in the pipe and not counted yet; the few of a page's end are not counted at all.</summary>
    private long _written;

    /// <summary>There only while pages follow one another without a wait: it keeps files and a snapshot alive, and a peer that takes nothing must not.</summary>
    private ILogReader? _reader;
    private byte[]? _last;
    private bool _isFinishing;
    private bool _isShutOut;

    /// <summary>Asks the loop to end: with a Close frame, or (None) once the outbox is empty. Any thread; the first Close counts.</summary>
    public void Finish(CloseCode code, string reason, uint retryAfterMs)
    {
        if (code != CloseCode.None && code != CloseCode.Normal)
        {
            ArrayBufferWriter<byte> frame = new();
            FrameWriter.WriteClose(frame, code, reason, retryAfterMs);
            Interlocked.CompareExchange(ref _last, frame.WrittenSpan.ToArray(), null);
            if (CloseCodes.EndsSignIn(code))
            {
                Volatile.Write(ref _isShutOut, true);
            }
        }

        Volatile.Write(ref _isFinishing, true);
        peer.Outbox.Work.Raise();
    }

    /// <summary>Runs until the connection ends. Does not throw.</summary>
    public async Task RunAsync()
    {
        try
        {
            while (true)
            {
                bool isFinishing = Volatile.Read(ref _isFinishing);
                if (Volatile.Read(ref _isShutOut))
                {
                    // What waits for somebody who is let in no longer is not theirs any more.
                    await SayLastAsync();
                    return;
                }

                if (Collect() && await FlushAsync())
                {
                    return;
                }

                if (isFinishing)
                {
                    await SayLastAsync();
                    return;
                }

                if (HasPull())
                {
                    if (_pagesLeft == 0)
                    {
                        // On a thread of the pool, because reading the log may wait for the disk, and not on all of them: who reads the past takes whatever there is, and the present goes on.
                        CloseReader();
                        await services.ReadingTurns;
                        _pagesLeft = PagesInTurn;
                    }

                    // Also when there was nothing to write: the flush gives back the memory that the page was to have.
                    PullOnce();
                    _pagesLeft--;
                    if (await FlushAsync())
                    {
                        return;
                    }
                }
                else
                {
                    CloseReader();
                    await peer.Outbox.Work.WaitAsync();
                }
            }
        }
        catch (Exception end) when (end is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The transport ended; the read loop sees the same.
        }
        catch (CorruptRecordException damage)
        {
            BrokerLog.RecordDamaged(services.Log, damage);
            _last = null;
            Finish(CloseCode.InternalError, "a stored record is damaged", 0);
            await SayLastAsync();
        }
        catch (Exception defect)
        {
            BrokerLog.ConnectionDefect(services.Log, defect, connection.Id);
        }
        finally
        {
            CloseReader();
            peer.Outbox.Close();
            if (connection.ClosingWith == CloseCode.None)
            {
                connection.RequestClose(CloseCode.Normal, string.Empty);
            }
        }
    }

    /// <summary>Moves everything that waits into the pipe; true when there was something.</summary>
    private bool Collect()
    {
        Outbox outbox = peer.Outbox;

        // Orders first: whatever their loops appended before them is visible when the lanes are drained now, so it leaves before the pulled records.
        while (outbox.TryTakeOrder(out PullOrder? order))
        {
            _orders.Add(order);
        }

        bool any = false;
        for (int loop = 0; loop < outbox.LaneCount; loop++)
        {
            if (outbox.LaneOf(loop) is { } lane)
            {
                long before = lane.Consumed;
                any |= lane.Drain(output);
                _written += lane.Consumed - before;
            }
        }

        while (outbox.TryTakeFrame(out byte[]? frame))
        {
            output.Write(frame);
            _written += frame.Length;
            any = true;
        }

        if (any && peer.IsReadPaused)
        {
            peer.ReadGate.Raise();
        }

        return any | SettleOrders();
    }

    /// <summary>Forgets orders that their shard has taken back or ended; true when something was written.</summary>
    private bool SettleOrders()
    {
        bool any = false;
        for (int i = _orders.Count - 1; i >= 0; i--)
        {
            PullOrder order = _orders[i];
            if (order.HasEnded(out uint request))
            {
                order.Conversation.Write(FrameWriter.Begin(output, FrameType.Unsubscribed, request, Unsubscribe.Size));
                _orders.RemoveAt(i);
                any = true;
            }
            else if (order.IsReleased)
            {
                _orders.RemoveAt(i);
            }
        }

        return any;
    }

    private bool HasPull()
    {
        foreach (PullOrder order in _orders)
        {
            if (!order.IsReported && (peer.Outbox.HasCredit || order.CountLeft == 0))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reads and writes one page of one order, in turn.</summary>
    private void PullOnce()
    {
        for (int looked = 0; looked < _orders.Count; looked++)
        {
            _nextOrder = (_nextOrder + 1) % _orders.Count;
            PullOrder order = _orders[_nextOrder];
            if (!order.IsReported)
            {
                if (order.Request == 0)
                {
                    PullSubscription(order);
                }
                else
                {
                    PullFetch(order);
                }

                return;
            }
        }
    }

    private void PullSubscription(PullOrder order)
    {
        LogPage page = WritePage(FrameType.Deliver, order, int.MaxValue, int.MaxValue);
        if (page.Count > 0)
        {
            services.Metrics.CaughtUp(page.Count);
            order.After = page.Last;
        }
        else if (IsCutOff(order, page) is var first and not 0)
        {
            // The log was cut off beyond this place while the reader was on the way to it.
            Span<byte> lag = FrameWriter.Begin(output, FrameType.Lag, 0, Lag.Size);
            new Lag(order.Conversation, order.Epoch, first, services.ConversationLog.ReadHead(order.Conversation).Sequence) { IsCut = true }.Write(lag);
            order.After = first - 1;
            return;
        }

        if (page.Complete)
        {
            Report(order);
        }
    }

    /// <summary>The record that the log begins with when it is behind the next one of a subscription; 0 when it is not.</summary>
    private ulong IsCutOff(PullOrder order, in LogPage page)
    {
        ulong first = page.First != 0 ? page.First : page.Complete && order.After < order.Through ? services.ConversationLog.ReadStart(order.Conversation).First : 0;
        return first > order.After + 1 ? first : 0;
    }

    private void PullFetch(PullOrder order)
    {
        if (order.Direction == FetchDirection.Backward && order.CountLeft > 0 && order.Through == ulong.MaxValue)
        {
            TurnAround(order);
        }

        LogPage page = new(0, 0, 0, 0, Complete: false);
        if (order.CountLeft > 0)
        {
            // A read gives at least one record, but only a page's first may be larger than what the client asked for.
            page = WritePage(FrameType.Chunk, order, order.CountLeft, order.Count > 0 ? order.BytesLeft : int.MaxValue);
            if (page.Count > 0)
            {
                order.Advance(page.First, page.Last, page.Count, page.Bytes);
            }
        }

        bool isLast = page.Complete || page.Count == 0 || order.CountLeft <= 0 || order.BytesLeft <= 0;
        if (isLast)
        {
            EndFetch(order, order.IsCompleteAtEnd ?? page.Complete);
        }
    }

    /// <summary>
    /// A backward page is chosen backward and sent forward. The choice is made here, by reading the page once and keeping only where it begins; then the order is an ordinary
    /// forward one over that range, which leaves in chunks and obeys the credit like any other.
    /// </summary>
    private void TurnAround(PullOrder order)
    {
        ulong before = order.After;
        LogPage page = services.ConversationLog.ReadBackward(order.Conversation, before, order.CountLeft, order.BytesLeft, Choice());
        order.IsCompleteAtEnd = page.Complete || (page.Count > 0 && page.First <= order.OldestVisible);
        order.After = page.Count == 0 ? 0 : page.First - 1;
        order.Through = page.Last;
        order.CountLeft = page.Count;
    }

    /// <summary>
    /// Reads a page into the transport's own memory, behind room for the frame's head, and makes a frame of it; nothing is written, and an empty page given back, when it has more bytes than
    /// <paramref name="bytesMax"/> or none. What the reader throws leaves nothing written either. The same when it does not go on where the order stands, because the log was cut off there: but at the beginning of a
    /// Fetch, it is a gap in what was asked for; where the log begins then comes back.
    /// </summary>
    private LogPage WritePage(FrameType type, PullOrder order, int countMax, int bytesMax)
    {
        PageTarget target = t_page ??= new PageTarget();
        target.Begin(output, RecordsHeadSize, PageSizeMax);
        try
        {
            LogPage page = order.IsLong
                ? (_reader ??= services.ConversationLog.OpenReader()).ReadForward(
                    order.Conversation, order.After, order.Through, countMax, Math.Min(order.BytesLeft, PageSizeMax), target)
                : services.ConversationLog.ReadForward(order.Conversation, order.After, order.Through, countMax, Math.Min(order.BytesLeft, PageSizeMax), target);
            order.IsLong = !page.Complete;
            bool isGap = page.Count > 0 && page.First != order.After + 1 && (type == FrameType.Deliver || order.Count > 0);
            if (page.Bytes > bytesMax || isGap)
            {
                return new LogPage(isGap ? page.First : 0, 0, 0, 0, Complete: false);
            }

            if (page.Count > 0)
            {
                Span<byte> head = target.Head;
                new FrameHeader(Deliver.FixedSize + page.Bytes, type, order.Request).Write(head);
                Deliver.WriteFixed(head[FrameHeader.Size..], order.Conversation, order.Epoch, (uint)page.Count);
                int size = target.Complete();
                peer.Outbox.UseCredit(size);
                _written += size;
            }

            return page;
        }
        finally
        {
            target.End();
        }
    }

    private void EndFetch(PullOrder order, bool isComplete)
    {
        ulong head = services.ConversationLog.ReadHead(order.Conversation).Sequence;

        // The page ends at the head of when the right to read was checked; what has come since makes a forward page incomplete.
        isComplete &= order.Direction == FetchDirection.Backward || head <= order.After;
        Span<byte> body = FrameWriter.Begin(output, FrameType.FetchEnd, order.Request, FetchEnd.Size);
        new FetchEnd(isComplete, order.Epoch, order.Count, order.First, order.Last, head).Write(body);
        _orders.Remove(order);
        Interlocked.Decrement(ref peer.Fetches);
    }

    /// <summary>Tells the shard that the log has nothing more; it makes the subscription live, or sends us off again.</summary>
    private void Report(PullOrder order)
    {
        Span<byte> body = stackalloc byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(body, order.Subscription);
        BinaryPrimitives.WriteUInt64LittleEndian(body[4..], order.After + 1);
        CommandHeader header = new(CommandKind.CaughtUp, peer.Actor, 0, CommandHeader.ReplyToPeer(peer.Address), 0);

        // A full ring is no loss: the order stays, and the next round looks at the log and reports again.
        order.IsReported = services.Router.TryPost(services.Router.Map.ShardOf(order.Conversation.Value), header, body);
    }

    private async Task SayLastAsync()
    {
        if (_last is { } close)
        {
            output.Write(close);
            await FlushAsync();
        }
    }

    /// <summary>Gives what was written to the transport; true when the connection has ended.</summary>
    private async ValueTask<bool> FlushAsync()
    {
        connection.Activity.BeginWrite();
        if (_written > 0)
        {
            services.Metrics.Sent(_written);
            _written = 0;
        }

        ValueTask<FlushResult> flush = output.FlushAsync();
        if (!flush.IsCompleted)
        {
            CloseReader();
        }

        FlushResult result = await flush;
        Failpoint.Reach("frames-sent");
        connection.Activity.EndWrite();
        return result.IsCompleted;
    }

    /// <summary>Before every wait: the turn of reading ends with it.</summary>
    private void CloseReader()
    {
        _reader?.Dispose();
        _reader = null;
        _pagesLeft = 0;
    }

    private static ArrayBufferWriter<byte> Choice()
    {
        ArrayBufferWriter<byte> choice = t_choice ??= new ArrayBufferWriter<byte>(ProtocolLimits.ChunkSizeMax);
        choice.ResetWrittenCount();
        return choice;
    }
}
