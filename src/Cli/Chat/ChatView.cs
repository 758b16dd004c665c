using FastChat.Client;

namespace FastChat.Cli;

/// <summary>Puts a room, the list of rooms, the state of the connection and the typing line together to the rows of a screen. Pure.</summary>
internal static class ChatView
{
    private static readonly TextStyle BarStyle = new(Color: 252, Reverse: true);
    private static readonly TextStyle CurrentStyle = new(Color: 252, Reverse: true, Bold: true);
    private static readonly TextStyle UnreadStyle = new(Color: 215, Reverse: true, Bold: true);
    private static readonly TextStyle PromptStyle = new(Color: 242);

    /// <summary>The rows, and where the cursor stands.</summary>
    /// <param name="rooms">Every open room, in the order of their numbers.</param>
    /// <param name="current">The one on the screen.</param>
    /// <param name="editor">The line being typed.</param>
    /// <param name="userName">Who types.</param>
    /// <param name="state">Where the connection stands.</param>
    /// <param name="typing">Who types in the room on the screen, in words; empty for nobody.</param>
    /// <param name="columns">Columns of the terminal.</param>
    /// <param name="height">Rows of the terminal.</param>
    /// <param name="wantsOlder">True when older messages should be loaded.</param>
    public static (List<StyledRow> Rows, int CursorColumn) Compose(
        IReadOnlyList<ChatRoom> rooms, ChatRoom current, LineEditor editor, string userName, ConnectionState state, string typing, int columns, int height,
        out bool wantsOlder)
    {
        bool hasTyping = typing.Length > 0 && height > ScreenLayout.ReservedRows + 1;
        int messageRows = Math.Max(0, height - ScreenLayout.ReservedRows - (hasTyping ? 1 : 0));
        List<StyledRow> rows = current.View(columns, messageRows, out wantsOlder);
        if (hasTyping)
        {
            rows.Add(new StyledRow(new StyledRun(typing[..TextWidth.Fit(typing, columns, out _)], PromptStyle)));
        }

        if (height > 1)
        {
            rows.Add(Bar(rooms, current, state, columns));
        }

        string prompt = TextWidth.Of(userName) + 12 < columns ? $"{SafeText.OneLine(userName)} › " : "› ";
        int promptWidth = TextWidth.Of(prompt);
        (string visible, int cursorColumn) = editor.View(columns - promptWidth);
        rows.Add(new StyledRow(new StyledRun(prompt, PromptStyle), new StyledRun(visible, TextStyle.Plain)));
        return (rows, Math.Min(columns - 1, promptWidth + cursorColumn));
    }

    /// <summary>The state of the connection in a few words.</summary>
    public static string StateText(ConnectionState state) => state.Phase switch
    {
        ConnectionPhase.Connected => "● connected",
        ConnectionPhase.Connecting => "○ connecting …",
        ConnectionPhase.Waiting => $"○ no connection, attempt {state.Attempts + 1} …",
        _ => "✕ ended",
    };

    private static StyledRow Bar(IReadOnlyList<ChatRoom> rooms, ChatRoom current, ConnectionState state, int columns)
    {
        List<StyledRun> left = [new(" ", BarStyle)];
        for (int i = 0; i < rooms.Count; i++)
        {
            ChatRoom room = rooms[i];
            string unread = room.Unread > 0 ? $" ({room.Unread})" : string.Empty;
            TextStyle style = room == current ? CurrentStyle : room.Unread > 0 ? UnreadStyle : BarStyle;
            left.Add(new StyledRun($"{i + 1}:{room.Name}{unread}", style));
            left.Add(new StyledRun("  ", BarStyle));
        }

        string place = current.IsLoading ? "loading …  " : current.IsScrolled ? "↓ newer below  " : string.Empty;
        return ScreenLayout.Bar(left, $"{place}{StateText(state)} ", BarStyle, columns);
    }
}
