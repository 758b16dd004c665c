using System.Globalization;

using FastChat.Client;

namespace FastChat.Cli;

/// <summary>How an entry looks: above it what it answers, then time, name in its colour and text, and below what others made of it. Pure.</summary>
internal static class EntryLayout
{
    private const int NameColumnsMax = 18;

    private static readonly TextStyle TimeStyle = new(Color: 243);
    private static readonly TextStyle RemarkStyle = new(Color: 244, Italic: true);
    private static readonly TextStyle QuoteStyle = new(Color: 243);
    private static readonly TextStyle FailedStyle = new(Color: 203);
    private static readonly TextStyle MentionStyle = new(Color: 16, Bold: true, Background: 214);
    private static readonly TextStyle MarkStyle = new(Color: 243, Italic: true);
    private static readonly TextStyle ReactionStyle = new(Color: 243);
    private static readonly TextStyle OwnReactionStyle = new(Color: 33, Bold: true);
    private static readonly TextStyle AttachmentStyle = new(Color: 108);
    private static readonly TextStyle ThreadStyle = new(Color: 33);
    private static readonly TextStyle PickStyle = new(Color: 231, Bold: true, Background: 25);
    private static readonly TextStyle PickMarkStyle = new(Color: 33, Bold: true);
    private static readonly TextStyle PinStyle = new(Color: 172);

    /// <summary>Columns of the time in front of everything.</summary>
    public static int TimeColumns => 6;

    /// <summary>Wraps an entry.</summary>
    public static List<StyledRow> Wrap(ChatEntry entry, int columns)
    {
        StyledRun time = new(entry.Time.ToString("HH:mm", CultureInfo.InvariantCulture), TimeStyle);
        StyledRun gap = entry.Context.IsMention && !entry.Marks.IsGone ? new StyledRun("┃", new TextStyle(Color: 214)) : new StyledRun(" ", TextStyle.Plain);
        if (entry.Kind == EntryKind.Remark)
        {
            return ScreenLayout.Wrap([time, gap, new StyledRun("· ", RemarkStyle)], entry.Text, RemarkStyle, columns);
        }

        bool isAction = entry.Kind == EntryKind.Action && !entry.Marks.IsGone;
        TextStyle style = StyleOf(entry, isAction);
        StyledRun name = isAction
            ? new StyledRun($"* {NameOf(entry)} ", NickColors.StyleOf(entry.Sender) with { Italic = true, Dim = style.Dim })
            : new StyledRun($"{NameOf(entry)}  ", NickColors.StyleOf(entry.Sender) with { Bold = true, Dim = style.Dim });
        List<StyledRow> body = ScreenLayout.Wrap([time, gap, name], TextOf(entry), style, columns);
        if (entry.Marks.IsHidden)
        {
            return body;
        }

        if (entry.Marks.IsDeleted)
        {
            return AddBelow(body, entry, name, columns);
        }

        body = entry.Context.IsMention ? [.. body.Select(row => Highlight(row, entry.Context.MentionOf))] : body;
        if (entry.Marks.IsEdited)
        {
            AddEdited(body, TimeColumns + TextWidth.Of(name.Text), columns);
        }

        return [.. Above(entry, columns), .. AddBelow(body, entry, name, columns)];
    }

    /// <summary>The rows of an entry that is picked: the time stands out, and says so without colours, too.</summary>
    public static List<StyledRow> Pick(ChatEntry entry, int columns)
    {
        List<StyledRow> rows = [.. entry.Rows(columns)];
        int head = Above(entry, columns).Count;
        StyledRow row = rows[head];
        rows[head] = new StyledRow([row.Runs[0] with { Style = PickStyle }, new StyledRun("▶", PickMarkStyle), .. row.Runs.Skip(2)]);
        return rows;
    }

    /// <summary>The row between two days.</summary>
    public static StyledRow Day(DateTimeOffset day, int columns) => Rule(day.ToString("dddd, d MMMM yyyy", CultureInfo.InvariantCulture), TimeStyle, columns);

    /// <summary>The row above the first message that was not seen.</summary>
    public static StyledRow New(int columns) => Rule("new messages", new TextStyle(Color: 203, Bold: true), columns);

    private static StyledRow Rule(string text, TextStyle style, int columns)
    {
        string middle = $" {text} ";
        int left = Math.Clamp((columns - middle.Length) / 2, 0, 12);
        int right = Math.Max(0, columns - left - middle.Length);
        return new StyledRow(new StyledRun($"{new string('─', left)}{middle}{new string('─', right)}", style));
    }

    private static TextStyle StyleOf(ChatEntry entry, bool isAction) => entry switch
    {
        { Marks.IsGone: true } => MarkStyle,
        { State: EntryState.Pending } => new TextStyle(Dim: true, Italic: isAction),
        { State: EntryState.Failed } => FailedStyle with { Italic = isAction },
        _ => new TextStyle(Italic: isAction),
    };

    private static string TextOf(ChatEntry entry) => entry switch
    {
        { Marks.IsHidden: true } => "hidden by you",
        { Marks.IsExpired: true } => "message expired",
        { Marks.IsDeleted: true } => "message deleted",
        { State: EntryState.Failed } => $"{entry.Text}  (not sent)",
        _ => entry.Text,
    };

