using System.Diagnostics.CodeAnalysis;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Broker.Sessions;

/// <summary>
/// Everything that waits to be sent to one connection, bounded in bytes. It has a lane for each shard loop (acknowledgements and
/// live records), a short queue of ready frames from the connection's own handlers, and a list of pull orders. The write loop
/// (<c>ConnectionWriteLoop</c>) is its only consumer.
/// <para>
/// Order: frames of one lane leave in the order they were appended; a pull order is carried out after everything that its loop appended before it. That is all
/// that subscriptions need, because a conversation belongs to one shard and a shard to one loop.
/// </para>
/// </summary>
internal sealed class Outbox
{
    /// <summary>Ready frames that may wait: answers of handlers are small, and whoever has so many is not reading.</summary>
    private const int FramesQueuedMax = 256;

    /// <summary>And while pieces of attachments are asked for, 64 KiB each: half a mebibyte is enough to keep a network busy.</summary>
    private const int FramesForChunksMax = 8;

    private readonly OutboxLane?[] _lanes;
    private readonly int _budgetBytes;
    private long _creditGranted;
    private long _creditUsed;
    private int _closed;
    private bool _hasAnswers;
    private HandOver<byte[]> _frames;
    private HandOver<PullOrder> _orders;

    /// <param name="loops">Number of shard loops.</param>
    /// <param name="budgetBytes">Bytes of live records that may wait; over it, subscriptions lag.</param>
    /// <param name="window">Initial credit in bytes; 0 = unlimited.</param>
    public Outbox(int loops, int budgetBytes, uint window)
    {
        _lanes = new OutboxLane?[loops];
        _budgetBytes = budgetBytes;
        _creditGranted = window == 0 ? long.MaxValue : window;
    }

    /// <summary>Raised when there is something to send.</summary>
    public AsyncSignal Work { get; } = new();

    /// <summary>True once the connection ends: appending has no effect any more.</summary>
    public bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>True when the peer's credit allows another Deliver or Chunk frame.</summary>
    public bool HasCredit => Volatile.Read(ref _creditUsed) < Volatile.Read(ref _creditGranted);

    /// <summary>
    /// True while little enough waits that another request may be read. A peer that asks and does not read its answers finds its own requests unread, whatever they
    /// are; live records alone never fill this: each lane of them lags at its budget, and this
    /// is one budget more.
    /// </summary>
    public bool HasRoom => _frames.Count < FramesQueuedMax && LaneBytes < (_lanes.Length + 1L) * _budgetBytes;

    /// <summary>True while another piece of an attachment may be read for the peer.</summary>
    public bool HasRoomForChunk => _frames.Count < FramesForChunksMax;

    /// <summary>True while so little waits that there is room for what may be left out: signals are the first to go, presence waits.</summary>
    public bool HasAmpleRoom => _frames.Count < FramesQueuedMax / 4 && LaneBytes < _budgetBytes / 4;

    /// <summary>True while something waits to be sent; a snapshot.</summary>
    public bool HasWaiting => _frames.Count > 0 || LaneBytes > 0;

    /// <summary>Bytes that wait in the lanes.</summary>
    private long LaneBytes
    {
        get
        {
            long bytes = 0;
            foreach (OutboxLane? lane in _lanes)
            {
                bytes += lane?.QueuedBytes ?? 0;
            }

            return bytes;
        }
    }

    /// <summary>Appends an answer. The given loop only. Answers are few per request, and requests are bounded, so they have no budget of their own.</summary>
    public void Append(int loop, FrameType type, uint request, ReadOnlySpan<byte> body)
    {
        if (!IsClosed)
        {
            Lane(loop).Append(type, request, body, []);
        }
    }

    /// <summary>Appends a frame that may be left out; false when it was. The given loop only.</summary>
    public bool TryAppendOptional(int loop, FrameType type, ReadOnlySpan<byte> body)
    {
        if (IsClosed || !HasAmpleRoom)
        {
            return false;
        }

        Lane(loop).Append(type, 0, body, []);
        return true;
    }

    /// <summary>
    /// Appends a Deliver frame when budget and credit allow it. The given loop only. False: the caller turns the subscription into a pull order.
    /// </summary>
    public bool TryAppendDeliver(int loop, ReadOnlySpan<byte> fixedPart, ReadOnlySpan<byte> records)
    {
        if (IsClosed)
        {
            return true;
        }

        OutboxLane lane = Lane(loop);
        if (!TrySpend(lane, FrameHeader.Size + fixedPart.Length + records.Length))
        {
            return false;
        }

        lane.Append(FrameType.Deliver, 0, fixedPart, records);
        return true;
    }

