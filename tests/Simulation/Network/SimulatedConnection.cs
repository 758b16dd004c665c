using System.Buffers;
using System.IO.Pipelines;

using Microsoft.AspNetCore.Connections;

namespace FastChat.Simulation;

/// <summary>
/// A connection: a stream at the client's end, the pipes that Kestrel's handlers would get at the broker's, and two wires between them. It ends in order, when a side ends its stream, or by a reset,
/// which takes with it what is on its way.
/// </summary>
internal sealed class SimulatedConnection
{
    private readonly SimulatedNetwork _network;
    private readonly Wire _toBroker;
    private readonly Wire _toClient;
    private readonly Pipe _brokerInput = new(s_options);
    private readonly Pipe _brokerOutput = new(s_options);
    private readonly Pipe _clientInput = new(s_options);
    private bool _isReset;

    private static readonly PipeOptions s_options = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024, useSynchronizationContext: true);

    public SimulatedConnection(SimulatedWorld world, SimulatedNetwork network, SimulatedProcess client, SimulatedProcess broker, SimulatedLink link)
    {
        _network = network;
        Client = client;
        Broker = broker;
        _toBroker = new Wire(world, network, link, isToBroker: true, piece => TryGive(_brokerInput.Writer, _toBroker!, piece));
        _toClient = new Wire(world, network, link, isToBroker: false, piece => TryGive(_clientInput.Writer, _toClient!, piece));
        link.Add(_toBroker);
        link.Add(_toClient);
        BrokerEnd = new Ends(_brokerInput.Reader, _brokerOutput.Writer);
        ClientEnd = new ClientStream(this);
        network.Wires.Begin(PumpAsync);
    }

    /// <summary>Whose it is.</summary>
    public SimulatedProcess Client { get; }

    /// <summary>With whom.</summary>
    public SimulatedProcess Broker { get; }

    /// <summary>The broker's end.</summary>
    public IDuplexPipe BrokerEnd { get; }

    /// <summary>The client's end.</summary>
    public Stream ClientEnd { get; }

    /// <summary>What the client sends does not arrive before this time; nanoseconds.</summary>
    public void HoldToBroker(long end) => _toBroker.HoldUntil(end);

    /// <summary>Breaks it: both sides are told at once, and nothing that is under way arrives.</summary>
    public void Reset()
    {
        if (_isReset)
        {
            return;
        }

        _isReset = true;
        _network.Forget(this);
        _toBroker.Cut();
        _toClient.Cut();
        _brokerInput.Writer.Complete(new ConnectionResetException("the connection was reset"));
        _brokerOutput.Reader.Complete();
        _clientInput.Writer.Complete(new IOException("the connection was reset"));
    }

    /// <summary>Gives a piece to the side that reads; false when it has to read first.</summary>
    private bool TryGive(PipeWriter side, Wire wire, ReadOnlyMemory<byte> piece)
    {
        if (piece.IsEmpty)
        {
            side.Complete();
            return true;
        }

        side.Write(piece.Span);
        ValueTask<FlushResult> flush = side.FlushAsync();
        if (flush.IsCompleted)
        {
            return true;
        }

        _network.Wires.Begin(async () =>
        {
            await flush;
            wire.OnRead();
        });
        return false;
    }

    /// <summary>Carries what the broker writes.</summary>
    private async Task PumpAsync()
    {
        while (!_isReset)
        {
            ReadResult result = await _brokerOutput.Reader.ReadAsync();
            if (_isReset)
            {
                return;
            }

            // As a kernel takes them: what was given away may be written over.
            byte[] taken = result.Buffer.ToArray();
            _brokerOutput.Reader.AdvanceTo(result.Buffer.End);
            await _toClient.SendAsync(taken);
            if (result.IsCompleted)
            {
                _toClient.End();
                return;
            }
        }
    }

    private sealed record Ends(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>The client's socket.</summary>
    private sealed class ClientStream(SimulatedConnection connection) : Stream
    {
        private bool _isClosed;

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            ReadResult result = await connection._clientInput.Reader.ReadAsync(cancellationToken);
            int size = (int)Math.Min(buffer.Length, result.Buffer.Length);
            ReadOnlySequence<byte> taken = result.Buffer.Slice(0, size);
            taken.CopyTo(buffer.Span);
            connection._clientInput.Reader.AdvanceTo(taken.End);
            return size;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (connection._isReset)
            {
                throw new IOException("broken pipe");
            }

            await connection._toBroker.SendAsync(buffer).WaitAsync(cancellationToken);
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        protected override void Dispose(bool disposing)
        {
            if (!_isClosed)
            {
                // The other side learns of it when everything before it has come; what it still sends goes nowhere.
                _isClosed = true;
                connection._toBroker.End();
                connection._toClient.Cut();
            }

            base.Dispose(disposing);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
