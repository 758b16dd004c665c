namespace FastChat.Cli;

/// <summary>What a typed line asks for.</summary>
internal enum ChatVerb
{
    /// <summary>Send the argument to the room.</summary>
    Say,
    Help,
    Join,
    Leave,
    List,
    Who,
    History,
    Create,
    Invite,
    Quit,

    /// <summary>A word behind a slash that is none of these.</summary>
    Unknown,
}

/// <summary>A typed line, understood.</summary>
/// <param name="Verb">What it asks for.</param>
/// <param name="Argument">What stands behind the verb; the text of Say; the word of Unknown.</param>
internal readonly record struct ChatInput(ChatVerb Verb, string Argument)
{
    /// <summary>The commands, for people.</summary>
    public const string Help =
        """
        /join #name     go to a conversation (made when it is new)
        /leave          leave it: its messages no longer arrive
        /list           your conversations · Alt-1…9 or Tab goes there
        /who            members of this conversation, and who is there
        /create name    a group of your own · /invite NAME… adds people to it
        /history        load older messages · PageUp and PageDown scroll, too
        /me does        an action · //text sends a text that begins with a slash
        /quit           or Ctrl-D
        """;

    /// <summary>Understands a line. "/me" is a text like any other and travels as it was typed.</summary>
    public static ChatInput Parse(string line)
    {
        if (!line.StartsWith('/') || line == "/me" || line.StartsWith("/me ", StringComparison.Ordinal))
        {
            return new ChatInput(ChatVerb.Say, line);
        }

        if (line.StartsWith("//", StringComparison.Ordinal))
        {
            return new ChatInput(ChatVerb.Say, line[1..]);
        }

        int space = line.IndexOf(' ', StringComparison.Ordinal);
        string word = (space < 0 ? line : line[..space]).ToLowerInvariant();
        string argument = space < 0 ? string.Empty : line[(space + 1)..].Trim();
        ChatVerb verb = word switch
        {
            "/help" or "/?" => ChatVerb.Help,
            "/join" or "/j" => ChatVerb.Join,
            "/leave" or "/part" => ChatVerb.Leave,
            "/list" => ChatVerb.List,
            "/who" or "/members" => ChatVerb.Who,
            "/history" => ChatVerb.History,
            "/create" => ChatVerb.Create,
            "/invite" => ChatVerb.Invite,
            "/quit" or "/exit" or "/q" => ChatVerb.Quit,
            _ => ChatVerb.Unknown,
        };
        return new ChatInput(verb, verb == ChatVerb.Unknown ? word : argument);
    }
}
