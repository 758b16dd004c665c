using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.RabbitMq;

/// <summary>Declares the queues of a plan on one connection before the clock starts, a few at a time, and says on stderr how far it is: each is a Raft group of its own, and a thousand take their time.</summary>
internal sealed class QueuePreparation(IPEndPoint endpoint) : IWireEvents
{
    private const int Window = 16;

    private static readonly TimeSpan s_reportEvery = TimeSpan.FromSeconds(5);

    private readonly SendBuffer _output = new();
    private byte[] _input = new byte[64 * 1024];
    private int _count;
    private bool _isReady;
    private string? _failure;

    /// <summary>Declares queues 0 … n−1 and returns the server's version.</summary>
    /// <exception cref="UnavailableException">The server refused or closed.</exception>
    public async Task<string> DeclareAsync(int queues, CancellationToken cancellation)
    {
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(endpoint, cancellation).ConfigureAwait(false);
        int declared = 0;
        RabbitMqWire wire = new(this) { Declared = (_, _) => declared++ };
        wire.Begin(_output);
        while (!_isReady)
        {
            await ExchangeAsync(socket, wire, cancellation).ConfigureAwait(false);
        }

        Stopwatch sinceReport = Stopwatch.StartNew();
        for (int asked = 0; declared < queues;)
        {
            for (; asked < queues && asked - declared < Window; asked++)
            {
                wire.Declare(asked, _output);
            }

            await ExchangeAsync(socket, wire, cancellation).ConfigureAwait(false);
            if (sinceReport.Elapsed > s_reportEvery)
            {
                await Console.Error.WriteLineAsync($"rabbitmq: {declared} of {queues} queues are declared").ConfigureAwait(false);
                sinceReport.Restart();
            }
        }

        return wire.ServerVersion;
    }

    public void OnReady() => _isReady = true;

    public void OnFailed(string reason) => _failure = reason;

    public void OnSubscribed(int conversation)
    {
    }

    public void OnAcknowledged(long number)
    {
    }

    public void OnRefused(long number, string reason)
    {
    }

    public void OnDelivered(ReadOnlySpan<byte> payload)
    {
    }

    public void OnReadToEnd(int conversation)
    {
    }

    private async Task ExchangeAsync(Socket socket, RabbitMqWire wire, CancellationToken cancellation)
    {
        byte[] said = _output.Waiting.ToArray();
        _output.Clear();
        for (int sent = 0; sent < said.Length;)
        {
            sent += await socket.SendAsync(said.AsMemory(sent), cancellation).ConfigureAwait(false);
        }

        if (_count == _input.Length)
        {
            Array.Resize(ref _input, 2 * _input.Length);
        }

        int received = await socket.ReceiveAsync(_input.AsMemory(_count), cancellation).ConfigureAwait(false);
        _count += received;
        int consumed = wire.Receive(_input.AsSpan(0, _count), _output);
        _count -= consumed;
        _input.AsSpan(consumed, _count).CopyTo(_input);
        if (received == 0 || _failure is not null)
        {
            throw new UnavailableException($"rabbitmq: no queues could be declared: {_failure ?? "the server closed the connection"}");
        }
    }
}
