using System.Buffers;
using System.IO.Pipelines;

namespace FastChat.Broker.Connections;

/// <summary>
/// Takes a page of records in the memory of a <see cref="PipeWriter"/>, behind room for a head that is known only when the page is. The writer hears of it by <see cref="Complete"/> alone: a
/// read that fails half-way has written nothing, and no byte leaves that was not checked to its page's end. One user at a time, between <see cref="Begin"/> and <see cref="End"/>.
/// </summary>
internal sealed class PageTarget : IBufferWriter<byte>
{
    private PipeWriter? _output;
    private Memory<byte> _memory;
    private int _headSize;
    private int _written;

    /// <summary>Where the head belongs.</summary>
    public Span<byte> Head => _memory.Span[.._headSize];

    /// <summary>Begins a page.</summary>
    /// <param name="output">Written to by nobody else until <see cref="End"/>.</param>
    /// <param name="headSize">Bytes to leave free.</param>
    /// <param name="pageSize">Bytes that the page has at the most as a rule; a larger one is moved once.</param>
    public void Begin(PipeWriter output, int headSize, int pageSize)
    {
        _output = output;
        _headSize = _written = headSize;
        _memory = output.GetMemory(headSize + pageSize);
    }

    /// <summary>Gives head and page to the writer, and says how many bytes they are.</summary>
    public int Complete()
    {
        _output!.Advance(_written);
        return _written;
    }

    /// <summary>Forgets the page.</summary>
    public void End()
    {
        _output = null;
        _memory = default;
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_memory.Length - _written), nameof(count));
        _written += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_memory.Length - _written < Math.Max(sizeHint, 1))
        {
            Grow(sizeHint);
        }

        return _memory[_written..];
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <summary>A single record may be larger than any page.</summary>
    private void Grow(int sizeHint)
    {
        // Asked for more, the writer may take back what it gave before.
        byte[] kept = ArrayPool<byte>.Shared.Rent(_written);
        _memory.Span[.._written].CopyTo(kept);
        _memory = _output!.GetMemory(_written + Math.Max(sizeHint, 4096));
        kept.AsSpan(0, _written).CopyTo(_memory.Span);
        ArrayPool<byte>.Shared.Return(kept);
    }
}
