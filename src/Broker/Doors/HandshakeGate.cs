using FastChat.Shared;

namespace FastChat.Broker.Doors;

/// <summary>
/// Lets so many handshakes go on at once, so many of one address, and the addresses in turn: whoever opens many connections waits behind their own, and somebody else's one is next. Who waits costs a
/// socket; there are so many who may wait, and half of them from one address. Any thread.
/// </summary>
internal sealed class HandshakeGate(int max, int addressMax, int waitingMax)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Address> _addresses = [];
    private readonly Queue<Address> _turns = new();
    private int _running;
    private int _waiting;
    private long _refused;

    /// <summary>Handshakes that go on.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Connections that wait for theirs.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Connections that could not wait because too many did, since the start.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Completes when it is the caller's turn, who then calls <see cref="Leave"/>; with false at once when there is no room to wait.</summary>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async Task<bool> EnterAsync(string remote, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        LinkedListNode<TaskCompletionSource>? place;
        lock (_lock)
        {
            Address address = Find(remote);
            if (_running < max && address.Running < addressMax && address.Waiting.Count == 0)
            {
                Begin(address);
                return true;
            }

            if (_waiting >= waitingMax || address.Waiting.Count >= Math.Max(1, waitingMax / 2))
            {
                Interlocked.Increment(ref _refused);
                Forget(address);
                return false;
            }

            _waiting++;
            place = address.Waiting.AddLast(new TaskCompletionSource(Continuation.Asynchronously));
            TakeTurn(address);
        }

        using CancellationTokenRegistration givenUp = cancellation.UnsafeRegister(_ => GiveUp(remote, place), null);
        await place.Value.Task;
        return true;
    }

    /// <summary>Makes room for the next. Once for each true of <see cref="EnterAsync"/>.</summary>
    public void Leave(string remote)
    {
        lock (_lock)
        {
            Address address = _addresses[remote];
            _running--;
            address.Running--;
            TakeTurn(address);
            while (_running < max && _turns.TryDequeue(out Address? next))
            {
                next.HasTurn = false;
                if (next.Waiting.First is { } first && next.Running < addressMax)
                {
                    next.Waiting.RemoveFirst();
                    _waiting--;
                    Begin(next);
                    TakeTurn(next);
                    first.Value.TrySetResult();
                }

                Forget(next);
            }

            Forget(address);
        }
    }

    private void GiveUp(string remote, LinkedListNode<TaskCompletionSource> place)
    {
        lock (_lock)
        {
            // Whose turn it was already goes on, and sees the same cancellation.
            if (place.List is { } waiting)
            {
                waiting.Remove(place);
                _waiting--;
                Forget(_addresses[remote]);
                place.Value.TrySetCanceled();
            }
        }
    }

    private void Begin(Address address)
    {
        _running++;
        address.Running++;
    }

    /// <summary>Puts an address in the row, once, when one of its own could go on.</summary>
    private void TakeTurn(Address address)
    {
        if (!address.HasTurn && address.Waiting.Count > 0 && address.Running < addressMax)
        {
            address.HasTurn = true;
            _turns.Enqueue(address);
        }
    }

    private Address Find(string remote)
    {
        if (!_addresses.TryGetValue(remote, out Address? address))
        {
            _addresses[remote] = address = new Address(remote);
        }

        return address;
    }

    /// <summary>An address without anybody costs nothing.</summary>
    private void Forget(Address address)
    {
        if (address.Running == 0 && address.Waiting.Count == 0 && !address.HasTurn)
        {
            _addresses.Remove(address.Remote);
        }
    }

    private sealed class Address(string remote)
    {
        public string Remote { get; } = remote;

        public int Running { get; set; }

        /// <summary>True while it stands in the row.</summary>
        public bool HasTurn { get; set; }

        public LinkedList<TaskCompletionSource> Waiting { get; } = new();
    }
}
