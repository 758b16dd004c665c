namespace FastChat.Cli;

/// <summary>
/// What of a room is on the screen. The view hangs on an entry, the one at its bottom edge, and not on a number of rows: what is added, changed or removed above or below it moves
/// nothing that somebody reads. Without such an entry it is at the end and follows it. The chat's loop owns it.
/// </summary>
internal sealed class RoomView(RoomEntries entries)
{
    private ChatEntry? _bottom;
    private int _cut;
    private int _move;

    /// <summary>True when the reader has left the newest messages.</summary>
    public bool IsScrolled => _bottom is not null || _move > 0;

    /// <summary>The message that commands are about; null = none is picked.</summary>
    public ChatEntry? Picked { get; private set; }

    /// <summary>Sequence of the newest record that was on the screen when it was last composed.</summary>
    public ulong SeenUpTo { get; private set; }

    /// <summary>Moves by rows, up for positive numbers. The next <see cref="Compose"/> brings it into range.</summary>
    public void Scroll(int rows) => _move += rows;

    /// <summary>Back to the newest message; nothing is picked any more.</summary>
    public void ScrollToEnd() => (_bottom, _cut, _move, Picked) = (null, 0, 0, null);

    /// <summary>Picks nothing any more; or only not this message.</summary>
    public void Unpick(ChatEntry? only = null) => Picked = only is null || only == Picked ? null : Picked;

    /// <summary>Picks a message; false when it is not one that commands can be about.</summary>
    public bool Pick(ChatEntry entry)
    {
        bool isPickable = IsPickable(entry);
        Picked = isPickable ? entry : Picked;
        return isPickable;
    }

    /// <summary>Picks the message above (−1) or below (1) the picked one; the newest when none is. Below the newest is none.</summary>
    public void PickNext(int step)
    {
        int at = Picked is null ? entries.Count : entries.IndexOf(Picked);
        if (Picked is null && step > 0)
        {
            return;
        }

        for (at += step; at >= 0 && at < entries.Count; at += step)
        {
            if (Pick(entries[at]))
            {
                return;
            }
        }

        if (step > 0)
        {
            ScrollToEnd();
        }
    }

    /// <summary>The rows that are visible, padded at the top. Says whether the top of what is loaded is in sight.</summary>
    public List<StyledRow> Compose(int columns, int height, ChatEntry? firstNew, out bool isTopInSight)
    {
        if (height <= 0)
        {
            isTopInSight = false;
            return [];
        }

        Settle(columns, height, firstNew);
        ShowPicked(columns, height, firstNew);
        int bottom = _bottom is null ? entries.Count - 1 : entries.IndexOf(_bottom);
        SeenUpTo = _bottom is null ? entries.Newest : SequenceAtOrAbove(bottom);
        List<StyledRow> reversed = [];
        int at = bottom;
        for (; at >= 0 && reversed.Count < height; at--)
        {
            List<StyledRow> rows = BlockOf(at, columns, firstNew);
            for (int i = rows.Count - 1 - (at == bottom ? _cut : 0); i >= 0 && reversed.Count < height; i--)
            {
                reversed.Add(rows[i]);
            }
        }

        isTopInSight = at < 0;
        while (reversed.Count < height)
        {
            reversed.Add(StyledRow.Empty);
        }

        reversed.Reverse();
        return reversed;
    }

    private static bool IsPickable(ChatEntry entry) => entry.IsMessage && entry.Sequence != 0 && !entry.Marks.IsDeleted;

    // Carries out what was scrolled since, and keeps the view inside of what there is: never above a full first screen, never below the end.
    private void Settle(int columns, int height, ChatEntry? firstNew)
    {
        int last = entries.Count - 1;
        int bottom = _bottom is null ? last : entries.IndexOf(_bottom);
        if (bottom < 0)
        {
            (_bottom, _cut, bottom) = (null, 0, last);
        }

        if (bottom < 0)
        {
            _move = 0;
            return;
        }

        _cut = Math.Min(_cut, BlockOf(bottom, columns, firstNew).Count - 1);
        if (_move == 0 && _bottom is null)
        {
            return;
        }

        _cut += _move;
        _move = 0;
        while (_cut < 0 && bottom < last)
        {
            bottom++;
            _cut += BlockOf(bottom, columns, firstNew).Count;
        }

        _cut = Math.Max(_cut, 0);
        int rows = BlockOf(bottom, columns, firstNew).Count;
        while (_cut >= rows && bottom > 0)
        {
            _cut -= rows;
            bottom--;
            rows = BlockOf(bottom, columns, firstNew).Count;
        }

        _cut = Math.Min(_cut, rows - 1);
        int missing = height - RowsUpTo(bottom, height, columns, firstNew) + _cut;
        while (missing > 0 && (_cut > 0 || bottom < last))
        {
            if (_cut == 0)
            {
                bottom++;
                _cut = BlockOf(bottom, columns, firstNew).Count;
            }

            _cut--;
            missing--;
        }

        _bottom = bottom == last && _cut == 0 ? null : entries[bottom];
    }

    // The picked message is wholly in sight, or as much of it as there is room for.
    private void ShowPicked(int columns, int height, ChatEntry? firstNew)
    {
        if (Picked is null)
        {
            return;
        }

        int picked = entries.IndexOf(Picked);
        if (picked < 0)
        {
            Picked = null;
            return;
        }

        int bottom = _bottom is null ? entries.Count - 1 : entries.IndexOf(_bottom);
        if (picked > bottom || (picked == bottom && _cut > 0))
        {
            (_bottom, _cut) = (Picked, 0);
            Settle(columns, height, firstNew);
            return;
        }

        int rows = -_cut;
        for (int at = bottom; at >= picked && rows <= height; at--)
        {
            rows += BlockOf(at, columns, firstNew).Count;
        }

        if (rows > height)
        {
            // Far above, it comes to the bottom edge; close to the top edge, the view moves by what is missing.
            int missing = 0;
            for (int at = bottom; at >= picked; at--)
            {
                missing += BlockOf(at, columns, firstNew).Count;
            }

            _move = Math.Max(0, missing - _cut - height);
            Settle(columns, height, firstNew);
        }
    }

    // Rows from the top down to the end of an entry, as far as they matter.
    private int RowsUpTo(int bottom, int enough, int columns, ChatEntry? firstNew)
    {
        int rows = 0;
        for (int at = bottom; at >= 0 && rows < enough + _cut; at--)
        {
            rows += BlockOf(at, columns, firstNew).Count;
        }

        return rows;
    }

    private ulong SequenceAtOrAbove(int index)
    {
        for (int at = index; at >= 0; at--)
        {
            if (entries[at].Sequence != 0)
            {
                return entries[at].Sequence;
            }
        }

        return 0;
    }

    // An entry with the lines above it that belong to it: a new day, and the first that was not seen.
    private List<StyledRow> BlockOf(int index, int columns, ChatEntry? firstNew)
    {
        ChatEntry entry = entries[index];
        List<StyledRow> rows = entry == Picked ? EntryLayout.Pick(entry, columns) : entry.Rows(columns);
        bool isNewDay = index == 0 || entries[index - 1].Time.Date != entry.Time.Date;
        if (!isNewDay && entry != firstNew)
        {
            return rows;
        }

        return [.. isNewDay ? [EntryLayout.Day(entry.Time, columns)] : Array.Empty<StyledRow>(), .. entry == firstNew ? [EntryLayout.New(columns)] : Array.Empty<StyledRow>(), .. rows];
    }
}
