namespace FastChat.Cli;

/// <summary>What may be typed behind a command.</summary>
internal enum ArgumentKind
{
    /// <summary>Nothing, or any text.</summary>
    Text,

    /// <summary>People's names.</summary>
    People,

    /// <summary>A conversation.</summary>
    Room,

    /// <summary>A reaction.</summary>
    Reaction,
}

/// <summary>A command of the chat.</summary>
/// <param name="Verb">What it does.</param>
/// <param name="Words">How it is typed; the first is what help and the Tab key offer.</param>
/// <param name="Usage">The command with its arguments.</param>
/// <param name="Help">What it does, for people.</param>
/// <param name="Argument">What stands behind it.</param>
internal sealed record ChatCommandInfo(ChatVerb Verb, string[] Words, string Usage, string Help, ArgumentKind Argument = ArgumentKind.Text);

/// <summary>Every command, in the order of help: one list for understanding, completing and explaining them.</summary>
internal static class ChatCommandList
{
    private const string Keys =
        """
        Ctrl-↑ Ctrl-↓   pick a message; Alt-k Alt-j do, too. Then a command, or
                        r reply · e edit · d delete · + react · t thread
                        p pin · f forward · Esc picks nothing
        Tab             completes commands, @names, #rooms; or the next room
        Alt-1…9         a room by its number · Esc back to the end
        PageUp PageDown scroll · ↑ ↓ lines typed before · Ctrl-L draws again
        """;

    /// <summary>The commands.</summary>
    public static IReadOnlyList<ChatCommandInfo> All { get; } =
    [
        new(ChatVerb.Reply, ["/reply", "/r"], "/reply TEXT", "answer the picked message, or the last of somebody else"),
        new(ChatVerb.Edit, ["/edit", "/e"], "/edit TEXT", "say something else in the picked one, or your last"),
        new(ChatVerb.Delete, ["/delete", "/del"], "/delete", "delete it for everyone"),
        new(ChatVerb.Hide, ["/hide"], "/hide", "do not see it any more; others do"),
        new(ChatVerb.Unhide, ["/unhide"], "/unhide", "see the picked one again"),
        new(ChatVerb.React, ["/react", "/+"], "/react 👍", "react to the picked one, or the last of somebody else", ArgumentKind.Reaction),
        new(ChatVerb.Unreact, ["/unreact", "/-"], "/unreact 👍", "take it back; without a sign, the last you gave there", ArgumentKind.Reaction),
        new(ChatVerb.Thread, ["/thread", "/t"], "/thread", "open its thread; /leave closes it"),
        new(ChatVerb.Pin, ["/pin"], "/pin", "pin it"),
        new(ChatVerb.Unpin, ["/unpin"], "/unpin", "take the pin away"),
        new(ChatVerb.Pins, ["/pins"], "/pins", "what is pinned here"),
        new(ChatVerb.Forward, ["/forward", "/fwd"], "/forward #room", "say it there, too; @name for a direct message", ArgumentKind.Room),
        new(ChatVerb.Join, ["/join", "/j"], "/join #room", "become a member of it; it is made when it is new", ArgumentKind.Room),
        new(ChatVerb.Leave, ["/leave", "/part"], "/leave", "leave it: its messages no longer arrive"),
        new(ChatVerb.Rooms, ["/rooms", "/list"], "/rooms", "your conversations with what is unread"),
        new(ChatVerb.Next, ["/next", "/n"], "/next", "the next conversation with something unread"),
        new(ChatVerb.Unread, ["/unread", "/u"], "/unread", "up to the first message you have not seen"),
        new(ChatVerb.Message, ["/msg", "/dm"], "/msg NAME TEXT", "a direct message", ArgumentKind.People),
        new(ChatVerb.Who, ["/who", "/members"], "/who", "who belongs here, and who is there"),
        new(ChatVerb.History, ["/history"], "/history", "load older messages; PageUp does, too"),
        new(ChatVerb.Create, ["/create"], "/create NAME", "a group of your own"),
        new(ChatVerb.Invite, ["/invite"], "/invite NAME…", "add people to this conversation", ArgumentKind.People),
        new(ChatVerb.Away, ["/away"], "/away TEXT", "be seen as away, with a line that says why"),
        new(ChatVerb.DoNotDisturb, ["/dnd"], "/dnd TEXT", "do not disturb: no bell either"),
        new(ChatVerb.Invisible, ["/invisible"], "/invisible", "be seen as offline"),
        new(ChatVerb.Back, ["/back", "/online"], "/back", "be seen as online again"),
        new(ChatVerb.Status, ["/status"], "/status TEXT", "the line beside your name; without a text it goes"),
        new(ChatVerb.Help, ["/help", "/?"], "/help", "this"),
        new(ChatVerb.Quit, ["/quit", "/exit", "/q"], "/quit", "leave the chat; Ctrl-D does, too"),
    ];

    /// <summary>The commands and keys, for people.</summary>
    public static string Help { get; } =
        $"{string.Join('\n', All.Select(static command => $"{command.Usage,-15} {command.Help}"))}\n{"/me does",-15} an action · //text begins with a slash · @name mentions\n{Keys}";

    /// <summary>The command of a word in lower case; null when there is none.</summary>
    public static ChatCommandInfo? Find(string word) => All.FirstOrDefault(command => command.Words.Contains(word));
}
