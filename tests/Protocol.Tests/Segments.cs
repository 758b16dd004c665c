using System.Buffers;

namespace FastChat.Protocol.Tests;

/// <summary>Byte sequences in several pieces, as a pipe delivers them.</summary>
internal static class Segments
{
    /// <summary>The bytes in pieces of the given size, each in an array of its own.</summary>
    public static ReadOnlySequence<byte> Every(ReadOnlyMemory<byte> bytes, int size)
    {
        List<ReadOnlyMemory<byte>> pieces = [];
        for (int at = 0; at < bytes.Length; at += size)
        {
            pieces.Add(bytes.Slice(at, Math.Min(size, bytes.Length - at)).ToArray());
        }

        return Of([.. pieces]);
    }

    /// <summary>The bytes in two pieces; either may be empty.</summary>
    public static ReadOnlySequence<byte> SplitAt(ReadOnlyMemory<byte> bytes, int at) => Of(bytes[..at].ToArray(), bytes[at..].ToArray());

    /// <summary>The pieces one after another.</summary>
    public static ReadOnlySequence<byte> Of(params ReadOnlyMemory<byte>[] pieces)
    {
        if (pieces.Length == 0)
        {
            return ReadOnlySequence<byte>.Empty;
        }

        Segment first = new(pieces[0], null);
        Segment last = first;
        foreach (ReadOnlyMemory<byte> piece in pieces.Skip(1))
        {
            last = new Segment(piece, last);
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is not null)
            {
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
                previous.Next = this;
            }
        }
    }
}
