namespace FastChat.Bench.Compare.Systems.RabbitMq;

/// <summary>
/// The publishes of a channel that wait for a confirm: delivery tags count from 1 in the order of publishing, and confirms come in any order, singly or for all up to a tag. A ring that grows to the deepest window
/// once and allocates nothing after that. Generator thread only.
/// </summary>
internal sealed class ConfirmWindow
{
    private const long Settled = -1;

    private long[] _ring = new long[64];
    // Tag of the oldest publish that is not settled, and of the next publish.
    private ulong _first = 1;
    private ulong _next = 1;

    /// <summary>A publish was written: it has the next tag.</summary>
    public void Add(long number)
    {
        if (_next - _first == (ulong)_ring.Length)
        {
            long[] larger = new long[2 * _ring.Length];
            for (ulong tag = _first; tag < _next; tag++)
            {
                larger[tag & (ulong)(larger.Length - 1)] = Slot(tag);
            }

            _ring = larger;
        }

        Slot(_next++) = number;
    }

    /// <summary>Settles the oldest publish that a confirm covers; called until it is false.</summary>
    /// <param name="tag">The confirm's delivery tag.</param>
    /// <param name="isMultiple">Whether it covers all up to the tag.</param>
    /// <param name="number">Of the publish.</param>
    public bool TrySettle(ulong tag, bool isMultiple, out long number)
    {
        for (ulong candidate = isMultiple ? _first : tag; candidate >= _first && candidate <= tag && candidate < _next; candidate++)
        {
            number = Slot(candidate);
            if (number != Settled)
            {
                Slot(candidate) = Settled;
                while (_first < _next && Slot(_first) == Settled)
                {
                    _first++;
                }

                return true;
            }
        }

        number = 0;
        return false;
    }

    private ref long Slot(ulong tag) => ref _ring[tag & (ulong)(_ring.Length - 1)];
}
