using System.Diagnostics;
using System.Net;

using FastChat.Bench.Compare.Kernel;
using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Load.Engine;

/// <summary>
/// The generator: one thread that serves every connection of a run. A round waits for readiness or a time, receives once from each ready socket, and then sends what the
/// wires wrote, one call for each connection. That is how well-written clients behave when they are many: what comes together is taken together.
/// </summary>
internal sealed class Reactor : IDisposable
{
    private const int ReceiveBytes = 256 * 1024;

    /// <summary>
    /// Connections from one address: connect() tries every second port of the range first, and once those are taken (14,000), it tries them all in vain each time, half a millisecond long.
    /// A storm would then measure that search.
    /// </summary>
    private const int FromOneAddress = 8192;

    private readonly Epoll _epoll = new();
    private readonly List<Link?> _links = [];
    private readonly List<Link> _dirty = [];
    private readonly byte[] _receive = GC.AllocateUninitializedArray<byte>(ReceiveBytes, pinned: true);
    private long _waited;
    private int _opened;

    /// <summary>Ticks of <see cref="Stopwatch"/> that the thread has spent waiting for something to do.</summary>
    public long WaitedTicks => _waited;

    /// <summary>Opens a connection in the background; the wire's <see cref="Wire.Begin"/> runs when it is connected.</summary>
    public Link Open(IPEndPoint endpoint, Wire wire)
    {
        Link link = new(this, _links.Count, Sockets.BeginConnect(endpoint, NextSource()), wire);
        _links.Add(link);
        _epoll.Add(link.Socket, link.Slot, Epoll.In | Epoll.Out);
        return link;
    }

    /// <summary>Closes a connection at once, without a word.</summary>
    public void Cut(Link link)
    {
        if (link.Socket >= 0)
        {
            Sockets.Close(link.Socket);
            link.Socket = -1;
            link.Output.Clear();
            link.Rest.Clear();
            _links[link.Slot] = null;
        }
    }

    /// <summary>One round. Returns at the latest when <see cref="Stopwatch.GetTimestamp"/> has reached <paramref name="until"/>.</summary>
    public void Poll(long until)
    {
        SendDirty();
        long now = Stopwatch.GetTimestamp();
        long nanoseconds = Math.Clamp((long)((until - now) * (1e9 / Stopwatch.Frequency)), 0, 1_000_000_000);
        int count = _epoll.Wait(nanoseconds);
        _waited += Stopwatch.GetTimestamp() - now;
        for (int i = 0; i < count; i++)
        {
            (int slot, uint events) = _epoll.Ready(i);
            if (_links[slot] is { } link)
            {
                Serve(link, events);
            }
        }

        SendDirty();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Link? link in _links.ToArray())
        {
            if (link is not null)
            {
                Cut(link);
            }
        }

        _epoll.Dispose();
    }

    /// <summary>Remembers to send what the link's buffer holds.</summary>
    internal void MarkDirty(Link link)
    {
        if (link.IsConnected && !link.IsBlocked)
        {
            _dirty.Add(link);
        }
    }

    /// <summary>127.0.0.1, then its neighbours: all of 127/8 is this machine.</summary>
    private IPAddress NextSource() => new([127, 0, 0, (byte)(1 + (_opened++ / FromOneAddress % 200))]);

    private void Serve(Link link, uint events)
    {
        if (!link.IsConnected && (events & Epoll.Out) != 0 && (events & Epoll.ErrorOrHangUp) == 0)
        {
            link.IsConnected = true;
            _epoll.Change(link.Socket, link.Slot, Epoll.In);
            link.Wire.Begin(link.Output);
        }
        else if ((events & Epoll.Out) != 0)
        {
            link.IsBlocked = false;
            _epoll.Change(link.Socket, link.Slot, Epoll.In);
            Send(link);
        }

        if ((events & (Epoll.In | Epoll.ErrorOrHangUp)) != 0)
        {
            Receive(link);
        }
    }

    private void Receive(Link link)
    {
        int kept = link.Rest.Count;
        link.Rest.CopyTo(_receive);
        nint received = Sockets.Receive(link.Socket, _receive.AsSpan(kept));
        if (received <= 0)
        {
            if (received != -Sockets.Again)
            {
                Cut(link);
                link.Wire.Fail(received == 0 ? "the server ended the connection" : $"the connection broke: errno {-received}");
            }

            return;
        }

        ReadOnlySpan<byte> bytes = _receive.AsSpan(0, kept + (int)received);
        int used = link.Wire.Receive(bytes, link.Output);
        if (link.Socket >= 0)
        {
            Keep(link, bytes[used..]);
        }
    }

    private static void Keep(Link link, ReadOnlySpan<byte> rest)
    {
        if (rest.Length >= ReceiveBytes)
        {
            throw new InvalidDataException($"a protocol unit is larger than {ReceiveBytes} bytes");
        }

        link.Rest.Keep(rest);
    }

    private void SendDirty()
    {
        // A wire that is told of a failure may write to another link: the list grows while it is walked.
        for (int i = 0; i < _dirty.Count; i++)
        {
            Send(_dirty[i]);
        }

        _dirty.Clear();
    }

    private void Send(Link link)
    {
        if (link.Socket < 0 || link.IsBlocked || link.Output.Count == 0)
        {
            return;
        }

        nint sent = Sockets.Send(link.Socket, link.Output.Waiting);
        if (sent >= 0)
        {
            link.Output.Consume((int)sent);
        }
        else if (sent != -Sockets.Again)
        {
            Cut(link);
            link.Wire.Fail($"the connection broke: errno {-sent}");
            return;
        }

        if (link.Output.Count > 0)
        {
            link.IsBlocked = true;
            _epoll.Change(link.Socket, link.Slot, Epoll.In | Epoll.Out);
        }
    }
}
