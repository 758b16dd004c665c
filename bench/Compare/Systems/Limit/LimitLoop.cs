using System.Net;

using FastChat.Bench.Compare.Kernel;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>
/// The simplest fast server there is: one thread over one epoll. A round receives once from each ready socket, hands the frames to the work, and sends what waits, one call for each connection. The sign-in is
/// answered without looking; nothing is checked that a client of the harness does not get wrong. One thread, but for <see cref="Wake"/>.
/// </summary>
internal sealed class LimitLoop : IDisposable
{
    private const int ListenerSlot = 0;
    private const int BellSlot = 1;
    private const int ReceiveBytes = 256 * 1024;
    private const long PatienceNanoseconds = 100_000_000;

    /// <summary>What one connection is sent of its feed before the others have their turn.</summary>
    private const int TurnBytes = 1024 * 1024;

    private readonly Epoll _epoll = new();
    private readonly Bell _bell = new();
    private readonly List<LimitConnection?> _connections = [null, null];
    private readonly Stack<int> _freeSlots = new();
    private readonly List<LimitConnection> _dirty = [];
    private readonly byte[] _receive = GC.AllocateUninitializedArray<byte>(ReceiveBytes, pinned: true);
    private readonly int _listener;

    public LimitLoop(IPEndPoint endpoint)
    {
        _listener = Sockets.Listen(endpoint);
        _epoll.Add(_listener, ListenerSlot, Epoll.In);
        _epoll.Add(_bell.File, BellSlot, Epoll.In);
    }

    /// <summary>Serves until it is cancelled.</summary>
    public void Run(LimitWork work, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            int count = _epoll.Wait(PatienceNanoseconds);
            for (int i = 0; i < count; i++)
            {
                (int slot, uint events) = _epoll.Ready(i);
                Serve(work, slot, events);
            }

            work.EndRound();
            SendDirty(work);
        }
    }

    /// <summary>Makes the loop go a round though nothing was received. Any thread.</summary>
    public void Wake() => _bell.Ring();

    /// <summary>Remembers to send what the connection's buffer holds.</summary>
    public void MarkDirty(LimitConnection connection)
    {
        if (!connection.IsBlocked)
        {
            _dirty.Add(connection);
        }
    }

    /// <summary>Sends what waits for a connection: first the answers, then its feed.</summary>
    public void Send(LimitWork work, LimitConnection connection)
    {
        if (connection.Socket < 0 || connection.IsBlocked)
        {
            return;
        }

        if (connection.Output.Count > 0)
        {
            int sent = SendOnce(work, connection, connection.Output.Waiting);
            connection.Output.Consume(sent);
        }

        if (connection is { Socket: >= 0, IsBlocked: false, Feed: { } feed } && feed.After(connection.Position, TurnBytes) is { IsEmpty: false } waiting)
        {
            connection.Position += SendOnce(work, connection, waiting);
            if (connection is { Socket: >= 0, IsBlocked: false } && connection.Position < feed.End)
            {
                AwaitRoom(connection);
            }
        }
    }

    /// <summary>Closes a connection at once, without a word.</summary>
    public void Cut(LimitWork work, LimitConnection connection)
    {
        if (connection.Socket >= 0)
        {
            Sockets.Close(connection.Socket);
            connection.Socket = -1;
            connection.Output.Clear();
            connection.Rest.Clear();
            _connections[connection.Slot] = null;
            _freeSlots.Push(connection.Slot);
            work.Forget(connection);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (LimitConnection connection in _connections.OfType<LimitConnection>())
        {
            Sockets.Close(connection.Socket);
        }

        Sockets.Close(_listener);
        _bell.Dispose();
        _epoll.Dispose();
    }

    private void Serve(LimitWork work, int slot, uint events)
    {
        if (slot == ListenerSlot)
        {
            Accept();
        }
        else if (slot == BellSlot)
        {
            _bell.Silence();
        }
        else if (_connections[slot] is { } connection)
        {
            if ((events & Epoll.Out) != 0)
            {
                connection.IsBlocked = false;
                _epoll.Change(connection.Socket, slot, Epoll.In);
                Send(work, connection);
            }

            if ((events & (Epoll.In | Epoll.ErrorOrHangUp)) != 0 && connection.Socket >= 0)
            {
                Receive(work, connection);
            }
        }
    }

    private void Accept()
    {
        for (int socket = Sockets.Accept(_listener); socket >= 0; socket = Sockets.Accept(_listener))
        {
            if (!_freeSlots.TryPop(out int slot))
            {
                slot = _connections.Count;
                _connections.Add(null);
            }

            _connections[slot] = new LimitConnection(this, slot, socket);
            _epoll.Add(socket, slot, Epoll.In);
        }
    }

    private void Receive(LimitWork work, LimitConnection connection)
    {
        int kept = connection.Rest.Count;
        connection.Rest.CopyTo(_receive);
        nint received = Sockets.Receive(connection.Socket, _receive.AsSpan(kept));
        if (received > 0)
        {
            ReadOnlySpan<byte> bytes = _receive.AsSpan(0, kept + (int)received);
            int used = Take(work, connection, bytes);
            if (connection.Socket >= 0)
            {
                connection.Rest.Keep(bytes[used..]);
            }
        }
        else if (received != -Sockets.Again)
        {
            Cut(work, connection);
        }
    }

    private int Take(LimitWork work, LimitConnection connection, ReadOnlySpan<byte> input)
    {
        int used = 0;
        while (input.Length - used >= FrameHeader.Size && connection.Socket >= 0)
        {
            FrameHeader header = FrameHeader.Read(input[used..]);
            if (header.Length > ProtocolLimits.ClientFrameSizeMax)
            {
                Cut(work, connection);
            }
            else if (input.Length - used - FrameHeader.Size < header.Length)
            {
                break;
            }
            else
            {
                Take(work, connection, header, input.Slice(used, FrameHeader.Size + header.Length));
                used += FrameHeader.Size + header.Length;
            }
        }

        return used;
    }

    private static void Take(LimitWork work, LimitConnection connection, in FrameHeader header, ReadOnlySpan<byte> frame)
    {
        if (header.Type == FrameType.Publish)
        {
            work.Publish(connection, header.Request, frame);
        }
        else if (header.Type == FrameType.Subscribe && Subscribe.TryRead(frame[FrameHeader.Size..], out Subscribe subscribe))
        {
            work.Subscribe(connection, header.Request, subscribe);
        }
        else if (!Courtesies.TryAnswer(header, frame[FrameHeader.Size..], connection.Output))
        {
            FrameWriter.WriteError(connection.Output, header.Request, ErrorCode.Unsupported, $"{header.Type} is not spoken here");
        }
    }

    private void SendDirty(LimitWork work)
    {
        for (int i = 0; i < _dirty.Count; i++)
        {
            Send(work, _dirty[i]);
        }

        _dirty.Clear();
    }

    /// <summary>One call; bytes that were taken. Blocks the connection when that was not all, cuts it when it broke.</summary>
    private int SendOnce(LimitWork work, LimitConnection connection, ReadOnlySpan<byte> bytes)
    {
        nint sent = Sockets.Send(connection.Socket, bytes);
        if (sent < 0 && sent != -Sockets.Again)
        {
            Cut(work, connection);
            return 0;
        }

        int taken = Math.Max(0, (int)sent);
        if (taken < bytes.Length)
        {
            AwaitRoom(connection);
        }

        return taken;
    }

    private void AwaitRoom(LimitConnection connection)
    {
        connection.IsBlocked = true;
        _epoll.Change(connection.Socket, connection.Slot, Epoll.In | Epoll.Out);
    }
}
