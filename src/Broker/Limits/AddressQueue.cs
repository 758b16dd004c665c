using System.Diagnostics.CodeAnalysis;

namespace FastChat.Broker.Limits;

/// <summary>
/// A short queue in which each address has a line of its own. Lines take turns, so whoever comes waits behind one of each other address and behind all of its own; and when all places are taken, whoever has fewer than the longest line gets the place of that line's last (the longest queue drops). So an
/// address has all places while nobody else wants one, and no more than its share while others do. Each call costs the same however many wait. Any thread puts in; one takes out.
/// </summary>
/// <param name="places">Places in all.</param>
internal sealed class AddressQueue<T>(int places)
{
    private readonly object _gate = new();
    private readonly Dictionary<AddressKey, Line> _lines = [];
    private readonly Queue<Line> _turns = new();
    private readonly LinkedList<Line>[] _byLength = [.. Enumerable.Range(0, places + 1).Select(static _ => new LinkedList<Line>())];
    private int _longest;
    private int _count;
    private bool _isEnding;

    /// <summary>How many wait.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Puts something behind what its address has here. False when there is no place for it, or the end has begun.</summary>
    /// <param name="from">Whose it is.</param>
    /// <param name="item">What.</param>
    /// <param name="displaced">What lost its place to it, the caller's to tell; nothing when <paramref name="isDisplaced"/> is false.</param>
    /// <param name="isDisplaced">True when something did.</param>
    public bool TryEnqueue(AddressKey from, T item, [MaybeNull] out T displaced, out bool isDisplaced)
    {
        (displaced, isDisplaced) = (default, false);
        lock (_gate)
        {
            int own = _lines.TryGetValue(from, out Line? line) ? line.Items.Count : 0;
            if (_isEnding || (_count == places && _longest <= own + 1))
            {
                return false;
            }

            if (_count == places)
            {
                Line longest = _byLength[_longest].First!.Value;
                displaced = longest.Items.Last!.Value;
                isDisplaced = true;
                longest.Items.RemoveLast();
                Resized(longest, longest.Items.Count + 1);
            }

            if (line is null)
            {
                _lines[from] = line = new Line(from);
                _turns.Enqueue(line);
            }

            line.Items.AddLast(item);
            Resized(line, line.Items.Count - 1);
            Monitor.Pulse(_gate);
            return true;
        }
    }

    /// <summary>Waits for the next. False at the end, when nothing waits any more.</summary>
    public bool TryTake([MaybeNullWhen(false)] out T item)
    {
        lock (_gate)
        {
            while (_count == 0 && !_isEnding)
            {
                Monitor.Wait(_gate);
            }

            if (!_turns.TryDequeue(out Line? line))
            {
                item = default;
                return false;
            }

            item = line.Items.First!.Value;
            line.Items.RemoveFirst();
            Resized(line, line.Items.Count + 1);
            if (line.Items.Count > 0)
            {
                _turns.Enqueue(line);
            }
            else
            {
                _lines.Remove(line.From);
            }

            return true;
        }
    }

    /// <summary>Takes nothing more in. What waits is still given out.</summary>
    public void End()
    {
        lock (_gate)
        {
            _isEnding = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>A line has one more or one less than before. Its neighbours in length are never more than one away, so the longest is found without looking.</summary>
    private void Resized(Line line, int before)
    {
        int now = line.Items.Count;
        if (before > 0)
        {
            _byLength[before].Remove(line.Place);
        }

        if (now > 0)
        {
            _byLength[now].AddLast(line.Place);
        }

        _count += now - before;
        _longest = now > _longest ? now : _byLength[_longest].Count == 0 ? now : _longest;
    }

    /// <summary>What waits of one address. It stands in the row of turns once, for as long as something does.</summary>
    private sealed class Line
    {
        public Line(AddressKey from) => (From, Place) = (from, new LinkedListNode<Line>(this));

        public AddressKey From { get; }

        public LinkedListNode<Line> Place { get; }

        public LinkedList<T> Items { get; } = new();
    }
}
