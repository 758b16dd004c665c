using System.CommandLine;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What a client verb was asked for: the common options, understood, and where its output goes.</summary>
internal sealed class Invocation : IDisposable
{
    private const string ClientName = "fastchat-cli/0.1";

    // A verb that does one thing gives up after some seconds: who typed it is waiting.
    private const int AttemptsMax = 8;

    private readonly Stream _output;

    private Invocation(ParseResult parsed)
    {
        Server = ServerAddress.Parse(parsed.GetRequiredValue(ClientVerbOptions.Server));
        Trust = new Lazy<ServerTrust>(() => ServerTrust.Find(
            Server,
            parsed.GetValue(ClientVerbOptions.Authorities),
            parsed.GetValue(ClientVerbOptions.ClientCertificate),
            parsed.GetValue(ClientVerbOptions.ClientKey),
            Environment.GetEnvironmentVariable));
        User = parsed.GetValue(ClientVerbOptions.User);
        Mechanism = ClientVerbOptions.ParseMechanism(parsed.GetRequiredValue(ClientVerbOptions.PasswordMechanism));
        AssertionFile = parsed.GetValue(ClientVerbOptions.Assertion);
        IsHuman = !parsed.GetValue(ClientVerbOptions.Json) && !Console.IsOutputRedirected;
        _output = StandardOutput.Open();
        Json = new JsonLines(_output);
    }

    /// <summary>Which broker.</summary>
    public ServerAddress Server { get; }

    // Found out when it is needed: many verbs ask nobody.
    private Lazy<ServerTrust> Trust { get; }

    /// <summary>The account of <c>--user</c>; null = the last one that signed in.</summary>
    public string? User { get; }

    // How passwords are shown.
    private PasswordMechanism Mechanism { get; }

    /// <summary>The file of <c>--assertion-file</c>; null = not given.</summary>
    public string? AssertionFile { get; }

    /// <summary>True when stdout is a terminal and nobody asked for JSON.</summary>
    public bool IsHuman { get; }

    /// <summary>Where the machine-readable lines go.</summary>
    public JsonLines Json { get; }

    /// <summary>Kept sign-ins.</summary>
    public CredentialStore Credentials { get; } = new(CredentialStore.DefaultDirectory(Environment.GetEnvironmentVariable));

    /// <summary>Reads the common options.</summary>
    public static Invocation From(ParseResult parsed) => new(parsed);

    /// <summary>Makes the action of a verb: reads the options, runs, and hands all output over before the exit code.</summary>
    public static Func<ParseResult, CancellationToken, Task<int>> Action(Func<Invocation, CancellationToken, Task<int>> run) => async (parsed, cancellation) =>
    {
        using Invocation invocation = From(parsed);
        int exitCode = await run(invocation, cancellation).ConfigureAwait(false);
        invocation.Json.Flush();
        return exitCode;
    };

    /// <summary>True when a sign-in is kept for this broker and user, or can be made without asking.</summary>
    public bool IsSignedIn => AssertionFile is not null || Credentials.Find(Server, User) is not null
        || (User is not null && Environment.GetEnvironmentVariable("FASTCHAT_PASSWORD") is { Length: > 0 });

    /// <summary>Connects as the user of the command line, with a kept token, or with FASTCHAT_PASSWORD.</summary>
    /// <exception cref="CliException">Nobody is signed in there, or the broker does not take the sign-in.</exception>
    public Task<FastChatClient> ConnectAsync(CancellationToken cancellation) =>
        ConnectAsync(SignIn() with { Reconnect = new ReconnectPolicy { AttemptsMax = AttemptsMax } }, null, cancellation);

    /// <summary>Connects as that user for as long as the verb runs: comes back however often the connection breaks, and says so.</summary>
    /// <exception cref="CliException">Nobody is signed in there, or the broker does not take the sign-in.</exception>
    public Task<FastChatClient> ConnectForLongAsync(Action<ConnectionState> onStateChanged, CancellationToken cancellation) =>
        ConnectAsync(SignIn(), onStateChanged, cancellation);

    /// <summary>Connects with the given credentials and says failures in words.</summary>
    /// <exception cref="CliException">It does not connect.</exception>
    public async Task<FastChatClient> ConnectAsync(ClientOptions options, Action<ConnectionState>? onStateChanged, CancellationToken cancellation)
    {
        try
        {
            ClientOptions complete = options with { Endpoint = Trust.Value.Endpoint, Tls = Trust.Value.Tls, ClientName = ClientName, PasswordMechanism = Mechanism };
            return await FastChatClient.ConnectAsync(complete, onStateChanged, cancellation).ConfigureAwait(false);
        }
        catch (ConnectionException failure)
        {
            throw new CliException(Explain(failure, options), inner: failure);
        }
    }

    /// <summary>Prints a line for people, on stdout.</summary>
    public void PrintHuman(string line)
    {
        _output.Write(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
        _output.Flush();
    }

    /// <summary>Says something to people on stderr.</summary>
    public static void Note(string text) => Console.Error.WriteLine(text);

    /// <inheritdoc/>
    public void Dispose()
    {
        Json.Dispose();
        _output.Dispose();
    }

    /// <summary>How the user of the command line signs in.</summary>
    /// <exception cref="CliException">Nobody is signed in there.</exception>
    public ClientOptions SignIn()
    {
        if (AssertionFile is { } file)
        {
            return new ClientOptions { Assertion = async cancellation => (await File.ReadAllTextAsync(file, cancellation).ConfigureAwait(false)).Trim() };
        }

        if (Credentials.Find(Server, User) is { } credential)
        {
            return new ClientOptions { TokenStore = CredentialTokens.Of(Credentials, Server, credential.User) };
        }

        if (User is { } name && Environment.GetEnvironmentVariable("FASTCHAT_PASSWORD") is { Length: > 0 } password)
        {
            return new ClientOptions { Name = name, Password = password };
        }

        string whom = User is null ? "nobody is" : $"{SafeText.OneLine(User)} is not";
        throw new CliException($"{whom} signed in to {Server}: fastchat register NAME, or fastchat login NAME");
    }

    private string Explain(ConnectionException failure, ClientOptions options) => failure.Code switch
    {
        CloseCode.BadCredentials => $"wrong name or password for {SafeText.OneLine(options.Name ?? string.Empty)}",
        CloseCode.AssertionRefused => $"{Server} does not take the assertion: {SafeText.OneLine(failure.Close.Text)}",
        CloseCode.TokenExpired when options.Assertion is not null => "the assertion has expired: the file is to hold a newer one",
        CloseCode.TokenInvalid => $"the sign-in at {Server} is no longer valid: fastchat login NAME",
        CloseCode.SignedOut => $"this device was signed out at {Server}: fastchat login NAME",
        CloseCode.Suspended => $"the account is suspended at {Server}",
        CloseCode.NameTaken => $"the name {SafeText.OneLine(options.Name ?? string.Empty)} is taken",
        CloseCode.NameInvalid => "that is no valid name: 1–64 characters from a–z A–Z 0–9 . _ -, beginning with a letter or digit",
        CloseCode.MechanismRefused when !failure.Close.IsLocal && Mechanism == PasswordMechanism.Plain => $"{Server} takes no password as it is: leave out --password-mechanism plain",
        CloseCode.PasswordInvalid => "a password has 8 to 256 bytes",
        CloseCode.RegistrationClosed => $"{Server} does not register users by itself: its operator makes the accounts",
        CloseCode.None when failure.Close.Cause is { } cause => $"{Server}: {FailureText.Of(cause)}",
        _ => $"{Server}: {SafeText.OneLine(failure.Close.ToString())}",
    };
}
