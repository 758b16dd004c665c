namespace FastChat.Client.Tests;

internal sealed class HandshakeTests
{
    [Test]
    public async Task A_token_signs_in_and_Welcome_fills_the_properties()
    {
        ScriptedBroker broker = new();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(broker.Options with { ClientName = "probe", Window = 5000 });
        Peer peer = await broker.AcceptAsync();
        Hello hello = await peer.WelcomeAsync(Welcomes.Plain with { BodySizeMax = 100 });
        await using FastChatClient client = await connecting.Within();

        Assert.Multiple(() =>
        {
            Assert.That(hello, Is.EqualTo(new Hello { Signals = true, Client = "probe", Token = "token", Attempt = 1, Window = 5000 }));
            Assert.That(client.User, Is.EqualTo(Welcomes.User));
            Assert.That(client.UserName, Is.EqualTo("ada"));
            Assert.That(client.Device, Is.EqualTo(new DeviceId(7)));
            Assert.That(client.Session, Is.EqualTo(Welcomes.Plain.Session));
            Assert.That(client.Token, Is.EqualTo("token"));
            Assert.That(client.Server, Is.EqualTo("scripted"));
            Assert.That(client.BodySizeMax, Is.EqualTo(100));
            Assert.That(client.State.Phase, Is.EqualTo(ConnectionPhase.Connected));
        });
    }

    [Test]
    public async Task A_password_is_sent_once_and_replaced_by_the_token_of_Welcome()
    {
        ScriptedBroker broker = new();
        ClientOptions options = broker.Options with
        {
            Token = null,
            Name = "ada",
            Password = "correct horse",
            PasswordMechanism = PasswordMechanism.Plain,
            Register = true,
            Device = new DeviceId(3),
        };
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(options);
        Peer first = await broker.AcceptAsync();
        Hello hello = await first.WelcomeAsync(Welcomes.Plain with { Token = "fresh" });
        await using FastChatClient client = await connecting.Within();
        await first.BreakAsync();
        Peer second = await broker.AcceptAsync();
        Hello again = await second.WelcomeAsync();

        Assert.Multiple(() =>
        {
            Assert.That(hello with { Client = null, Window = 0 }, Is.EqualTo(new Hello { Signals = true, Name = "ada", Password = "correct horse", Register = true, Device = new DeviceId(3), Attempt = 1 }));
            Assert.That(again with { Client = null, Window = 0 }, Is.EqualTo(new Hello { Signals = true, Token = "fresh", Session = Welcomes.Plain.Session, Attempt = 2 }));
            Assert.That(client.Token, Is.EqualTo("fresh"));
        });
    }

    [TestCase(CloseCode.BadCredentials, false)]
    [TestCase(CloseCode.Overloaded, true)]
    [TestCase(CloseCode.TooManyConnections, true)]
    public async Task A_refused_sign_in_fails_Connect_with_the_code(CloseCode code, bool isRetryable)
    {
        ScriptedBroker broker = new();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(broker.Options);
        Peer peer = await broker.AcceptAsync();
        await peer.ReadAsync(FrameType.Hello);
        await peer.CloseAsync(code, retryAfterMs: 1500);

        ConnectionException error = await connecting.Fails<ConnectionException>();
        Assert.Multiple(() =>
        {
            Assert.That(error.Code, Is.EqualTo(code));
            Assert.That(error.Scope, Is.EqualTo(ErrorScope.Connection));
            Assert.That(error.RetryAfter, Is.EqualTo(TimeSpan.FromMilliseconds(1500)));
            Assert.That(error.IsRetryable, Is.EqualTo(isRetryable));
            Assert.That(broker.Connections, Is.EqualTo(1));
        });
    }

    [Test]
    public async Task The_first_connect_goes_on_trying_only_when_asked_to()
    {
        ScriptedBroker broker = new() { Refusal = new IOException("nobody listens") };
        ConnectionException error = await FastChatClient.ConnectAsync(broker.Options).Fails<ConnectionException>();
        Assert.That(error.InnerException, Is.SameAs(broker.Refusal));

        ClientOptions patient = broker.Options with { Reconnect = broker.Options.Reconnect with { RetryFirstConnect = true } };
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(patient);
        await Patience.Until(() => broker.Connections > 3, "it tries again");
        broker.Refusal = null;
        Peer peer = await broker.AcceptAsync();
        await peer.WelcomeAsync();
        await using FastChatClient client = await connecting.Within();
        Assert.That(client.State.Phase, Is.EqualTo(ConnectionPhase.Connected));
    }

