namespace FastChat.Cli;

/// <summary>
/// The line being typed: text, cursor, cut buffer and the lines sent before. Pure: it knows keys and columns, no terminal. The cursor always stands
/// between grapheme clusters, so that an emoji of five code points is one step and one Backspace.
/// </summary>
internal sealed class LineEditor
{
    private const int HistoryMax = 200;

    private readonly List<string> _history = [];
    private int _historyIndex;
    private string _draft = string.Empty;
    private string _cut = string.Empty;
    private int _scroll;

    /// <summary>The line.</summary>
    public string Text { get; private set; } = string.Empty;

    /// <summary>Where the next text goes, in UTF-16 units.</summary>
    public int Cursor { get; private set; }

    /// <summary>Handles a key of editing; false when the key means something else.</summary>
    public bool Handle(Key key)
    {
        switch (key.Code)
        {
            case KeyCode.Text or KeyCode.Paste: Insert(key.Text); break;
            case KeyCode.Backspace: Remove(Previous(Cursor), Cursor); break;
            case KeyCode.Delete: Remove(Cursor, Next(Cursor)); break;
            case KeyCode.Left: Cursor = Previous(Cursor); break;
            case KeyCode.Right: Cursor = Next(Cursor); break;
            case KeyCode.WordLeft: Cursor = WordStart(); break;
            case KeyCode.WordRight: Cursor = WordEnd(); break;
            case KeyCode.Home: Cursor = 0; break;
            case KeyCode.End: Cursor = Text.Length; break;
            case KeyCode.KillToEnd: Cut(Cursor, Text.Length); break;
            case KeyCode.KillToStart: Cut(0, Cursor); break;
            case KeyCode.KillWord: Cut(WordStart(), Cursor); break;
            case KeyCode.Yank: Insert(_cut); break;
            case KeyCode.Up: Recall(_historyIndex - 1); break;
            case KeyCode.Down: Recall(_historyIndex + 1); break;
            default: return false;
        }

        return true;
    }

    /// <summary>Takes the line away, remembers it and begins an empty one.</summary>
    public string Submit()
    {
        string line = Text;
        if (line.Length > 0 && (_history.Count == 0 || _history[^1] != line))
        {
            _history.Add(line);
            if (_history.Count > HistoryMax)
            {
                _history.RemoveAt(0);
            }
        }

        _historyIndex = _history.Count;
        _draft = string.Empty;
        Replace(string.Empty);
        return line;
    }

    /// <summary>Replaces the line; the cursor stands behind it.</summary>
    public void Replace(string text)
    {
        Text = text;
        Cursor = text.Length;
        _scroll = 0;
    }

    /// <summary>Replaces the line and puts the cursor between two of its characters.</summary>
    public void Replace(string text, int cursor)
    {
        Replace(text);
        Cursor = cursor;
    }

    /// <summary>What is visible in <paramref name="columns"/> columns, scrolled so that the cursor is among them.</summary>
    public (string Visible, int CursorColumn) View(int columns)
    {
        // Control characters of a paste are shown as signs of one column each; the text itself keeps them.
        columns = Math.Max(columns, 2);
        string before = SafeText.OneLine(Text[..Cursor]);
        string shown = before + SafeText.OneLine(Text[Cursor..]);
        int cursorColumn = TextWidth.Of(before);
        if (cursorColumn < _scroll)
        {
            _scroll = cursorColumn;
        }
        else if (cursorColumn - _scroll > columns - 1)
        {
            _scroll = cursorColumn - columns + 1;
        }

        int skipped = SkipColumns(shown, ref _scroll);
        int length = TextWidth.Fit(shown.AsSpan(skipped), columns, out _);
        return (shown.Substring(skipped, length), cursorColumn - _scroll);
    }

    // A wide character under the left edge is left out whole, so the edge moves to its end.
    private static int SkipColumns(string shown, ref int columns)
    {
        int index = 0;
        int width = 0;
        while (width < columns && index < shown.Length)
        {
            int cluster = TextWidth.ClusterLength(shown.AsSpan(index));
            width += TextWidth.OfCluster(shown.AsSpan(index, cluster));
            index += cluster;
        }

        columns = width;
        return index;
    }

    private void Insert(string text)
    {
        Text = Text.Insert(Cursor, text);
        Cursor += text.Length;
    }

    private void Remove(int start, int end)
    {
        Text = Text.Remove(start, end - start);
        Cursor = start;
    }

    private void Cut(int start, int end)
    {
        if (end > start)
        {
            _cut = Text[start..end];
            Remove(start, end);
        }
    }

    private void Recall(int index)
    {
        if (index < 0 || index > _history.Count)
        {
            return;
        }

        if (_historyIndex == _history.Count)
        {
            _draft = Text;
        }

        _historyIndex = index;
        Replace(index == _history.Count ? _draft : _history[index]);
    }

    private int Next(int index) => index >= Text.Length ? Text.Length : index + TextWidth.ClusterLength(Text.AsSpan(index));

    private int Previous(int index)
    {
        int at = 0;
        while (at < index)
        {
            int next = Next(at);
            if (next >= index)
            {
                break;
            }

            at = next;
        }

        return at;
    }

    private int WordStart()
    {
        int index = Cursor;
        while (index > 0 && char.IsWhiteSpace(Text[index - 1]))
        {
            index--;
        }

        while (index > 0 && !char.IsWhiteSpace(Text[index - 1]))
        {
            index--;
        }

        return index;
    }

    private int WordEnd()
    {
        int index = Cursor;
        while (index < Text.Length && char.IsWhiteSpace(Text[index]))
        {
            index++;
        }

        while (index < Text.Length && !char.IsWhiteSpace(Text[index]))
        {
            index++;
        }

        return index;
    }
}
