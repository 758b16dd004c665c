namespace FastChat.Cli;

/// <summary>
/// What keys do in the chat: those of editing go to the line, the others to the room. While a message is picked and nothing is typed, single letters are commands about it. The
/// chat's loop owns it.
/// </summary>
internal sealed class ChatKeys(ChatRooms rooms, LineEditor editor, ChatCommands commands, Action quit, Action redraw)
{
    private readonly Completion _completion = new();

    /// <summary>Handles a key; <paramref name="page"/> is how many rows a page key moves.</summary>
    public void Handle(Key key, int page)
    {
        ChatRoom room = rooms.Current;
        switch (key.Code)
        {
            case KeyCode.Enter: commands.Run(ChatInput.Parse(editor.Submit())); break;
            case KeyCode.PageUp: room.Scroll(page); break;
            case KeyCode.PageDown: room.Scroll(-page); break;
            case KeyCode.PickUp: room.PickNext(-1); break;
            case KeyCode.PickDown: room.PickNext(1); break;
            case KeyCode.Escape when room.Picked is not null: room.Unpick(); break;
            case KeyCode.Escape: room.ScrollToEnd(); break;
            case KeyCode.Tab when editor.Text.Length == 0: rooms.ShowNext(); break;
            case KeyCode.Tab: Complete(room); break;
            case KeyCode.Select: rooms.Show(key.Text[0] - '1'); break;
            case KeyCode.Redraw: redraw(); break;
            case KeyCode.Interrupt when editor.Text.Length > 0: editor.Replace(string.Empty); break;
            case KeyCode.EndOfInput when editor.Text.Length > 0: break;
            case KeyCode.Interrupt or KeyCode.EndOfInput: quit(); break;
            case KeyCode.Text when room.Picked is { } picked && editor.Text.Length == 0 && LineOf(key.Text, picked) is { } line: Begin(line); break;
            default: editor.Handle(key); break;
        }
    }

    // What a letter begins while a message is picked: a line that Enter sends, so that nothing is deleted by a slip; what needs no words happens at once.
    private static string? LineOf(string letter, ChatEntry picked) => letter switch
    {
        "r" => "/reply ",
        "e" => $"/edit {picked.Source}",
        "d" => "/delete",
        "+" => "/react ",
        "-" => "/unreact",
        "f" => "/forward ",
        "t" => "/thread",
        "p" => picked.Marks.IsPinned ? "/unpin" : "/pin",
        _ => null,
    };

    private void Begin(string line)
    {
        if (line is "/thread" or "/pin" or "/unpin")
        {
            commands.Run(ChatInput.Parse(line));
        }
        else
        {
            editor.Replace(line);
        }
    }

    private void Complete(ChatRoom room)
    {
        IEnumerable<string> names = rooms.All.Select(static one => one.Name).Where(static name => name is ['#' or '@', ..] && !name.Contains('›', StringComparison.Ordinal));
        if (_completion.Next(editor.Text, editor.Cursor, room.Names.Keys, names) is { } completed)
        {
            editor.Replace(completed.Line, completed.Cursor);
        }
    }
}
