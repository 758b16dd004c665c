using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json.Nodes;

namespace FastChat.Functional.Tests;

/// <summary>
/// What every test of <c>tests/attacks.md</c> stands on: a broker with all its doors open, a witness who is served all the time, and the rule that all of them must pass: the process lives and has grown by little,
/// the witness is answered as fast as before, nobody is told what the broker's code looks like, and whoever runs the broker can see that something happened (<see cref="AttackEvents"/>).
/// </summary>
internal sealed class AttackStage : IAsyncDisposable
{
    /// <summary>By so much a process may have grown that was attacked; it keeps buffers and tables that it needs anyway.</summary>
    private const long GrowthMax = 400L << 20;

    /// <summary>Publishes of which the witness's times are taken.</summary>
    private const int Looks = 25;

    /// <summary>What a machine that runs other tests as well adds to any time.</summary>
    private static readonly TimeSpan s_noise = TimeSpan.FromMilliseconds(100);

    private readonly long _residentBefore;
    private TimeSpan _timeBefore;

    private AttackStage(TestBroker broker, TestCertificate certificate, SignedInPeer witness, ConversationId room)
    {
        Broker = broker;
        Certificate = certificate;
        Witness = witness;
        Room = room;
        Events = new AttackEvents(broker);
        _residentBefore = broker.Process.ResidentBytes;
    }

    /// <summary>The doors of a broker.</summary>
    public static IReadOnlyList<string> Doors { get; } = ["tcp", "unix", "ws", "tls", "wss"];

    /// <summary>The broker.</summary>
    public TestBroker Broker { get; }

    /// <summary>What it shows behind the doors with TLS.</summary>
    public TestCertificate Certificate { get; }

    /// <summary>Somebody whom it is nobody's business to disturb.</summary>
    public SignedInPeer Witness { get; }

    /// <summary>The witness's public conversation.</summary>
    public ConversationId Room { get; }

    /// <summary>What the broker says of attacks.</summary>
    public AttackEvents Events { get; }

    /// <summary>Sets it up.</summary>
    /// <param name="settings">Keys of <c>serve --config</c>; null = defaults.</param>
    /// <param name="command">As of <see cref="TestBroker.StartAsync"/>.</param>
    public static async Task<AttackStage> StartAsync(JsonObject? settings = null, string[]? command = null)
    {
        TestCertificate certificate = new();
        settings ??= [];
        (settings["listen_plain"], settings["http_plain"]) = ("127.0.0.1:0", "127.0.0.1:0");
        TestBroker broker = await TestBroker.StartAsync(settings, ["--unix", "DIR/broker.sock", "--tls-certificate", certificate.CertificateFile, "--tls-key", certificate.KeyFile], command);
        SignedInPeer witness = settings["passwords"]?.GetValue<string>() == "scram"
            ? await broker.SignInAsync(broker.ReadOperatorToken())
            : await broker.RegisterAsync("witness");
        AttackStage stage = new(broker, certificate, witness, (await witness.OpenAsync("room")).Conversation);
        await stage.TimeAsync();
        stage._timeBefore = await stage.TimeAsync();
        await stage.Events.BeginAsync();
        return stage;
    }

    /// <summary>A new account.</summary>
    public Task<SignedInPeer> RegisterAsync() => Broker.RegisterAsync(Broker.NewName());

    /// <summary>Another connection of an account, through one of the doors.</summary>
    public Task<SignedInPeer> SignInAsync(SignedInPeer account, string door = "tcp") => SignInAsync(account.Welcome.Token!, door);

    /// <summary>A connection with a token, through one of the doors.</summary>
    public async Task<SignedInPeer> SignInAsync(string token, string door)
    {
        ScriptedPeer peer = new(await OpenAsync(door));
        return new SignedInPeer(peer, await peer.SignInAsync(token));
    }

    /// <summary>A connection through one of the doors that has said nothing yet.</summary>
    public async Task<ScriptedPeer> ConnectAsync(string door) => new(await OpenAsync(door));

    /// <summary>A connection that comes from another address: every 127.x.y.z is this machine.</summary>
    public async Task<ScriptedPeer> ConnectFromAsync(IPAddress from)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(Broker.Process.Tcp);
        return new ScriptedPeer(new NetworkStream(socket, ownsSocket: true));
    }

    /// <summary>What must hold behind every attack.</summary>
    public async Task CheckAsync()
    {
        TimeSpan time = TimeSpan.MaxValue;
        for (int attempt = 0; attempt < 10 && time > (2 * _timeBefore) + s_noise; attempt++)
        {
            await Task.Delay(attempt * 100);
            time = await TimeAsync();
        }

        Assert.That(time, Is.LessThanOrEqualTo((2 * _timeBefore) + s_noise), "others are served as fast as before");
        Assert.That(await Broker.GetHealthAsync(), Is.EqualTo(200));
        Assert.That(Broker.Process.StandardError, Does.Not.Contain("defect").And.Not.Contain("   at "));
        Assert.That(Broker.Process.ResidentBytes - _residentBefore, Is.LessThan(GrowthMax));
        await Events.CheckAsync();
        await Events.BeginAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Witness.DisposeAsync();
        await Broker.DisposeAsync();
        Certificate.Dispose();
    }

    /// <summary>The longest but two of some publishes of the witness.</summary>
    private async Task<TimeSpan> TimeAsync()
    {
        List<TimeSpan> times = [];
        for (int i = 0; i < Looks; i++)
        {
            long begun = Stopwatch.GetTimestamp();
            await Witness.PublishAsync(Room, "still here"u8.ToArray());
            times.Add(Stopwatch.GetElapsedTime(begun));
        }

        times.Sort();
        return times[^3];
    }

    private async Task<Stream> OpenAsync(string door)
    {
        if (door is "ws" or "wss")
        {
            ClientWebSocket socket = new();
            socket.Options.AddSubProtocol("fastchat.v1");
            socket.Options.RemoteCertificateValidationCallback = Certificate.IsTheOne;
            await socket.ConnectAsync(new UriBuilder(door == "ws" ? Broker.Process.Http : Broker.Process.TlsHttp!) { Scheme = door, Path = "/ws" }.Uri, CancellationToken.None);
            return WebSocketStream.Create(socket, WebSocketMessageType.Binary, TimeSpan.FromSeconds(5));
        }

        if (door == "tls")
        {
            return await Certificate.ConnectAsync(Broker.Process.TlsTcp!);
        }

        Socket plain = door == "unix" ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) : new Socket(SocketType.Stream, ProtocolType.Tcp);
        await plain.ConnectAsync(door == "unix" ? new UnixDomainSocketEndPoint(Broker.Directory.PathOf("broker.sock")) : Broker.Process.Tcp);
        return new NetworkStream(plain, ownsSocket: true);
    }
}
