using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Load.Tests;

/// <summary>One connection of a wire on a plain blocking socket: enough to show that the wire and the real server understand each other. One thread.</summary>
internal sealed class WireDriver : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _input = new byte[64 * 1024];
    private int _count;

    public WireDriver(IPEndPoint endpoint, Wire wire)
    {
        Wire = wire;
        _socket.Connect(endpoint);
        wire.Begin(Output);
    }

    public Wire Wire { get; }

    public SendBuffer Output { get; } = new();

    /// <summary>Sends and receives until something holds; an exception when it does not hold within 20 s or the server closes.</summary>
    public void Run(Func<bool> until)
    {
        for (Stopwatch waited = Stopwatch.StartNew(); ;)
        {
            while (Output.Count > 0)
            {
                Output.Consume(_socket.Send(Output.Waiting));
            }

            if (until())
            {
                return;
            }

            if (waited.Elapsed > TimeSpan.FromSeconds(20))
            {
                throw new TimeoutException("what was waited for did not come within 20 s");
            }

            if (_socket.Poll(100_000, SelectMode.SelectRead))
            {
                Receive();
            }
        }
    }

    public void Dispose() => _socket.Dispose();

    private void Receive()
    {
        if (_count == _input.Length)
        {
            Array.Resize(ref _input, 2 * _input.Length);
        }

        int received = _socket.Receive(_input.AsSpan(_count));
        if (received == 0)
        {
            throw new IOException("the server closed the connection");
        }

        _count += received;
        int consumed = Wire.Receive(_input.AsSpan(0, _count), Output);
        _count -= consumed;
        _input.AsSpan(consumed, _count).CopyTo(_input);
    }
}
