namespace FastChat.Cli;

/// <summary>What a typed line asks for.</summary>
internal enum ChatVerb
{
    /// <summary>Send the argument to the room.</summary>
    Say,
    Help,
    Reply,
    Edit,
    Delete,
    Hide,
    Unhide,
    React,
    Unreact,
    Thread,
    Pin,
    Unpin,
    Pins,
    Forward,
    Join,
    Leave,
    Rooms,
    Next,
    Unread,
    Who,
    History,
    Message,
    Create,
    Invite,
    Back,
    Away,
    DoNotDisturb,
    Invisible,
    Status,
    Quit,

    /// <summary>A word behind a slash that is none of these.</summary>
    Unknown,
}

/// <summary>A typed line, understood.</summary>
/// <param name="Verb">What it asks for.</param>
/// <param name="Argument">What stands behind the verb; the text of Say; the word of Unknown.</param>
internal readonly record struct ChatInput(ChatVerb Verb, string Argument)
{
    /// <summary>The command behind a slash, if the line is one.</summary>
    public static ChatInput Parse(string line)
    {
        // "/me" is a text like any other and travels as it was typed.
        if (!line.StartsWith('/') || line == "/me" || line.StartsWith("/me ", StringComparison.Ordinal))
        {
            return new ChatInput(ChatVerb.Say, line);
        }

        if (line.StartsWith("//", StringComparison.Ordinal))
        {
            return new ChatInput(ChatVerb.Say, line[1..]);
        }

        int space = line.AsSpan().IndexOfAny(' ', '\n');
        string word = (space < 0 ? line : line[..space]).ToLowerInvariant();
        return ChatCommandList.Find(word) is { } command
            ? new ChatInput(command.Verb, space < 0 ? string.Empty : line[(space + 1)..].Trim())
            : new ChatInput(ChatVerb.Unknown, word);
    }
}