    [Test]
    public async Task A_broker_that_never_answers_runs_into_the_connect_timeout()
    {
        ScriptedBroker broker = new();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(broker.Options with { ConnectTimeout = TimeSpan.FromMilliseconds(30) });
        Peer peer = await broker.AcceptAsync();
        ConnectionException error = await connecting.Fails<ConnectionException>();
        Assert.That(error.InnerException, Is.InstanceOf<TimeoutException>());
        await peer.ReadAsync(FrameType.Hello);
        Assert.That(await peer.ReadOrEndAsync().Within(), Is.Null, "the transport is closed");
    }

    [Test]
    public async Task Anything_but_Welcome_is_a_violation_of_the_broker()
    {
        ScriptedBroker broker = new();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(broker.Options);
        Peer peer = await broker.AcceptAsync();
        await peer.ReadAsync(FrameType.Hello);
        await peer.PublishedAsync(1, 1);
        ConnectionException error = await connecting.Fails<ConnectionException>();
        Assert.That(error.Code, Is.EqualTo(CloseCode.OutOfState));
    }

    [Test]
    public async Task Cancelling_Connect_closes_the_transport()
    {
        ScriptedBroker broker = new();
        using CancellationTokenSource cancel = new();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(broker.Options, cancellationToken: cancel.Token);
        Peer peer = await broker.AcceptAsync();
        await peer.ReadAsync(FrameType.Hello);
        await cancel.CancelAsync();
        await connecting.Fails<OperationCanceledException>();
        Assert.That(await peer.ReadOrEndAsync().Within(), Is.Null);
    }

    [Test]
    public async Task Dispose_says_Close_Normal()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await client.DisposeAsync().Within();
        SentFrame close = await peer.ReadAsync(FrameType.Close);
        Assert.Multiple(() =>
        {
            Assert.That(Failure.TryRead(close.Body, out Failure failure) ? failure.Code : 0, Is.EqualTo((ushort)CloseCode.Normal));
            Assert.That(client.State.Phase, Is.EqualTo(ConnectionPhase.Closed));
            Assert.That(client.Completion.IsCompletedSuccessfully, Is.True);
        });
    }

    [Test]
    public async Task Options_that_contradict_one_another_are_refused()
    {
        ClientOptions good = new() { Token = "t" };
        ClientOptions[] bad =
        [
            new ClientOptions(),
            good with { Name = "a", Password = "b" },
            good with { Register = true },
            good with { Window = 0 },
            good with { SendQueueBytesMax = 0 },
            good with { RequestsMax = 0 },
            good with { NameCacheMax = 0 },
            good with { ClientName = new string('x', 65) },
            good with { ConnectTimeout = TimeSpan.Zero },
            good with { Reconnect = new() { FirstDelay = TimeSpan.FromMinutes(1) } },
        ];
        foreach (ClientOptions options in bad)
        {
            await FastChatClient.ConnectAsync(options).Fails<ArgumentException>();
        }
    }

    [TestCase("127.0.0.1:7400", TransportKind.Tcp, "127.0.0.1", 7400)]
    [TestCase("[::1]:7400", TransportKind.Tcp, "::1", 7400)]
    [TestCase("tls://chat.example:443", TransportKind.Tls, "chat.example", 443)]
    [TestCase("unix:/run/fastchat.sock", TransportKind.Unix, "/run/fastchat.sock", 0)]
    [TestCase("ws://127.0.0.1:7480/ws", TransportKind.WebSocket, "127.0.0.1", 7480)]
    [TestCase("wss://chat.example/ws", TransportKind.WebSocket, "chat.example", 443)]
    public void Endpoints_are_parsed(string text, TransportKind kind, string host, int port)
    {
        ClientEndpoint endpoint = ClientEndpoint.Parse(text);
        Assert.Multiple(() =>
        {
            Assert.That((endpoint.Kind, endpoint.Host, endpoint.Port), Is.EqualTo((kind, host, port)));
            Assert.That(endpoint.ToString(), Is.EqualTo(text));
        });
    }

    [TestCase("")]
    [TestCase("host")]
    [TestCase("host:")]
    [TestCase("host:0")]
    [TestCase("host:65536")]
    [TestCase("host:+7400")]
    [TestCase(":7400")]
    [TestCase("::1:7400")]
    [TestCase("unix:")]
    [TestCase("ws://")]
    [TestCase("http://host:80")]
    public void Other_texts_are_no_endpoints(string text) =>
        Assert.That(() => ClientEndpoint.Parse(text), Throws.TypeOf<FormatException>());
}
