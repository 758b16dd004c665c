using System.Runtime.InteropServices;

using FastChat.Bench.Compare.Kernel;

namespace FastChat.Bench.Compare.Wires;

/// <summary>
/// Another wire inside TLS: a handshake first, then what the inner wire writes in one call is sealed together, and what is opened is one stream of bytes for it. The server's certificate is not judged: whom to trust is nothing that is measured.
/// Generator thread only.
/// </summary>
/// <param name="events">The same that the inner wire tells.</param>
/// <param name="inner">The protocol inside.</param>
public sealed class TlsWire(IWireEvents events, Wire inner) : Wire(events)
{
    private const int OpenSize = 64 * 1024;
    private const int ControlMode = 33, ReleaseBuffers = 0x10;

    private static readonly Lazy<nint> Context = new(MakeContext);

    private static readonly byte[] Opened = new byte[OpenSize];

    private readonly SendBuffer _inner = new(0);

    // What the inner wire has not consumed: it gets it again with more behind it.
    private readonly SendBuffer _rest = new(0);
    private readonly Client _client = new(Context.Value);
    private bool _isOpen;

    /// <inheritdoc/>
    public override bool Acknowledges => inner.Acknowledges;

    /// <inheritdoc/>
    public override void Begin(SendBuffer output)
    {
        _ = Libssl.DoHandshake(_client.Ssl);
        Send(output);
    }

    /// <inheritdoc/>
    public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        inner.Publish(conversation, number, payload, _inner);
        Flush(output);
    }

    /// <inheritdoc/>
    public override void Subscribe(int conversation, SendBuffer output)
    {
        inner.Subscribe(conversation, _inner);
        Flush(output);
    }

    /// <inheritdoc/>
    public override void ReadAll(int conversation, SendBuffer output)
    {
        inner.ReadAll(conversation, _inner);
        Flush(output);
    }

    /// <inheritdoc/>
    public override void Heartbeat(SendBuffer output)
    {
        inner.Heartbeat(_inner);
        Flush(output);
    }

    /// <inheritdoc/>
    public override Wire Resume() => new TlsWire(Events, inner.Resume());

    /// <inheritdoc/>
    public override int Receive(ReadOnlySpan<byte> input, SendBuffer output)
    {
        _ = Libssl.Put(_client.Incoming, input, input.Length);
        if (!_isOpen)
        {
            int result = Libssl.DoHandshake(_client.Ssl);
            if (result != 1)
            {
                Send(output);
                if (Libssl.Error(_client.Ssl, result) != Libssl.WantRead)
                {
                    Events.OnFailed("the TLS handshake failed");
                }

                return input.Length;
            }

            _isOpen = true;
            inner.Begin(_inner);
        }

        int count;
        while ((count = Libssl.Read(_client.Ssl, Opened, Opened.Length)) > 0)
        {
            PassOn(Opened.AsSpan(0, count));
        }

        Flush(output);
        return input.Length;
    }

    private void PassOn(ReadOnlySpan<byte> plain)
    {
        if (_rest.Count == 0)
        {
            _rest.Write(plain[inner.Receive(plain, _inner)..]);
        }
        else
        {
            _rest.Write(plain);
            _rest.Consume(inner.Receive(_rest.Waiting, _inner));
        }
    }

    private void Flush(SendBuffer output)
    {
        if (_inner.Count > 0 && _isOpen)
        {
            _ = Libssl.Write(_client.Ssl, _inner.Waiting, _inner.Count);
            _inner.Clear();
        }

        Send(output);
    }

    private void Send(SendBuffer output)
    {
        while (Libssl.Pending(_client.Outgoing) is var size && size > 0)
        {
            Span<byte> room = output.GetSpan((int)size);
            output.Advance(Libssl.Take(_client.Outgoing, room, room.Length));
        }
    }

    private static nint MakeContext()
    {
        nint context = Libssl.NewContext(Libssl.ClientMethod());
        _ = Libssl.ControlContext(context, ControlMode, ReleaseBuffers, 0);
        _ = Libssl.SetAlpn(context, "\nfastchat/1"u8, 11);
        return context;
    }

    /// <summary>One connection's state in OpenSSL; whoever cuts a link does not tell its wire, so it is freed when nobody knows it any more.</summary>
    private sealed class Client : SafeHandle
    {
        public Client(nint context)
            : base(0, ownsHandle: true)
        {
            SetHandle(Libssl.New(context));
            Incoming = Libssl.NewBuffer(Libssl.MemoryMethod());
            Outgoing = Libssl.NewBuffer(Libssl.MemoryMethod());
            Libssl.SetBuffers(handle, Incoming, Outgoing);
            Libssl.SetClient(handle);
        }

        public override bool IsInvalid => handle == 0;

        public nint Ssl => handle;

        public nint Incoming { get; }

        public nint Outgoing { get; }

        protected override bool ReleaseHandle()
        {
            Libssl.Free(handle);
            return true;
        }
    }
}
