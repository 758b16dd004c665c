namespace FastChat.Simulation;

/// <summary>
/// One direction of a connection: takes bytes, cuts them into pieces where it likes, and brings each a while later, in order. It holds as much as a socket's buffers do; who sends more waits. An end is
/// a piece without bytes.
/// </summary>
/// <param name="take">The far side; false when it has no more room, then <see cref="OnRead"/> follows when it has.</param>
internal sealed class Wire(SimulatedWorld world, SimulatedNetwork network, SimulatedLink link, bool isToBroker, Func<ReadOnlyMemory<byte>, bool> take)
{
    private const int BufferSize = 64 * 1024;

    private readonly Queue<byte[]> _arrived = new();
    private TaskCompletionSource? _room;
    private long _lastArrival;
    private int _held;
    private bool _isBlocked;
    private bool _isCut;

    /// <summary>Puts bytes on the way. The caller waits for the task before it sends more.</summary>
    public Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        if (_isCut)
        {
            return Task.CompletedTask;
        }

        for (int size; bytes.Length > 0; bytes = bytes[size..])
        {
            // Mostly as much as a packet holds; sometimes every byte for itself.
            size = Math.Min(bytes.Length, network.Chance.OneIn(20) ? network.Chance.Between(1, 40) : network.Chance.Between(200, 9000));
            Carry(bytes[..size].ToArray());
        }

        if (_held < BufferSize)
        {
            return Task.CompletedTask;
        }

        _room ??= new TaskCompletionSource();
        return _room.Task;
    }

    /// <summary>Puts the end of the stream on the way.</summary>
    public void End()
    {
        if (!_isCut)
        {
            Carry([]);
        }
    }

    /// <summary>What is sent from now on does not arrive before this time; nanoseconds.</summary>
    public void HoldUntil(long end) => _lastArrival = Math.Max(_lastArrival, end);

    /// <summary>Nothing arrives any more, and nobody waits for room.</summary>
    public void Cut()
    {
        _isCut = true;
        _arrived.Clear();
        link.Remove(this);
        MakeRoom(_held);
    }

    /// <summary>The far side has room again. Network's process.</summary>
    public void OnRead()
    {
        _isBlocked = false;
        GoOn();
    }

    /// <summary>Brings what has arrived, as far as nothing stands in the way. Network's process.</summary>
    public void GoOn()
    {
        while (!_isCut && !_isBlocked && !link.IsSilent(isToBroker) && _arrived.TryDequeue(out byte[]? piece))
        {
            MakeRoom(piece.Length);
            _isBlocked = !take(piece);
        }
    }

    private void Carry(byte[] piece)
    {
        _held += piece.Length;
        _lastArrival = Math.Max(_lastArrival + 1, world.Now + (link.Latency(network.Chance).Ticks * 100));
        world.Schedule(network.Wires, _lastArrival, Arrive, piece);
    }

    private void Arrive(object? piece)
    {
        if (_isCut)
        {
            return;
        }

        _arrived.Enqueue((byte[])piece!);
        GoOn();
    }

    private void MakeRoom(int bytes)
    {
        _held -= bytes;
        if (_held < BufferSize && _room is { } room)
        {
            _room = null;
            room.SetResult();
        }
    }
}
