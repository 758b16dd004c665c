using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;

using FastChat.Broker.Hosting;
using FastChat.Storage;

namespace FastChat.Cli;

/// <summary><c>serve</c>: runs the broker until SIGTERM or SIGINT, then drains.</summary>
internal static class Serve
{
    /// <summary>Names the directory of the page that was built with the program; the launcher sets it.</summary>
    private const string WebDirectoryVariable = "FASTCHAT_WEB_DIRECTORY";

    private static readonly JsonSerializerOptions ConfigFormat = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>What it is called.</summary>
    public const string Name = "serve";

    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Option<string?> config = new("--config") { Description = "A JSON file with options (docs/operations.md)", HelpName = "FILE" };
        Option<string?> data = new("--data") { Description = "The data directory (default ./data)", HelpName = "DIR" };
        Option<string?> listen = new("--listen") { Description = "Address of the TCP listener (default 127.0.0.1:7400; port 0 = any free one)", HelpName = "HOST:PORT" };
        Option<string?> http = new("--http") { Description = "Address of the HTTP listener (default 127.0.0.1:7480)", HelpName = "HOST:PORT" };
        Option<string?> unix = new("--unix") { Description = "Listen on a Unix domain socket as well", HelpName = "PATH" };
        Option<string?> certificate = new("--tls-certificate") { Description = "Speak TLS, with the certificate in this PEM file", HelpName = "FILE" };
        Option<string?> key = new("--tls-key") { Description = "The certificate's private key, a PEM file", HelpName = "FILE" };
        Option<string?> web = new("--web") { Description = "The directory of the built web page (default: the one that was built with the program)", HelpName = "DIR" };
        Option<bool> noWeb = new("--no-web") { Description = "Serve no web page" };
        Option<bool> acceptLoss = new("--accept-loss") { Description = "Start although acknowledged messages are missing: begins a new epoch" };
        Command command = new(Name, "Run the broker") { config, data, listen, http, unix, certificate, key, web, noWeb, acceptLoss };
        command.SetAction((parsed, cancellation) =>
        {
            // Somewhere else may be the current directory when it is read again.
            string? path = parsed.GetValue(config) is { } file ? Path.GetFullPath(file) : null;
            return RunAsync(Read, path is not null, cancellation);

            BrokerOptions Read()
            {
                BrokerOptions options = ReadConfig(path);
                bool hasWeb = options.Web && !parsed.GetValue(noWeb);
                return options with
                {
                    Data = parsed.GetValue(data) ?? options.Data,
                    Listen = parsed.GetValue(listen) ?? options.Listen,
                    Http = parsed.GetValue(http) ?? options.Http,
                    UnixSocket = parsed.GetValue(unix) ?? options.UnixSocket,
                    TlsCertificate = parsed.GetValue(certificate) ?? options.TlsCertificate,
                    TlsKey = parsed.GetValue(key) ?? options.TlsKey,
                    Web = hasWeb,
                    WebDirectory = parsed.GetValue(web) ?? (hasWeb == options.Web ? options.WebDirectory : null) ?? (hasWeb ? Environment.GetEnvironmentVariable(WebDirectoryVariable) : null),
                    AcceptLoss = parsed.GetValue(acceptLoss) || options.AcceptLoss,
                };
            }
        });
        return command;
    }

    private static async Task<int> RunAsync(Func<BrokerOptions> read, bool hasFile, CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        try
        {
            await BrokerHost.RunAsync(read(), Console.Out, stop.Token, hasFile ? read : null).ConfigureAwait(false);
            return ExitCodes.Done;
        }
        catch (ArgumentException wrong)
        {
            throw CliException.Usage(wrong.Message);
        }
        catch (Exception failure) when (failure is StorageException or IOException or UnauthorizedAccessException)
        {
            throw new CliException(failure.Message, inner: failure);
        }

        void Stop(PosixSignalContext signal)
        {
            // The runtime would end the process at once; the broker ends it when it has drained.
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    /// <exception cref="ArgumentException">It holds something else than options.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    private static BrokerOptions ReadConfig(string? path)
    {
        if (path is null)
        {
            return new BrokerOptions();
        }

        try
        {
            return JsonSerializer.Deserialize<BrokerOptions>(File.ReadAllText(path), ConfigFormat) ?? new BrokerOptions();
        }
        catch (JsonException wrong)
        {
            throw new ArgumentException($"{path}: {wrong.Message}", wrong);
        }
    }
}
