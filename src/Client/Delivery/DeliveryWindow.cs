using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// The balance of protocol.md §7.1, seen from the client. All three figures count bytes of Deliver and Chunk frames since the client began and only grow:
/// received (read loop), consumed (any thread), granted (write loop). The broker may send until received reaches granted; granted never exceeds consumed + size.
/// <para>
/// What lies in the subscriptions' buffers survives a reconnect, so the new connection begins with a window smaller by as much: the bound holds over any number of
/// reconnects, and nothing is delivered twice to forget it.
/// </para>
/// </summary>
internal sealed class DeliveryWindow
{
    private readonly uint _size;
    private long _received;
    private long _consumed;
    private long _granted;

    public DeliveryWindow(uint size) => _size = size;

    /// <summary>Bytes delivered and not consumed.</summary>
    public long Held => Volatile.Read(ref _received) - Volatile.Read(ref _consumed);

    /// <summary>True when so much was consumed that a Credit frame is worth its eight bytes of header.</summary>
    public bool IsCreditDue => Due >= _size / 4;

    private long Due => Volatile.Read(ref _consumed) + _size - Volatile.Read(ref _granted);

    /// <summary>The read loop took a frame.</summary>
    /// <exception cref="ProtocolViolationException">The balance was used up before this frame: a broker that does not count would fill this process.</exception>
    public void Receive(long bytes)
    {
        if (_received >= Volatile.Read(ref _granted))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "a Deliver or Chunk came without credit");
        }

        Volatile.Write(ref _received, _received + bytes);
    }

    /// <summary>The application, or the client in its place, is done with a frame.</summary>
    public void Consume(long bytes) => Interlocked.Add(ref _consumed, bytes);

    /// <summary>A new connection: the window for Hello. What the old one was granted and did not send is void. No loop runs.</summary>
    public uint Begin()
    {
        // Zero would mean "without limit"; one byte lets one frame through, which the protocol allows beyond the balance anyway.
        long window = Math.Max(1, Volatile.Read(ref _consumed) + _size - _received);
        Volatile.Write(ref _granted, _received + window);
        return (uint)window;
    }

    /// <summary>The credit to send now; 0 = none. Write loop only.</summary>
    public uint TakeCredit()
    {
        if (!IsCreditDue)
        {
            return 0;
        }

        long due = Due;
        Volatile.Write(ref _granted, _granted + due);
        return (uint)due;
    }
}
