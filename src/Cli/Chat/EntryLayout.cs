using System.Globalization;

namespace FastChat.Cli;

/// <summary>How an entry looks: time, name in its colour, text.</summary>
internal static class EntryLayout
{
    private const int NameColumnsMax = 18;

    private static readonly TextStyle TimeStyle = new(Color: 242);
    private static readonly TextStyle RemarkStyle = new(Color: 246, Italic: true);
    private static readonly TextStyle FailedStyle = new(Color: 203);

    /// <summary>Wraps an entry.</summary>
    public static List<StyledRow> Wrap(ChatEntry entry, int columns)
    {
        StyledRun time = new(entry.Time.ToString("HH:mm ", CultureInfo.InvariantCulture), TimeStyle);
        TextStyle style = entry.State switch
        {
            EntryState.Pending => new TextStyle(Dim: true),
            EntryState.Failed => FailedStyle,
            _ => TextStyle.Plain,
        };
        switch (entry.Kind)
        {
            case EntryKind.Remark:
                return ScreenLayout.Wrap([time, new StyledRun("· ", RemarkStyle)], entry.Text, RemarkStyle, columns);
            case EntryKind.Action:
                StyledRun actor = new($"* {NameOf(entry)} ", NickColors.StyleOf(entry.Sender) with { Italic = true, Dim = style.Dim });
                return ScreenLayout.Wrap([time, actor], TextOf(entry), style with { Italic = true }, columns);
            default:
                StyledRun name = new($"{NameOf(entry)}  ", NickColors.StyleOf(entry.Sender) with { Bold = true, Dim = style.Dim });
                return ScreenLayout.Wrap([time, name], TextOf(entry), style, columns);
        }
    }

    /// <summary>The row between two days.</summary>
    public static StyledRow Day(DateTimeOffset day, int columns) => Rule(day.ToString("dddd, d MMMM yyyy", CultureInfo.InvariantCulture), TimeStyle, columns);

    /// <summary>The row above the first message that was not seen.</summary>
    public static StyledRow New(int columns) => Rule("new", new TextStyle(Color: 203), columns);

    private static StyledRow Rule(string text, TextStyle style, int columns)
    {
        string middle = $" {text} ";
        int left = Math.Clamp((columns - middle.Length) / 2, 0, 12);
        int right = Math.Max(0, columns - left - middle.Length);
        return new StyledRow(new StyledRun($"{new string('─', left)}{middle}{new string('─', right)}", style));
    }

    private static string TextOf(ChatEntry entry) => entry.State == EntryState.Failed ? $"{entry.Text}  (not sent)" : entry.Text;

    private static string NameOf(ChatEntry entry)
    {
        int length = TextWidth.Fit(entry.Sender, NameColumnsMax, out _);
        return length == entry.Sender.Length ? entry.Sender : $"{entry.Sender[..length]}…";
    }
}
