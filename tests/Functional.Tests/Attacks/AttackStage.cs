using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json.Nodes;

namespace FastChat.Functional.Tests;

/// <summary>
/// What every test of <c>tests/attacks.md</c> stands on: a broker with all its doors open, a witness who is served all the time, and the rule that all of them must pass: the process lives and has grown by little,
/// the witness is answered, and nobody is told what the broker's code looks like.
/// </summary>
internal sealed class AttackStage : IAsyncDisposable
{
    /// <summary>By so much a process may have grown that was attacked; it keeps buffers and tables that it needs anyway.</summary>
    private const long GrowthMax = 400L << 20;

    private readonly long _residentBefore;

    private AttackStage(TestBroker broker, SignedInPeer witness, ConversationId room)
    {
        Broker = broker;
        Witness = witness;
        Room = room;
        _residentBefore = broker.Process.ResidentBytes;
    }

    /// <summary>The doors of a broker.</summary>
    public static IReadOnlyList<string> Doors { get; } = ["tcp", "unix", "ws"];

    /// <summary>The broker.</summary>
    public TestBroker Broker { get; }

    /// <summary>Somebody whom it is nobody's business to disturb.</summary>
    public SignedInPeer Witness { get; }

    /// <summary>The witness's public conversation.</summary>
    public ConversationId Room { get; }

    /// <summary>Sets it up.</summary>
    /// <param name="settings">Keys of <c>serve --config</c>; null = defaults.</param>
    /// <param name="command">As of <see cref="TestBroker.StartAsync"/>.</param>
    public static async Task<AttackStage> StartAsync(JsonObject? settings = null, string[]? command = null)
    {
        TestBroker broker = await TestBroker.StartAsync(settings, ["--unix", "DIR/broker.sock"], command);
        SignedInPeer witness = await broker.RegisterAsync("witness");
        return new AttackStage(broker, witness, (await witness.OpenAsync("room")).Conversation);
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

    /// <summary>What must hold behind every attack.</summary>
    public async Task CheckAsync()
    {
        await Witness.PublishAsync(Room, "still here"u8.ToArray());
        Assert.That(await Broker.GetHealthAsync(), Is.EqualTo(200));
        Assert.That(Broker.Process.StandardError, Does.Not.Contain("defect").And.Not.Contain("   at "));
        Assert.That(Broker.Process.ResidentBytes - _residentBefore, Is.LessThan(GrowthMax));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Witness.DisposeAsync();
        await Broker.DisposeAsync();
    }

    private async Task<Stream> OpenAsync(string door)
    {
        if (door == "ws")
        {
            ClientWebSocket socket = new();
            socket.Options.AddSubProtocol("fastchat.v1");
            await socket.ConnectAsync(new UriBuilder(Broker.Process.Http) { Scheme = "ws", Path = "/ws" }.Uri, CancellationToken.None);
            return WebSocketStream.Create(socket, WebSocketMessageType.Binary, TimeSpan.FromSeconds(5));
        }

        Socket plain = door == "unix" ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) : new Socket(SocketType.Stream, ProtocolType.Tcp);
        await plain.ConnectAsync(door == "unix" ? new UnixDomainSocketEndPoint(Broker.Directory.PathOf("broker.sock")) : Broker.Process.Tcp);
        return new NetworkStream(plain, ownsSocket: true);
    }
}
