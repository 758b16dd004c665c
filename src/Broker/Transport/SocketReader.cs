using System.Buffers;
using System.ComponentModel;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;

using FastChat.Shared;

namespace FastChat.Broker.Transport;

/// <summary>
/// The receiving half of a connection: bytes come from the kernel when they are asked for, into one rented array, so that what is read is one span. While nothing is held there is no array: an
/// idle connection costs its fields. What waits goes on on the I/O thread that heard of the bytes. Behind a TLS handshake what comes are records, which are opened where they lie.
/// <code>
/// array:  [consumed | start … plaintext … end | what records were | sealed … a part of a record … tail | room]
/// </code>
/// <para>One reader at a time, as of every <see cref="PipeReader"/>; <see cref="CancelPendingRead"/> and <see cref="OnReadable"/> on any thread.</para>
/// </summary>
internal sealed class SocketReader(int socket, IReadinessTarget connection) : PipeReader, IValueTaskSource<ReadResult>
{
    /// <summary>Bytes that one receive may bring: what a busy client sends while it is served elsewhere.</summary>
    private const int ReceiveSize = 64 * 1024;

    /// <summary>
    /// A reader may hold this much unread, which is several of the largest frames; past it the connection fails. It cannot be reached by readers that know the largest frame.
    /// </summary>
    private const int HeldBytesMax = 1024 * 1024;

    private static readonly byte[] Nothing = [];

    private SignalCore _readable;
    private byte[] _buffer = Nothing;
    private TlsSession? _tls;
    private int _start;
    private int _end;
    private int _examined;

    // Where what is not opened yet begins and ends. Without TLS both are where the plaintext ends.
    private int _sealed;
    private int _tail;
    private bool _mayHaveMore;
    private bool _isEnding;
    private bool _hasEnded;
    private int _canceled;
    private Exception? _failure;

    /// <summary>Bytes that are there and not consumed.</summary>
    private int Held => _end - _start + (_tail - _sealed);

    /// <summary>True when a read would not have to wait.</summary>
    private bool HasNews => _end > _examined || _hasEnded || _failure is not null || Volatile.Read(ref _canceled) != 0;

    /// <summary>From here on, beginning with what was received and not consumed, records come. Whoever reads, between two reads.</summary>
    public void Protect(TlsSession tls)
    {
        _tls = tls;
        _sealed = _start;
        _end = _examined = _start;
        OpenRecords();
    }

    /// <summary>There may be bytes, or the end. I/O thread.</summary>
    /// <param name="isEnding">The peer has sent its last byte, or the connection failed: this is not reported again.</param>
    public void OnReadable(bool isEnding)
    {
        if (isEnding)
        {
            Volatile.Write(ref _isEnding, true);
        }

        _readable.Raise(runHere: true);
    }

    /// <inheritdoc/>
    public override void CancelPendingRead()
    {
        Volatile.Write(ref _canceled, 1);
        _readable.Raise(runHere: false);
    }

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        cancellationToken.CanBeCanceled ? ReadCancellableAsync(cancellationToken) : ReadNewsAsync();

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        if (!HasNews)
        {
            Receive();
        }

