using System.Buffers;

namespace FastChat.Bench.Compare.Wires;

/// <summary>Bytes that wait to be sent on one connection: an array that grows, written at its end and sent from its front. Generator thread only.</summary>
public sealed class SendBuffer : IBufferWriter<byte>
{
    private byte[] _bytes;
    private int _start;
    private int _end;

    /// <param name="capacity">First size in bytes.</param>
    public SendBuffer(int capacity = 256)
    {
        _bytes = new byte[capacity];
    }

    /// <summary>Called when bytes were added to an empty buffer, so that the owner remembers to send them.</summary>
    public Action? Filled { get; set; }

    /// <summary>Bytes that wait.</summary>
    public ReadOnlySpan<byte> Waiting => _bytes.AsSpan(_start, _end - _start);

    /// <summary>Number of bytes that wait.</summary>
    public int Count => _end - _start;

    /// <inheritdoc/>
    public void Advance(int count)
    {
        bool wasEmpty = _end == _start;
        _end += count;
        if (wasEmpty && count > 0)
        {
            Filled?.Invoke();
        }
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(_end);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _bytes.AsSpan(_end);
    }

    /// <summary>Adds bytes.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Advance(bytes.Length);
    }

    /// <summary>Forgets bytes that were sent.</summary>
    public void Consume(int count)
    {
        _start += count;
        if (_start == _end)
        {
            _start = _end = 0;
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => _start = _end = 0;

    private void Reserve(int size)
    {
        if (_bytes.Length - _end >= size)
        {
            return;
        }

        int count = Count;
        byte[] target = count + size <= _bytes.Length ? _bytes : new byte[Math.Max(2 * _bytes.Length, count + size)];
        _bytes.AsSpan(_start, count).CopyTo(target);
        _bytes = target;
        _start = 0;
        _end = count;
    }
}
