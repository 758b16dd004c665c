namespace FastChat.Functional.Tests;

/// <summary>One way to be wrong: a name that says what is sent, and the script that sends it and says what must come back.</summary>
/// <param name="Name">Listed by test runners.</param>
/// <param name="Script">Plays it.</param>
internal sealed record BadInput(string Name, Func<BadInputStage, Task> Script)
{
    /// <summary>True when it is refused as a whole, which whoever runs the broker can see.</summary>
    public bool IsRefused { get; private init; }

    /// <summary>A stranger's bytes that end the connection with a code.</summary>
    public static BadInput FromStranger(string name, byte[] bytes, CloseCode code) => new(name, async stage =>
    {
        await using ScriptedPeer peer = await stage.Broker.ConnectAsync();
        await peer.SendAsync(bytes);
        await ExpectCloseAsync(peer, code);
    })
    {
        IsRefused = true,
    };

    /// <summary>A signed-in client's bytes that end the connection with a code.</summary>
    public static BadInput FromClient(string name, byte[] bytes, CloseCode code) => FromClient(name, _ => bytes, code);

    /// <summary>The same, where the bytes name the stage's conversation.</summary>
    public static BadInput FromClient(string name, Func<BadInputStage, byte[]> bytes, CloseCode code) => new(name, async stage =>
    {
        await using SignedInPeer client = await stage.SignInAsync();
        await client.Peer.SendAsync(bytes(stage));
        await ExpectCloseAsync(client.Peer, code);
    })
    {
        IsRefused = true,
    };

    /// <summary>A Hello that is answered by a Close.</summary>
    public static BadInput InHello(string name, Hello hello, CloseCode code) =>
        FromStranger(name, RawFrame.ToBytes(FrameType.Hello, 0, hello.ToMap()), code);

    /// <summary>A request that is answered by an Error, on a connection that lives on.</summary>
    public static BadInput Refused(string name, FrameType type, Func<BadInputStage, byte[]> body, ErrorCode code) => new(name, async stage =>
    {
        await using SignedInPeer client = await stage.SignInAsync();
        await ExpectErrorAsync(client, await client.AskAsync(type, body(stage)), code);
    })
    {
        IsRefused = true,
    };

    /// <summary>A control request that is answered by an Error.</summary>
    public static BadInput Refused(string name, FrameType type, Func<BadInputStage, ControlMap> map, ErrorCode code) => new(name, async stage =>
    {
        await using SignedInPeer client = await stage.SignInAsync();
        await ExpectErrorAsync(client, await client.AskAsync(type, map(stage)), code);
    })
    {
        IsRefused = true,
    };

    /// <summary>The connection ends with this code.</summary>
    public static async Task ExpectCloseAsync(ScriptedPeer peer, CloseCode code)
    {
        Failure failure = await peer.ReceiveCloseAsync();
        Assert.That((CloseCode)failure.Code, Is.EqualTo(code), failure.Reason);
        Assert.That(failure.Reason, Does.Not.Contain("Exception").And.Not.Contain("   at "));
    }

    /// <summary>The frame is this error, and the connection lives.</summary>
    public static async Task ExpectErrorAsync(SignedInPeer client, ReceivedFrame frame, ErrorCode code)
    {
        Assert.That(frame.Type, Is.EqualTo(FrameType.Error), frame.ToString());
        Failure failure = frame.ToFailure();
        Assert.That((ErrorCode)failure.Code, Is.EqualTo(code), failure.Reason);
        Assert.That(failure.Reason, Is.Not.Empty.And.Not.Contains("Exception"));
        await client.PingAsync();
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>What a script of <see cref="BadInput"/> finds: a broker, a witness whose conversation nobody may change, and an attacker's sign-in.</summary>
internal sealed class BadInputStage : IAsyncDisposable
{
    private BadInputStage(TestBroker broker, SignedInPeer witness, SignedInPeer attacker, ConversationInfo room, ConversationInfo secret)
    {
        Broker = broker;
        Witness = witness;
        Attacker = attacker;
        Room = room.Conversation;
        Secret = secret.Conversation;
        SecretName = secret.Name!;
        Events = new AttackEvents(broker);
    }

    /// <summary>The broker.</summary>
    public TestBroker Broker { get; }

    /// <summary>Another client, served all the time.</summary>
    public SignedInPeer Witness { get; }

    /// <summary>The attacker's first connection; rows open their own.</summary>
    public SignedInPeer Attacker { get; }

    /// <summary>A public conversation.</summary>
    public ConversationId Room { get; }

    /// <summary>A group that the attacker is no member of.</summary>
    public ConversationId Secret { get; }

    /// <summary>Its name.</summary>
    public string SecretName { get; }

    /// <summary>What the broker says of what is sent.</summary>
    public AttackEvents Events { get; }

    /// <summary>Messages in <see cref="Room"/> that scripts published on purpose.</summary>
    public ulong Published { get; set; }

    /// <summary>Sets it up.</summary>
    public static async Task<BadInputStage> StartAsync()
    {
        TestBroker broker = await TestBroker.StartAsync();
        SignedInPeer witness = await broker.RegisterAsync("witness");
        SignedInPeer attacker = await broker.RegisterAsync("mallory");
        BadInputStage stage = new(broker, witness, attacker, await witness.OpenAsync("room"), await witness.CreateGroupAsync("secret"));
        await stage.CheckAsync();
        await witness.PublishAsync(stage.Secret, "nobody else reads this"u8.ToArray());
        return stage;
    }

    /// <summary>A new connection of the attacker.</summary>
    public Task<SignedInPeer> SignInAsync(uint window = 0) => Broker.SignInAsync(Attacker.Welcome.Token!, window);

    /// <summary>What must hold after every row: the witness is served, and the log holds what it held and the witness's message.</summary>
    public async Task CheckAsync()
    {
        Published published = await Witness.PublishAsync(Room, "still here"u8.ToArray());
        Published++;
        Assert.That(published.Sequence, Is.EqualTo(Published), "the log holds something that nobody published");
        Assert.That(await Broker.GetHealthAsync(), Is.EqualTo(200));
        Assert.That(Broker.Process.StandardError, Does.Not.Contain("defect").And.Not.Contain("   at "));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Witness.DisposeAsync();
        await Attacker.DisposeAsync();
        await Broker.DisposeAsync();
    }
}