        bool has = HasNews;
        result = has ? TakeResult() : default;
        return has;
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_end == _start)
        {
            return;
        }

        _start = IndexOf(consumed);
        _examined = Math.Max(_examined, IndexOf(examined));
        if (_start == _end && _sealed == _tail)
        {
            GiveBack();
        }
        else if (_end == _examined && _sealed == _tail)
        {
            Shrink();
        }
    }

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        _failure ??= new InvalidOperationException("reading was completed");
        GiveBack();
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        _readable.GetResult(token);
        if (!HasNews)
        {
            Receive();
        }

        return TakeResult();
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _readable.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _readable.OnCompleted(continuation, state, token, flags);

    private ValueTask<ReadResult> ReadNewsAsync()
    {
        while (!HasNews)
        {
            // A change that was reported meanwhile ends the wait for it at once.
            if (!_mayHaveMore && !_readable.TryTakeOrWait())
            {
                Shrink();
                return new ValueTask<ReadResult>(this, _readable.Version);
            }

            if (IoThreads.IsCurrent)
            {
                while (_readable.TryTakeOrWait())
                {
                    // Whatever was reported: we look anyway, after the others.
                }

                ValueTask<ReadResult> later = new(this, _readable.Version);
                IoThreads.Later(connection);
                return later;
            }

            Receive();
        }

        return new ValueTask<ReadResult>(TakeResult());
    }

    private async ValueTask<ReadResult> ReadCancellableAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(static reader => ((SocketReader)reader!).CancelPendingRead(), this);
        ReadResult result = await ReadNewsAsync();
        if (result.IsCanceled)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        return result;
    }

    private ReadResult TakeResult()
    {
        bool isCanceled = Volatile.Read(ref _canceled) != 0 && Interlocked.Exchange(ref _canceled, 0) != 0;
        if (_failure is not null && _end == _examined && !isCanceled)
        {
            throw _failure;
        }

        return new ReadResult(new ReadOnlySequence<byte>(_buffer, _start, _end - _start), isCanceled, _hasEnded);
    }

    /// <summary>Takes what the kernel has, once.</summary>
    private void Receive()
    {
        _mayHaveMore = false;
        if (!MakeRoom())
        {
            return;
        }

        Span<byte> room = _buffer.AsSpan(_tail);
        nint count = Libc.Receive(socket, room);
        if (count > 0)
        {
            _tail += (int)count;
            OpenRecords();
            _mayHaveMore = count == room.Length || Volatile.Read(ref _isEnding);
            return;
        }

        switch (count == 0 ? Libc.ConnectionReset : Marshal.GetLastPInvokeError())
        {
            case Libc.WouldBlock:
                break;
            case Libc.Interrupted:
                _mayHaveMore = true;
                break;
            case Libc.ConnectionReset:
                // A reset is an end like any other, to whoever reads frames: thousands may come at once, and so many exceptions would keep the I/O threads from everybody else for a second.
                _hasEnded = true;
                break;
            case var error:
                _failure = new IOException(new Win32Exception(error).Message);
                break;
        }

        if (Held == 0)
        {
            GiveBack();
        }
    }

    /// <summary>Makes plaintext of what is there, one behind the other, as far as whole records are there.</summary>
    private void OpenRecords()
    {
        if (_tls is not { } tls)
        {
            _end = _sealed = _tail;
            return;
        }

        while (tls.Take(_buffer.AsSpan(_sealed, _tail - _sealed), out Range plain) is var size && size > 0)
        {
            (int offset, int count) = plain.GetOffsetAndLength(size);
            if (_start == _end)
            {
                // Most often there is one record, and it stays where it is.
                _start = _end = _examined = _sealed + offset;
            }
            else
            {
                _buffer.AsSpan(_sealed + offset, count).CopyTo(_buffer.AsSpan(_end));
            }

            _end += count;
            _sealed += size;
        }

        if (tls.HasEnded)
        {
            _hasEnded = true;
            _sealed = _tail;
        }
        else if (tls.HasFailed)
        {
            _failure ??= new TransportBreachException("tls_record");
            _sealed = _tail;
        }
    }

    /// <summary>Sees to it that something can be received; false when too much is held.</summary>
    private bool MakeRoom()
    {
        int held = Held;
        if (held == 0)
        {
            _start = _end = _examined = _sealed = _tail = 0;
            if (_buffer.Length == 0)
            {
                _buffer = ArrayPool<byte>.Shared.Rent(ReceiveSize);
            }
        }
        else if (_buffer.Length - _tail < ReceiveSize / 2)
        {
            if (held >= HeldBytesMax)
            {
                _failure = new IOException("the reader holds more than it may");
                return false;
            }

            MoveTo(Math.Max(ReceiveSize, 2 * held));
        }

        return true;
    }

    /// <summary>A part of a frame, or of a record, may wait for its rest for seconds: it waits in an array of its size.</summary>
    private void Shrink()
    {
        int held = Held;
        if (held > 0 && held <= _buffer.Length / 4)
        {
            MoveTo(held);
        }
    }

    private void MoveTo(int size)
    {
        byte[] old = _buffer;
        byte[] next = ArrayPool<byte>.Shared.Rent(size);
        int plain = _end - _start;
        int part = _tail - _sealed;
        old.AsSpan(_start, plain).CopyTo(next);
        old.AsSpan(_sealed, part).CopyTo(next.AsSpan(plain));

        _examined -= _start;
        _end = _sealed = plain;
        _tail = plain + part;
        _start = 0;
        _buffer = next;
        ArrayPool<byte>.Shared.Return(old);
    }

    private void GiveBack()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = Nothing;
        }

        _start = _end = _examined = _sealed = _tail = 0;
    }

    private int IndexOf(SequencePosition position)
    {
        Debug.Assert(ReferenceEquals(position.GetObject(), _buffer), "a position of what was read last");

        // The highest bit of a position in an array is the sequence's own mark.
        return position.GetInteger() & int.MaxValue;
    }
}
