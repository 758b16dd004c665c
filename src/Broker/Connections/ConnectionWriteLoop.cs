using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

using FastChat.Broker.Diagnostics;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Connections;

/// <summary>
/// Outbox → pipe. The only code that writes to a connection once it is READY. Everything that waits leaves in one flush; when nothing waits and subscriptions are behind
/// or pages were asked for, it reads the log, a chunk at a time, as fast as the peer takes them. A peer that takes nothing
/// therefore holds one chunk and its outbox budget, whatever it follows.
/// </summary>
internal sealed class ConnectionWriteLoop(ConnectionServices services, BrokerConnection connection, Peer peer, PipeWriter output)
{
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_chunk;

    private readonly List<PullOrder> _orders = [];
    private int _nextOrder;
    private byte[]? _last;
    private bool _isFinishing;

    /// <summary>Asks the loop to end: with a Close frame, or (None) once the outbox is empty. Any thread; the first Close counts.</summary>
    public void Finish(CloseCode code, string reason, uint retryAfterMs)
    {
        if (code != CloseCode.None && code != CloseCode.Normal)
        {
            ArrayBufferWriter<byte> frame = new();
            FrameWriter.WriteClose(frame, code, reason, retryAfterMs);
            Interlocked.CompareExchange(ref _last, frame.WrittenSpan.ToArray(), null);
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
                if (Collect() && await FlushAsync().ConfigureAwait(false))
                {
                    return;
                }

                if (isFinishing)
                {
                    await SayLastAsync().ConfigureAwait(false);
                    return;
                }

                if (HasPull())
                {
                    if (!Thread.CurrentThread.IsThreadPoolThread)
                    {
                        // A flush may continue on an I/O thread, and reading the log may wait for the disk.
                        await Task.Yield();
                    }

                    if (PullOnce() && await FlushAsync().ConfigureAwait(false))
                    {
                        return;
                    }
                }
                else
                {
                    await peer.Outbox.Work.WaitAsync().ConfigureAwait(false);
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
            await SayLastAsync().ConfigureAwait(false);
        }
        catch (Exception defect)
        {
            BrokerLog.ConnectionDefect(services.Log, defect, connection.Id);
        }
        finally
        {
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
            any |= outbox.LaneOf(loop)?.Drain(output) ?? false;
        }

        while (outbox.TryTakeFrame(out byte[]? frame))
        {
            output.Write(frame);
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

    /// <summary>Reads and sends one chunk of one order, in turn; true when something was written.</summary>
    private bool PullOnce()
    {
        for (int looked = 0; looked < _orders.Count; looked++)
        {
            _nextOrder = (_nextOrder + 1) % _orders.Count;
            PullOrder order = _orders[_nextOrder];
            if (!order.IsReported)
            {
                return order.Request == 0 ? PullSubscription(order) : PullFetch(order);
            }
        }

        return false;
    }

    private bool PullSubscription(PullOrder order)
    {
        ArrayBufferWriter<byte> chunk = Chunk();
        LogPage page = services.ConversationLog.ReadForward(
            order.Conversation, order.After, order.Through, int.MaxValue, ProtocolLimits.ChunkSizeMax, chunk);
        if (page.Count > 0)
        {
            WriteRecords(FrameType.Deliver, order, page, chunk.WrittenSpan);
            order.After = page.Last;
        }

        if (page.Complete)
        {
            Report(order);
        }

        return page.Count > 0;
    }

    private bool PullFetch(PullOrder order)
    {
        if (order.Direction == FetchDirection.Backward && order.CountLeft > 0 && order.Through == ulong.MaxValue)
        {
            TurnAround(order);
        }

        LogPage page = new(0, 0, 0, 0, Complete: false);
        if (order.CountLeft > 0)
        {
            ArrayBufferWriter<byte> chunk = Chunk();
            page = services.ConversationLog.ReadForward(
                order.Conversation, order.After, order.Through, order.CountLeft, Math.Min(order.BytesLeft, ProtocolLimits.ChunkSizeMax), chunk);

            // A read gives at least one record, but only a page's first may be larger than what the client asked for.
            bool isTooMuch = order.Count > 0 && page.Bytes > order.BytesLeft;
            page = isTooMuch ? new LogPage(0, 0, 0, 0, Complete: false) : page;
            if (page.Count > 0)
            {
                WriteRecords(FrameType.Chunk, order, page, chunk.WrittenSpan);
                order.Advance(page.First, page.Last, page.Count, page.Bytes);
            }
        }

        bool isLast = page.Complete || page.Count == 0 || order.CountLeft <= 0 || order.BytesLeft <= 0;
        if (isLast)
        {
            EndFetch(order, order.IsCompleteAtEnd ?? page.Complete);
        }

        return true;
    }

    /// <summary>
    /// A backward page is chosen backward and sent forward. The choice is made here, by reading the page once and keeping only where it begins; then the order is an ordinary
    /// forward one over that range, which leaves in chunks and obeys the credit like any other.
    /// </summary>
    private void TurnAround(PullOrder order)
    {
        ulong before = order.After;
        LogPage page = services.ConversationLog.ReadBackward(order.Conversation, before, order.CountLeft, order.BytesLeft, Chunk());
        order.IsCompleteAtEnd = page.Complete;
        order.After = page.Count == 0 ? 0 : page.First - 1;
        order.Through = page.Last;
        order.CountLeft = page.Count;
    }

    private void WriteRecords(FrameType type, PullOrder order, in LogPage page, ReadOnlySpan<byte> records)
    {
        Span<byte> head = stackalloc byte[FrameHeader.Size + Deliver.FixedSize];
        new FrameHeader(Deliver.FixedSize + records.Length, type, order.Request).Write(head);
        Deliver.WriteFixed(head[FrameHeader.Size..], order.Conversation, order.Epoch, (uint)page.Count);
        output.Write(head);
        output.Write(records);
        peer.Outbox.UseCredit(head.Length + records.Length);
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
            await FlushAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Gives what was written to the transport; true when the connection has ended.</summary>
    private async ValueTask<bool> FlushAsync()
    {
        connection.Activity.BeginWrite();
        FlushResult result = await output.FlushAsync().ConfigureAwait(false);
        connection.Activity.EndWrite();
        return result.IsCompleted;
    }

    private static ArrayBufferWriter<byte> Chunk()
    {
        ArrayBufferWriter<byte> chunk = t_chunk ??= new ArrayBufferWriter<byte>(ProtocolLimits.ChunkSizeMax);
        chunk.ResetWrittenCount();
        return chunk;
    }
}
