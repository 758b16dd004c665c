using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What register and login share: a password from somewhere safe, a connection, and the token kept for the next commands.</summary>
internal static class SignIn
{
    /// <summary>Makes either verb.</summary>
    public static Command Build(string verb, string description, bool register)
    {
        Argument<string> name = new("NAME") { Description = "The account's name" };
        Option<string?> passwordFile = new("--password-file") { Description = "Read the password from this file", HelpName = "FILE" };
        Command command = new(verb, description) { name, passwordFile };
        command.SetAction((parsed, cancellation) => Invocation.Action(
            (invocation, token) => RunAsync(invocation, parsed.GetRequiredValue(name), parsed.GetValue(passwordFile), register, token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string name, string? passwordFile, bool register, CancellationToken cancellation)
    {
        if (!Names.TryCanonicalize(name, out _))
        {
            throw CliException.Usage($"'{SafeText.OneLine(name)}' is no valid name: 1–64 characters from a–z A–Z 0–9 . _ -, beginning with a letter or digit");
        }

        string password = Password.Obtain(name, passwordFile, Environment.GetEnvironmentVariable("FASTCHAT_PASSWORD"), confirm: register);
        Credential? known = invocation.Credentials.Find(invocation.Server, name);
        ClientOptions options = new() { Name = name, Password = password, Register = register, Device = new DeviceId(register ? 0 : known?.Device ?? 0) };
        FastChatClient client = await ConnectAndKeepAsync(invocation, options, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            Print(invocation, client);
        }

        return ExitCodes.Done;
    }

    /// <summary>
    /// Asks a person who has never signed in to this broker who they are: an unknown name becomes an account, a known one is signed in to with the same password.
    /// </summary>
    /// <exception cref="CliException">They are not, or gave up.</exception>
    public static async Task IntroduceAsync(Invocation invocation, CancellationToken cancellation)
    {
        invocation.PrintHuman($"You are new at {invocation.Server}. A new name makes an account, a known one signs in.");
        string name = invocation.User ?? Ask("Name: ");
        if (!Names.TryCanonicalize(name, out _))
        {
            throw CliException.Usage($"'{SafeText.OneLine(name)}' is no valid name: 1–64 characters from a–z A–Z 0–9 . _ -, beginning with a letter or digit");
        }

        string password = Password.Obtain(name, null, null, confirm: false);
        ClientOptions options = new() { Name = name, Password = password, Register = true };
        FastChatClient client;
        try
        {
            client = await ConnectAndKeepAsync(invocation, options, cancellation).ConfigureAwait(false);
        }
        catch (CliException refused) when (refused.InnerException is ConnectionException { Code: CloseCode.NameTaken })
        {
            client = await ConnectAndKeepAsync(invocation, options with { Register = false }, cancellation).ConfigureAwait(false);
        }

        await client.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task<FastChatClient> ConnectAndKeepAsync(Invocation invocation, ClientOptions options, CancellationToken cancellation)
    {
        // The library keeps the tokens in there before it returns.
        CredentialTokens tokens = CredentialTokens.ForSignIn(invocation.Credentials, invocation.Server);
        return await invocation.ConnectAsync(options with { TokenStore = tokens }, null, cancellation).ConfigureAwait(false);
    }

    private static string Ask(string prompt)
    {
        Console.Error.Write(prompt);
        return Console.In.ReadLine()?.Trim() ?? throw new CliException("interrupted");
    }

    private static void Print(Invocation invocation, FastChatClient client)
    {
        if (invocation.IsHuman)
        {
            invocation.PrintHuman($"Signed in to {invocation.Server} as {client.UserName}.");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("server", invocation.Server.ToString());
        json.WriteString("user", client.User.ToString());
        json.WriteString("name", client.UserName);
        json.WriteString("device", client.Device.ToString());
        invocation.Json.End();
    }
}