    // What stands above a message takes one row, whatever it says.
    private static List<StyledRow> Above(ChatEntry entry, int columns)
    {
        List<StyledRow> rows = [];
        if (entry.Marks.IsGone)
        {
            return rows;
        }

        if (entry.Context.ForwardedFrom.Length > 0)
        {
            rows.Add(OneRow("↷ forwarded from ", entry.Context.ForwardedFrom, string.Empty, columns));
        }

        if (entry.QuotedSequence != 0)
        {
            string sign = entry.Context.ReplyTo != 0 ? "↱ " : "┆ thread of ";
            rows.Add(entry.Quote is { } quote
                ? OneRow(sign, quote.Sender, $": {quote.Text.Replace('\n', ' ')}", columns)
                : OneRow(sign, "…", string.Empty, columns));
        }

        return rows;
    }

    private static StyledRow OneRow(string sign, string name, string text, int columns)
    {
        int indent = Math.Min(TimeColumns, Math.Max(0, columns - 10));
        int room = Math.Max(0, columns - indent - TextWidth.Of(sign));
        string shownName = ScreenLayout.Cut(name, Math.Min(NameColumnsMax, room));
        string shownText = ScreenLayout.Cut(text, room - TextWidth.Of(shownName));
        return new StyledRow(
            new StyledRun(new string(' ', indent) + sign, QuoteStyle), new StyledRun(shownName, NickColors.StyleOf(name)), new StyledRun(shownText, QuoteStyle));
    }

    private static void AddEdited(List<StyledRow> rows, int headWidth, int columns)
    {
        const string Edited = " (edited)";
        StyledRun mark = new(Edited, MarkStyle);
        if (rows[^1].Width + Edited.Length <= columns)
        {
            rows[^1] = new StyledRow([.. rows[^1].Runs, mark]);
        }
        else
        {
            int indent = ScreenLayout.IndentOf(headWidth, columns);
            rows.Add(new StyledRow(new StyledRun(new string(' ', indent), TextStyle.Plain), mark with { Text = Edited.TrimStart() }));
        }
    }

    // Attachments, reactions, the thread and the pin: pieces that flow from row to row, each of them whole. A piece has a blank or a bracket on both sides, so that it stays where it is when it
    // becomes the reader's own.
    private static List<StyledRow> AddBelow(List<StyledRow> rows, ChatEntry entry, StyledRun name, int columns)
    {
        MessageMarks marks = entry.Marks;
        IReadOnlyList<string> attachments = marks.IsDeleted ? [] : entry.Context.Attachments;
        List<StyledRun> pieces = [.. attachments.Select(static attachment => new StyledRun($" 📎 {attachment} ", AttachmentStyle)), .. marks.Reactions.Select(ReactionOf)];
        if (marks.InThread > 0)
        {
            pieces.Add(new StyledRun($" {(marks.InThread == 1 ? "1 reply" : $"{marks.InThread} replies")} in thread ", ThreadStyle));
        }

        if (marks.IsPinned)
        {
            pieces.Add(new StyledRun(" pinned ", PinStyle));
        }

        int indent = Math.Max(0, ScreenLayout.IndentOf(TimeColumns + TextWidth.Of(name.Text), columns) - 1);
        List<StyledRun> row = [];
        int used = columns;
        foreach (StyledRun piece in pieces)
        {
            int width = TextWidth.Of(piece.Text);
            if (used + width > columns)
            {
                Flush(rows, row);
                row.Add(new StyledRun(new string(' ', indent), TextStyle.Plain));
                used = indent;
            }

            row.Add(piece with { Text = ScreenLayout.Cut(piece.Text, columns - used) });
            used += width;
        }

        Flush(rows, row);
        return rows;
    }

    private static void Flush(List<StyledRow> rows, List<StyledRun> row)
    {
        if (row.Count > 0)
        {
            rows.Add(new StyledRow([.. row]));
            row.Clear();
        }
    }

    private static StyledRun ReactionOf(MessageReaction reaction)
    {
        string sign = SafeText.OneLine(reaction.Reaction);
        return reaction.IsOwn
            ? new StyledRun($"[{sign} {reaction.Count.ToString(CultureInfo.InvariantCulture)}]", OwnReactionStyle)
            : new StyledRun($" {sign} {reaction.Count.ToString(CultureInfo.InvariantCulture)} ", ReactionStyle);
    }

    // What calls the reader stands out in the text, which is a row's last run.
    private static StyledRow Highlight(StyledRow row, string reader)
    {
        List<StyledRun> runs = [];
        for (int i = 0; i < row.Runs.Count; i++)
        {
            StyledRun run = row.Runs[i];
            int from = 0;
            foreach ((int start, int length) in i == row.Runs.Count - 1 ? Mentions.Places(run.Text) : [])
            {
                string name = run.Text.Substring(start + 1, length - 1);
                if (Mentions.IsEveryone(name) || name.Equals(reader, StringComparison.OrdinalIgnoreCase))
                {
                    runs.Add(run with { Text = run.Text[from..start] });
                    runs.Add(new StyledRun(run.Text.Substring(start, length), MentionStyle));
                    from = start + length;
                }
            }

            runs.Add(run with { Text = run.Text[from..] });
        }

        return new StyledRow([.. runs.Where(static run => run.Text.Length > 0)]);
    }

    private static string NameOf(ChatEntry entry) => ScreenLayout.Cut(entry.Sender, NameColumnsMax + 1);
}