    /// <summary>As the other one, by reference. <paramref name="holders"/> counts the outboxes that hold the frame.</summary>
    public bool TryAppendDeliver(int loop, SharedFrame frame, ref int holders)
    {
        if (IsClosed)
        {
            return true;
        }

        OutboxLane lane = Lane(loop);
        if (!TrySpend(lane, frame.Bytes.Length))
        {
            return false;
        }

        lane.Append(frame);
        holders++;
        return true;
    }

    /// <summary>Appends a ready frame from a handler. Any thread. Wakes the write loop.</summary>
    public void Append(byte[] frame)
    {
        if (!IsClosed)
        {
            _frames.Add(frame);
            Work.Raise();
        }
    }

    /// <summary>Appends a ready frame of the read loop, which calls <see cref="WakeForAnswers"/> when it has nothing more to handle. The read loop only.</summary>
    public void AppendAnswer(byte[] frame)
    {
        if (!IsClosed)
        {
            _frames.Add(frame);
            _hasAnswers = true;
        }
    }

    /// <summary>Lets the write loop send what <see cref="AppendAnswer"/> brought, within this call. The read loop only.</summary>
    public void WakeForAnswers()
    {
        if (_hasAnswers)
        {
            _hasAnswers = false;
            Work.RaiseHere();
        }
    }

    /// <summary>Hands a pull order to the write loop. A shard loop only.</summary>
    public void Append(PullOrder order)
    {
        if (!IsClosed)
        {
            _orders.Add(order);
        }
    }

    /// <summary>Adds credit. The read loop only. Wakes the write loop, which may hold back pulls.</summary>
    public void Grant(uint bytes)
    {
        long granted = Volatile.Read(ref _creditGranted);
        Volatile.Write(ref _creditGranted, granted > long.MaxValue - bytes ? long.MaxValue : granted + bytes);
        Work.Raise();
    }

    /// <summary>Takes the bytes of a Deliver or Chunk frame from the credit. Loops and the write loop.</summary>
    public void UseCredit(int bytes)
    {
        // Several loops and the write loop may spend at once; without a window nobody counts.
        if (Volatile.Read(ref _creditGranted) != long.MaxValue)
        {
            Interlocked.Add(ref _creditUsed, bytes);
        }
    }

    /// <summary>The next ready frame. Write loop only.</summary>
    public bool TryTakeFrame([NotNullWhen(true)] out byte[]? frame) => _frames.TryTake(out frame);

    /// <summary>The next pull order. Write loop only. Take orders before draining the lanes: see the class's remark on order.</summary>
    public bool TryTakeOrder([NotNullWhen(true)] out PullOrder? order) => _orders.TryTake(out order);

    /// <summary>A lane's reading side; null when its loop never appended. Write loop only.</summary>
    public OutboxLane? LaneOf(int loop) => Volatile.Read(ref _lanes[loop]);

    /// <summary>Number of lanes.</summary>
    public int LaneCount => _lanes.Length;

    /// <summary>True the first time a loop asks since it last raised the signal: it then has to raise it. The given loop only.</summary>
    public bool MarkDirty(int loop)
    {
        OutboxLane lane = Lane(loop);
        bool first = !lane.IsDirty;
        lane.IsDirty = true;
        return first;
    }

    /// <summary>Raises the signal for everything a loop appended. The given loop only.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="runHere">The write loop goes on within this call, on the loop's thread (<see cref="AsyncSignal.RaiseHere"/>).</param>
    public void Flush(int loop, bool runHere)
    {
        Lane(loop).IsDirty = false;
        if (runHere)
        {
            Work.RaiseHere();
        }
        else
        {
            Work.Raise();
        }
    }

    /// <summary>Ends appending and wakes the write loop, so that it can leave. Any thread.</summary>
    public void Close()
    {
        Volatile.Write(ref _closed, 1);
        Work.Raise();
    }

    private bool TrySpend(OutboxLane lane, int size)
    {
        if (!HasCredit || lane.QueuedBytes + size > _budgetBytes)
        {
            return false;
        }

        UseCredit(size);
        return true;
    }

    private OutboxLane Lane(int loop)
    {
        OutboxLane? lane = _lanes[loop];
        if (lane is null)
        {
            lane = new OutboxLane();
            Volatile.Write(ref _lanes[loop], lane);
        }

        return lane;
    }
}
