using System.CommandLine;

namespace FastChat.Cli;

/// <summary>The options that every client verb takes.</summary>
internal static class ClientVerbOptions
{
    /// <summary>Which broker.</summary>
    public static Option<string> Server { get; } = new("--server")
    {
        Description = "HOST:PORT, unix:PATH, ws://… or wss://…",
        HelpName = "ADDRESS",
        Recursive = true,
        DefaultValueFactory = static _ => Environment.GetEnvironmentVariable("FASTCHAT_SERVER") is { Length: > 0 } server ? server : ServerAddress.Default,
    };

    /// <summary>As whom.</summary>
    public static Option<string?> User { get; } = new("--user")
    {
        Description = "The account to use (default: the last one that signed in)",
        HelpName = "NAME",
        Recursive = true,
    };

    /// <summary>JSON lines even on a terminal.</summary>
    public static Option<bool> Json { get; } = new("--json")
    {
        Description = "Print one JSON object per line (the default when stdout is no terminal)",
        Recursive = true,
    };

    /// <summary>Makes them options of every verb.</summary>
    public static void AddTo(Command root)
    {
        root.Add(Server);
        root.Add(User);
        root.Add(Json);
    }
}
