using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

using FastChat.Shared;

namespace FastChat.Broker.Transport;

/// <summary>
/// The sending half of a connection: what is written lies in one rented array, and a flush gives it to the kernel with one call on the thread that flushes. A flush whose bytes the kernel does not take waits
/// until it has taken all: nothing is queued behind a slow peer here, and whoever writes feels it. Between flushes there is no array. Behind a TLS handshake a flush seals what it sends, into another array.
/// <code>
/// array:  [sent | start … records … sealed | plaintext … end | room]
/// </code>
/// <para>One writer at a time, as of every <see cref="PipeWriter"/>; <see cref="CancelPendingFlush"/>, <see cref="OnWritable"/> on any thread.</para>
/// </summary>
internal sealed class SocketWriter(int socket) : PipeWriter
{
    /// <summary>What is collected before it is given to the kernel early. A send of this much costs little more than one of a kilobyte, and it stays in the processor's cache.</summary>
    private const int BufferSize = 64 * 1024;

    private static readonly byte[] Nothing = [];

    /// <summary>Made when the kernel first takes less than it is offered: most connections never see it.</summary>
    private AsyncSignal? _writable;
    private byte[] _buffer = Nothing;
    private TlsSession? _tls;
    private int _start;
    private int _end;

    // Where what may be sent ends and what is to be sealed first begins. With TLS only.
    private int _sealed;
    private bool _isBlocked;
    private bool _hasFailed;
    private bool _isCompleted;
    private int _canceled;

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => true;

    /// <inheritdoc/>
    public override long UnflushedBytes => _end - _start;

    private int SendableEnd => _tls is null ? _end : _sealed;

    /// <summary>From here on records are sent. Whoever writes, between two flushes.</summary>
    public void Protect(TlsSession tls) => _tls = tls;

    /// <summary>There may be room again, or the connection failed. I/O thread.</summary>
    public void OnWritable() => Volatile.Read(ref _writable)?.RaiseHere();

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)(_buffer.Length - _end), nameof(bytes));
        _end += bytes;
    }

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _buffer.AsMemory(_end);
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _buffer.AsSpan(_end);
    }

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.CanBeCanceled)
        {
            return FlushCancellableAsync(cancellationToken);
        }

        return TrySend() ? new ValueTask<FlushResult>(TakeResult()) : FlushSlowlyAsync();
    }

    /// <inheritdoc/>
    public override void CancelPendingFlush()
    {
        Volatile.Write(ref _canceled, 1);
        Volatile.Read(ref _writable)?.Raise();
    }

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        if (!_isCompleted)
        {
            _isCompleted = true;
            SayLast();
            GiveBack();

            // The peer reads what it was sent, then the end of the stream.
            _ = Libc.Shutdown(socket, how: 1);
        }
    }

    private FlushResult TakeResult() => new(isCanceled: Interlocked.Exchange(ref _canceled, 0) != 0, isCompleted: _hasFailed);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> FlushSlowlyAsync()
    {
        AsyncSignal writable = _writable!;
        do
        {
            await writable.WaitAsync();
        }
        while (Volatile.Read(ref _canceled) == 0 && !TrySend());

        return TakeResult();
    }

    private async ValueTask<FlushResult> FlushCancellableAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(static writer => ((SocketWriter)writer!).CancelPendingFlush(), this);
        FlushResult result = TrySend() ? TakeResult() : await FlushSlowlyAsync();
        if (result.IsCanceled)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        return result;
    }

    /// <summary>A TLS connection says how it ends, so that its peer can tell the end from a cut; when the kernel has no room for that, it is a cut.</summary>
    private void SayLast()
    {
        if (_tls is { } tls && !_hasFailed)
        {
            Span<byte> last = stackalloc byte[TlsSession.SealedSize(2)];
            last = last[..tls.SealLast(last)];
            if (_start == _sealed)
            {
                _ = Libc.Send(socket, last);
            }
        }
    }

    /// <summary>Makes records of what is not sealed yet; what was sealed before has left.</summary>
    private void Seal(TlsSession tls)
    {
        ReadOnlySpan<byte> plain = _buffer.AsSpan(_sealed, _end - _sealed);
        byte[] records = ArrayPool<byte>.Shared.Rent(TlsSession.SealedSize(plain.Length));
        int size = tls.Seal(plain, records);
        GiveBack();
        _buffer = records;
        _end = _sealed = size;
        _hasFailed |= tls.IsWornOut;
    }

    /// <summary>Gives the kernel what there is; false when it does not take all of it now and will say when it does.</summary>
    private bool TrySend()
    {
        while (_end > _start && !_hasFailed)
        {
            if (_start == _sealed && _tls is { } tls)
            {
                Seal(tls);
            }

            nint count = Libc.Send(socket, _buffer.AsSpan(_start, SendableEnd - _start));
            if (count >= 0)
            {
                _start += (int)count;
                continue;
            }

            int error = Marshal.GetLastPInvokeError();
            if (error == Libc.WouldBlock)
            {
                if (_isBlocked)
                {
                    return false;
                }

                // Who hears of the room must find the signal, so it is there before the last attempt.
                _isBlocked = true;
                if (_writable is null)
                {
                    Volatile.Write(ref _writable, new AsyncSignal());
                    Interlocked.MemoryBarrier();
                }
            }
            else
            {
                _hasFailed = error != Libc.Interrupted;
            }
        }

        _isBlocked = false;
        GiveBack();
        return true;
    }

    private void MakeRoom(int sizeHint)
    {
        int wanted = Math.Max(sizeHint, 1);
        if (_buffer.Length - _end >= wanted)
        {
            return;
        }

        if (_end > _start && !_isBlocked)
        {
            // The rest of a large flush: the kernel may begin with what there is.
            TrySend();
        }

        int held = _end - _start;
        if (_buffer.Length - held < wanted)
        {
            // Twice of what is held, so that what grows piece by piece is not moved for each piece.
            byte[] old = _buffer;
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(BufferSize, (2 * held) + wanted));
            old.AsSpan(_start, held).CopyTo(larger);
            _buffer = larger;
            if (old.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(old);
            }
        }
        else
        {
            _buffer.AsSpan(_start, held).CopyTo(_buffer);
        }

        _sealed -= _start;
        _start = 0;
        _end = held;
    }

    private void GiveBack()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = Nothing;
        }

        _start = _end = _sealed = 0;
    }
}
