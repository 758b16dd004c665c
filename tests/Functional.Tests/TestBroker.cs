using System.Text.Json;
using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>The real broker process on a directory of its own, with the settings that a test asks for. Everything is removed on dispose.</summary>
internal sealed class TestBroker : IAsyncDisposable
{
    /// <summary>The password of every account that tests make.</summary>
    public const string Password = "correct horse battery";

    private readonly TemporaryDirectory _directory;
    private int _lastName;

    private TestBroker(TemporaryDirectory directory, BrokerProcess process)
    {
        _directory = directory;
        Process = process;
    }

    /// <summary>The process.</summary>
    public BrokerProcess Process { get; }

    /// <summary>Where tests may keep files beside the data directory.</summary>
    public TemporaryDirectory Directory => _directory;

    /// <summary>Starts one.</summary>
    /// <param name="settings">Keys of <c>serve --config</c>; null = defaults.</param>
    /// <param name="arguments">Further arguments of <c>serve</c>; DIR stands for the directory.</param>
    /// <param name="command">What runs instead of <c>dotnet FastChat.Cli.dll serve</c>.</param>
    /// <param name="ports">Those of <c>listen</c> and <c>http</c>; 0 = any.</param>
    public static async Task<TestBroker> StartAsync(JsonObject? settings = null, string[]? arguments = null, string[]? command = null, (int Tcp, int Http) ports = default)
    {
        TemporaryDirectory directory = new("functional");
        try
        {
            List<string> all = [.. (arguments ?? []).Select(argument => argument.Replace("DIR", directory.Path, StringComparison.Ordinal))];
            if (settings is not null)
            {
                string config = directory.PathOf("config.json");
                await File.WriteAllTextAsync(config, settings.ToJsonString());
                all.AddRange(["--config", config]);
            }

            BrokerProcess process = await BrokerProcess.StartAsync(new BrokerProcessOptions
            {
                DataDirectory = directory.PathOf("data"),
                Arguments = all,
                Command = command,
                TcpPort = ports.Tcp,
                HttpPort = ports.Http,
                // The file that says which brokers run on this machine: not in the user's own directory.
                Environment = new Dictionary<string, string> { ["XDG_RUNTIME_DIR"] = directory.Path },
            });
            return new TestBroker(directory, process);
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>A name that nobody has.</summary>
    public string NewName(string hint = "user") => $"{hint}-{Interlocked.Increment(ref _lastName)}";

    /// <summary>A connection that has said nothing yet.</summary>
    public Task<ScriptedPeer> ConnectAsync(int? receiveBufferSize = null) =>
        ScriptedPeer.ConnectAsync(Process.Tcp, receiveBufferSize: receiveBufferSize);

    /// <summary>A new account, signed in.</summary>
    public async Task<SignedInPeer> RegisterAsync(string? name = null, uint window = 0)
    {
        ScriptedPeer peer = await ConnectAsync();
        Hello hello = new() { Client = "scripted", Name = name ?? NewName(), Password = Password, Register = true, Window = window };
        return new SignedInPeer(peer, await peer.SignInAsync(hello));
    }

    /// <summary>A new account, signed in with the client library, which comes back by itself.</summary>
    public Task<FastChatClient> ClientAsync(string name) => ClientAsync(name, isNew: true);

    /// <summary>Another device of an account, signed in with the client library.</summary>
    public Task<FastChatClient> DeviceAsync(string name) => ClientAsync(name, isNew: false);

    private Task<FastChatClient> ClientAsync(string name, bool isNew) => FastChatClient.ConnectAsync(new ClientOptions
    {
        Endpoint = ClientEndpoint.Parse(Process.Tcp.ToString()),
        Name = name,
        Password = Password,
        Register = isNew,
        Reconnect = new ReconnectPolicy { FirstDelay = TimeSpan.FromMilliseconds(20), DelayMax = TimeSpan.FromMilliseconds(200), SpreadMax = TimeSpan.FromMilliseconds(20), RetryFirstConnect = true },
    });

    /// <summary>Another connection of the same device.</summary>
    public async Task<SignedInPeer> SignInAsync(string token, uint window = 0, int? receiveBufferSize = null)
    {
        ScriptedPeer peer = await ConnectAsync(receiveBufferSize);
        return new SignedInPeer(peer, await peer.SignInAsync(new Hello { Client = "scripted", Token = token, Window = window }));
    }

    /// <summary>The operator's token, which may import.</summary>
    public string ReadOperatorToken() => File.ReadAllText(Path.Combine(Process.DataDirectory, "operator.token")).Trim();

    /// <summary>The status that the health endpoint gives.</summary>
    public async Task<int> GetHealthAsync()
    {
        using HttpClient client = new() { Timeout = TimeSpan.FromSeconds(10) };
        using HttpResponseMessage answer = await client.GetAsync(new Uri(Process.Http, "/healthz"));
        return (int)answer.StatusCode;
    }

    /// <summary>Stops the broker and lets <c>verify</c> judge its store; returns the line it ends with.</summary>
    public async Task<JsonElement> StopAndVerifyAsync()
    {
        Assert.That(await Process.TerminateAsync(), Is.Zero, Process.StandardError);
        CliResult verify = await CliProcess.RunAsync(_directory.Path, "verify", "--data", Process.DataDirectory);
        Assert.That(verify.ExitCode, Is.Zero, verify.ToString());
        return verify.Last;
    }

    /// <summary>Kills the process and removes its files.</summary>
    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        _directory.Dispose();
    }
}
