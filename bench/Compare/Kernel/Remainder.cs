using System.Buffers;

namespace FastChat.Bench.Compare.Kernel;

/// <summary>The beginning of a protocol unit whose end has not come yet: kept for one connection between two receives, in an array that is only borrowed while there is one. One thread.</summary>
public struct Remainder
{
    private byte[]? _bytes;

    /// <summary>Bytes that are kept.</summary>
    public int Count { readonly get; private set; }

    /// <summary>Puts the bytes where the next receive will continue them.</summary>
    public readonly void CopyTo(Span<byte> target) => _bytes.AsSpan(0, Count).CopyTo(target);

    /// <summary>Keeps these bytes instead of those it had.</summary>
    public void Keep(ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty)
        {
            Clear();
            return;
        }

        if (_bytes is null || _bytes.Length < rest.Length)
        {
            Clear();
            _bytes = ArrayPool<byte>.Shared.Rent(rest.Length);
        }

        rest.CopyTo(_bytes);
        Count = rest.Length;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        if (_bytes is { } array)
        {
            ArrayPool<byte>.Shared.Return(array);
        }

        _bytes = null;
        Count = 0;
    }
}
