using System.Globalization;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What a picture of the chat is made of.</summary>
internal sealed record ChatPicture
{
    /// <summary>Every open room, in the order of their numbers.</summary>
    public required IReadOnlyList<ChatRoom> Rooms { get; init; }

    /// <summary>The one on the screen.</summary>
    public required ChatRoom Current { get; init; }

    /// <summary>The line being typed.</summary>
    public required LineEditor Editor { get; init; }

    /// <summary>Who types.</summary>
    public required string UserName { get; init; }

    /// <summary>How they are seen.</summary>
    public Availability Availability { get; init; } = Availability.Online;

    /// <summary>Where the connection stands.</summary>
    public required ConnectionState State { get; init; }

    /// <summary>Who types in the room on the screen, or has seen the user's last message, in words; empty for nobody.</summary>
    public string Typing { get; init; } = string.Empty;

    /// <summary>Who is there, in words; empty when it is not known.</summary>
    public string Presence { get; init; } = string.Empty;
}

/// <summary>Puts a room, the list of rooms, the state of the connection and the typing line together to the rows of a screen. Pure.</summary>
internal static class ChatView
{
    /// <summary>With fewer rows than this there is no header.</summary>
    public const int HeaderHeightMin = 10;

    private static readonly string[] PickHints = ["r reply", "+ react", "e edit", "d delete", "t thread", "p pin", "f forward"];

    // Both colours are said: a bar looks the same on a light terminal and on a dark one.
    private static readonly TextStyle BarStyle = new(Color: 250, Background: 236);
    private static readonly TextStyle CurrentStyle = new(Color: 231, Bold: true, Background: 240);
    private static readonly TextStyle UnreadStyle = new(Color: 215, Bold: true, Background: 236);
    private static readonly TextStyle HeaderNameStyle = new(Color: 231, Bold: true, Background: 236);
    private static readonly TextStyle PromptStyle = new(Color: 243);
    private static readonly TextStyle TypingStyle = new(Color: 243, Italic: true);

    /// <summary>The rows, and where the cursor stands.</summary>
    /// <param name="picture">What is to be shown.</param>
    /// <param name="columns">Columns of the terminal.</param>
    /// <param name="height">Rows of the terminal.</param>
    /// <param name="wantsOlder">True when older messages should be loaded.</param>
    public static (List<StyledRow> Rows, int CursorColumn) Compose(ChatPicture picture, int columns, int height, out bool wantsOlder)
    {
        string hint = picture.Current.Picked is not null && picture.Editor.Text.Length == 0 ? PickHint(columns) : picture.Typing;
        bool hasHeader = height >= HeaderHeightMin;
        bool hasHint = hint.Length > 0 && height > ScreenLayout.ReservedRows + 1;
        List<StyledRow> rows = hasHeader ? [Header(picture, columns)] : [];
        rows.AddRange(picture.Current.View(columns, MessageRows(height, hasHint), out wantsOlder));
        if (hasHint)
        {
            rows.Add(new StyledRow(new StyledRun(hint[..TextWidth.Fit(hint, columns, out _)], TypingStyle)));
        }

        if (height > 1)
        {
            rows.Add(Bar(picture, columns));
        }

        string name = $"{SafeText.OneLine(picture.UserName)}{(picture.Availability == Availability.Online ? string.Empty : $" {ChatPeople.Dot(picture.Availability)}")}";
        string prompt = TextWidth.Of(name) + 12 < columns ? $"{name} › " : "› ";
        int promptWidth = TextWidth.Of(prompt);
        (string visible, int cursorColumn) = picture.Editor.View(columns - promptWidth);
        rows.Add(new StyledRow(new StyledRun(prompt, PromptStyle), new StyledRun(visible, TextStyle.Plain)));
        return (rows, Math.Min(columns - 1, promptWidth + cursorColumn));
    }

    /// <summary>Rows for messages on a terminal of so many.</summary>
    public static int MessageRows(int height, bool hasHint = false) =>
        Math.Max(0, height - ScreenLayout.ReservedRows - (height >= HeaderHeightMin ? 1 : 0) - (hasHint ? 1 : 0));

    /// <summary>The state of the connection in a few words.</summary>
    public static string StateText(ConnectionState state) => state.Phase switch
    {
        ConnectionPhase.Connected => "● connected",
        ConnectionPhase.Connecting => "○ connecting …",
        ConnectionPhase.Waiting => $"○ no connection, attempt {state.Attempts + 1} …",
        _ => "✕ ended",
    };

    // On a narrow terminal the rarer ones are left out: the keys work all the same, and help names them.
    private static string PickHint(int columns)
    {
        string hint = "Esc";
        for (int count = PickHints.Length; count > 0; count--)
        {
            hint = $"{string.Join(" · ", PickHints.Take(count))} · Esc";
            if (hint.Length <= columns)
            {
                break;
            }
        }

        return hint;
    }

    private static StyledRow Header(ChatPicture picture, int columns)
    {
        ChatRoom room = picture.Current;
        List<StyledRun> left = [new($" {room.Name}", HeaderNameStyle)];
        if (room.Topic.Length > 0)
        {
            left.Add(new StyledRun($"  {room.Topic}", BarStyle));
        }

        return ScreenLayout.Bar(left, picture.Presence.Length > 0 ? $"{picture.Presence} " : string.Empty, BarStyle, columns);
    }

    private static StyledRow Bar(ChatPicture picture, int columns)
    {
        ChatRoom current = picture.Current;
        string place = current.Entries.IsLoading ? "loading …  " : current.IsScrolled ? "↓ newer below  " : string.Empty;
        string right = picture.State.Phase == ConnectionPhase.Connected ? place : $"{place}{StateText(picture.State)} ";
        int room = columns - 1 - (TextWidth.Of(right) + 3 > columns ? 0 : TextWidth.Of(right) + 1);
        List<StyledRun> all = Tabs(picture, static _ => true);
        return ScreenLayout.Bar(WidthOf(all) <= room ? all : Tabs(picture, one => one == current || one.Reading.Unread > 0), right, BarStyle, columns);
    }

    // When there is no room for all, those in which nothing waits are left out; they keep their numbers.
    private static List<StyledRun> Tabs(ChatPicture picture, Func<ChatRoom, bool> isShown)
    {
        List<StyledRun> tabs = [];
        for (int i = 0; i < picture.Rooms.Count; i++)
        {
            ChatRoom room = picture.Rooms[i];
            if (isShown(room))
            {
                TextStyle style = room == picture.Current ? CurrentStyle : room.Reading.Unread > 0 ? UnreadStyle : BarStyle;
                tabs.Add(new StyledRun($" {(i + 1).ToString(CultureInfo.InvariantCulture)}:{room.Name}{Waiting(room.Reading)} ", style));
            }
        }

        return tabs;
    }

    private static string Waiting(RoomReading reading) => reading.Unread == 0
        ? string.Empty
        : string.Create(CultureInfo.InvariantCulture, $" ({reading.Unread}{(reading.HasMore ? "+" : string.Empty)}{(reading.Mentions > 0 ? $" @{reading.Mentions}" : string.Empty)})");

    private static int WidthOf(List<StyledRun> runs) => runs.Sum(static run => TextWidth.Of(run.Text));
}
