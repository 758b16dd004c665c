using System.CommandLine;

using FastChat.Client;

namespace FastChat.Cli;

/// <summary>The options that every client verb takes.</summary>
internal static class ClientVerbOptions
{
    /// <summary>Which broker.</summary>
    public static Option<string> Server { get; } = new("--server")
    {
        Description = "HOST:PORT, tls://HOST:PORT, unix:PATH, ws://… or wss://…",
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

    /// <summary>Whom to trust over TLS.</summary>
    public static Option<string?> Authorities { get; } = new("--ca")
    {
        Description = "Trust the authorities in this PEM file, or the certificate in it that signed itself, instead of the machine's",
        HelpName = "FILE",
        Recursive = true,
    };

    /// <summary>What to show over TLS.</summary>
    public static Option<string?> ClientCertificate { get; } = new("--client-certificate")
    {
        Description = "Show the certificate in this PEM file to a broker that asks for one",
        HelpName = "FILE",
        Recursive = true,
    };

    /// <summary>The key that goes with it.</summary>
    public static Option<string?> ClientKey { get; } = new("--client-key")
    {
        Description = "The private key of --client-certificate, a PEM file",
        HelpName = "FILE",
        Recursive = true,
    };

    /// <summary>How passwords are shown.</summary>
    public static Option<string> PasswordMechanism { get; } = new("--password-mechanism")
    {
        Description = "scram: prove the password, never show it; plain: show it; prefer: prove it where the broker takes that",
        HelpName = "prefer|scram|plain",
        Recursive = true,
        DefaultValueFactory = static _ => Environment.GetEnvironmentVariable("FASTCHAT_PASSWORD_MECHANISM") is { Length: > 0 } mechanism ? mechanism : "prefer",
    };

    /// <summary>Whose word signs in.</summary>
    public static Option<string?> Assertion { get; } = new("--assertion-file")
    {
        Description = "Sign in with the signed token (JWT) in this file, which is read anew each time one is needed",
        HelpName = "FILE",
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
        root.Add(Authorities);
        root.Add(ClientCertificate);
        root.Add(ClientKey);
        root.Add(PasswordMechanism);
        root.Add(Assertion);
        root.Add(Json);
    }

    /// <summary>What a word of <see cref="PasswordMechanism"/> means.</summary>
    /// <exception cref="CliException">It is none of them.</exception>
    public static PasswordMechanism ParseMechanism(string word) => word switch
    {
        "prefer" => Client.PasswordMechanism.PreferScram,
        "scram" => Client.PasswordMechanism.Scram,
        "plain" => Client.PasswordMechanism.Plain,
        _ => throw CliException.Usage($"'{SafeText.OneLine(word)}' is no way to show a password: prefer, scram or plain is expected"),
    };
}
