namespace FastChat.Cli;

/// <summary>
/// Where things stand: messages wrapped between a margin and the right edge, the newest at the bottom, then the status row and the typing line.
/// Pure functions of their arguments.
/// </summary>
internal static class ScreenLayout
{
    /// <summary>Rows that are not messages: status and typing line.</summary>
    public const int ReservedRows = 2;

    /// <summary>The fewest columns a text is wrapped to; a narrower terminal cuts instead.</summary>
    private const int TextColumnsMin = 16;

    /// <summary>Where later rows of a text begin whose head takes <paramref name="headWidth"/> columns.</summary>
    public static int IndentOf(int headWidth, int columns) => columns - headWidth >= TextColumnsMin ? headWidth : 2;

    /// <summary>
    /// Wraps a text: the head (time and name) stands before its first row, later rows are indented below it. Breaks at spaces, inside a word only when the
    /// word is longer than a row.
    /// </summary>
    public static List<StyledRow> Wrap(IReadOnlyList<StyledRun> head, string text, TextStyle style, int columns)
    {
        int headWidth = head.Sum(static run => TextWidth.Of(run.Text));
        int indent = IndentOf(headWidth, columns);
        List<StyledRow> rows = [];
        bool first = true;
        foreach (string paragraph in text.Split('\n'))
        {
            ReadOnlySpan<char> rest = paragraph;
            do
            {
                int room = Math.Max(1, columns - (first ? headWidth : indent));
                int length = BreakAt(rest, room);
                string part = rest[..length].TrimEnd(' ').ToString();
                rest = rest[length..];
                rows.Add(first
                    ? new StyledRow([.. head, new StyledRun(part, style)])
                    : new StyledRow(new StyledRun(new string(' ', Math.Min(indent, columns)), TextStyle.Plain), new StyledRun(part, style)));
                first = false;
            }
            while (!rest.IsEmpty);
        }

        return rows;
    }

    /// <summary>A row across the whole width: left text, right text, and the space between; the left one is cut when there is too little.</summary>
    public static StyledRow Bar(IReadOnlyList<StyledRun> left, string right, TextStyle style, int columns)
    {
        int rightWidth = TextWidth.Of(right);
        if (rightWidth + 3 > columns)
        {
            right = string.Empty;
            rightWidth = 0;
        }

        List<StyledRun> runs = [];
        int gap = rightWidth > 0 ? 1 : 0;
        int room = columns - rightWidth - gap;
        foreach (StyledRun run in left)
        {
            string shown = Cut(run.Text, room);
            runs.Add(run with { Text = shown });
            room -= TextWidth.Of(shown);
            if (shown != run.Text)
            {
                break;
            }
        }

        runs.Add(new StyledRun(new string(' ', room + gap), style));
        runs.Add(new StyledRun(right, style));
        return new StyledRow([.. runs]);
    }

    /// <summary>The beginning of a text that fits, with a sign at its end when that is not all.</summary>
    public static string Cut(string text, int columns)
    {
        if (columns <= 0)
        {
            return string.Empty;
        }

        int length = TextWidth.Fit(text, columns, out _);
        return length == text.Length ? text : $"{text[..TextWidth.Fit(text, columns - 1, out _)]}…";
    }

    // How much of the text one row takes: up to and including the last space that fits, or as many clusters as fit, but at least one.
    private static int BreakAt(ReadOnlySpan<char> text, int columns)
    {
        int fits = TextWidth.Fit(text, columns, out _);
        if (fits == text.Length)
        {
            return fits;
        }

        if (text[fits] == ' ')
        {
            return fits + 1;
        }

        int space = text[..fits].LastIndexOf(' ');
        return space > 0 ? space + 1 : Math.Max(fits, TextWidth.ClusterLength(text));
    }
}
