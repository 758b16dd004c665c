using System.Runtime.InteropServices;

namespace FastChat.Broker.Diagnostics;

/// <summary>
/// A sum that every connection adds to: each processor has a cell in a cache line of its own, because a line that all of them write to costs more than the addition. Adding is one interlocked instruction; reading adds the cells up. Any thread.
/// </summary>
internal sealed class StripedCount
{
    private readonly Cell[] _cells = new Cell[Environment.ProcessorCount];

    /// <summary>The sum; of what is added meanwhile it has a part or nothing.</summary>
    public long Value
    {
        get
        {
            long sum = 0;
            foreach (ref Cell cell in _cells.AsSpan())
            {
                sum += Volatile.Read(ref cell.Value);
            }

            return sum;
        }
    }

    /// <summary>Adds.</summary>
    public void Add(long count) => Interlocked.Add(ref _cells[(int)((uint)Thread.GetCurrentProcessorId() % (uint)_cells.Length)].Value, count);

    /// <summary>Two cache lines: processors fetch them in pairs.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Cell
    {
        [FieldOffset(0)]
        public long Value;
    }
}
