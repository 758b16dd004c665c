using FastChat.Broker.Audit;
using FastChat.Broker.Handlers;
using FastChat.Broker.Identity;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>The accounts of programs: made by operators, signed in by token, ended with their sessions.</summary>
[CancelAfter(120_000)]
internal sealed class ServiceRequestsTests
{
    private static readonly ConversationId Group = new(Id128.WithPlacement(0x6001, 2));
    private static readonly Actor Operator = ShardBench.ActorOf(new UserId(1), rights: AccountRights.Operator);

    private RouterBench _bench = null!;
    private PasswordHasher _passwords = null!;
    private Accounts _accounts = null!;
    private ServiceAccounts _services = null!;
    private SessionRegistry _sessions = null!;
    private ServiceRequests _requests = null!;

    [SetUp]
    public async Task MakeAsync()
    {
        _bench = new RouterBench();
        Random random = new(7);
        RandomSource source = new(random.NextBytes);
        _passwords = new PasswordHasher(source);
        _sessions = new SessionRegistry(TimeProvider.System, TimeSpan.FromMinutes(5));
        _accounts = new Accounts(_bench.Router, _bench.Log, _passwords, source, isRegistrationOpen: true);
        _services = new ServiceAccounts(_bench.Router, _bench.Log, _accounts, source);
        _requests = new ServiceRequests(_services, _sessions, _bench.Log, AuditLog.None);
        await _bench.CreateAsync(Group, ConversationKind.Group, ShardBench.Alice);
    }

    [TearDown]
    public void Remove()
    {
        _passwords.Dispose();
        _bench.Dispose();
    }

    [Test]
    public async Task AServiceSignsInByItsTokenUntilItIsEnded()
    {
        ControlMap made = Ok(await CreateAsync("Bridge", ["publish", "read"], Group));
        SignedIn signedIn = (await SignInAsync(made.Text("token", 128)!)).User!;
        Assert.That(
            (signedIn.Name, signedIn.Actor.User.Value, signedIn.Actor.Rights),
            Is.EqualTo(("Bridge", made.Id("user"), AccountRights.Service | AccountRights.ServicePublish | AccountRights.ServiceRead | AccountRights.Confined)));
        Assert.That(_accounts.Judge(signedIn), Is.Null);
        Connection connection = new();
        _sessions.Attach(default, 0, new SessionId(1), signedIn.Actor.User, signedIn.Actor.Device, connection, out _, out _);
        Connection bystander = new();
        _sessions.Attach(default, 0, new SessionId(2), ShardBench.Alice, new DeviceId(1), bystander, out _, out _);

        Ok(await _requests.RevokeAsync(Operator, new ControlMap().SetId("user", made.Id("user"))));
        Assert.That((connection.ClosedWith, bystander.ClosedWith), Is.EqualTo(((CloseCode?)CloseCode.TokenInvalid, (CloseCode?)null)));
        Assert.That((await SignInAsync(made.Text("token", 128)!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));
        Assert.That(_accounts.Judge(signedIn), Is.Not.Null, "who was signing in meanwhile is turned away behind the attaching");
        Assert.That(new ServiceScopes(_bench.Log).Narrow(signedIn.Actor, Group), Is.EqualTo(signedIn.Actor), "and would be let in nowhere");
        Assert.That((await _requests.RevokeAsync(Operator, new ControlMap().SetId("user", made.Id("user")))).Error, Is.EqualTo(ErrorCode.NoSuchUser));
        Assert.That((await CreateAsync("bridge", ["read"])).Error, Is.EqualTo(ErrorCode.NameTaken), "a name is never given to another");
    }

    [Test]
    public async Task TheyAreListedInPages()
    {
        List<UInt128> made = [];
        for (int i = 0; i < 5; i++)
        {
            made.Add(Ok(await (i % 2 == 0 ? CreateAsync($"bot{i}", ["publish"], Group) : CreateAsync($"bot{i}", ["import", "read"]))).Id("user"));
        }

        await _requests.RevokeAsync(Operator, new ControlMap().SetId("user", made[3]));
        made.RemoveAt(3);
        List<ServiceInfo> listed = [];
        bool isComplete = false;
        while (!isComplete)
        {
            ControlMap page = Ok(_requests.List(Operator, new ControlMap().Set("limit", 2L).Set("after", listed.Count == 0 ? null : ControlMap.IdBytes(listed[^1].User.Value))));
            listed.AddRange(page.Maps("services")!.Select(service => ServiceInfo.Parse(service!)));
            isComplete = page.Flag("complete");
        }

        Assert.That(listed.Select(service => service.User.Value), Is.EqualTo(made.Order()));
        ServiceInfo first = listed.Single(service => service.Name == "bot0");
        ServiceInfo second = listed.Single(service => service.Name == "bot1");
        Assert.That((first.Rights, first.Conversations), Is.EqualTo((ServiceRights.Publish, (ulong?)1)));
        Assert.That((second.Rights, second.Conversations), Is.EqualTo((ServiceRights.Import | ServiceRights.Read, (ulong?)null)));
    }

    [Test]
    public async Task AServiceWithoutAPasswordIsNotSignedInByOne()
    {
        await CreateAsync("bot", ["publish"]);
        (SignedIn? user, SignInRefused? refused) = await _accounts.SignInAsync(new Hello { Name = "bot", Password = "correct horse" }, CancellationToken.None);
        Assert.That((user, refused!.Code), Is.EqualTo(((SignedIn?)null, CloseCode.BadCredentials)));
    }

    [Test]
    public async Task WhatIsWrongIsSaid()
    {
        Assert.That((await CreateAsync("_", ["publish"])).Error, Is.EqualTo(ErrorCode.NameInvalid));
        Assert.That((await CreateAsync("bot", [])).Error, Is.EqualTo(ErrorCode.BadRequest));
        Assert.That((await CreateAsync("bot", ["publish", "everything"])).Error, Is.EqualTo(ErrorCode.BadRequest));
        Assert.That((await CreateAsync("bot", ["publish"], new ConversationId(0xDEAD))).Error, Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That((await CreateAsync("bot", ["publish"], default(ConversationId))).Error, Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That((await _requests.RevokeAsync(Operator, new ControlMap().SetId("user", ShardBench.Alice.Value))).Error, Is.EqualTo(ErrorCode.NoSuchUser));
        Assert.That(async () => await _requests.RevokeAsync(Operator, new ControlMap()), Throws.TypeOf<ControlFormatException>());
    }

    [TestCase(AccountRights.None)]
    [TestCase(AccountRights.Import)]
    [TestCase(AccountRights.Service | AccountRights.Import | AccountRights.ServicePublish)]
    public async Task OnlyOperatorsManageThem(object rights)
    {
        Actor actor = ShardBench.ActorOf(ShardBench.Alice, rights: (AccountRights)rights);
        ControlMap create = new ControlMap().Set("name", "bot").Set("rights", new List<object?> { "publish" });
        Assert.That((await _requests.CreateAsync(actor, create)).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_requests.List(actor, new ControlMap()).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That((await _requests.RevokeAsync(actor, new ControlMap().SetId("user", 7))).Error, Is.EqualTo(ErrorCode.Forbidden));
    }

    private static ControlMap Ok(ControlAnswer answer)
    {
        Assert.That((answer.Error, answer.Reason), Is.EqualTo((ErrorCode.None, string.Empty)));
        System.Buffers.ArrayBufferWriter<byte> bytes = new();
        answer.Map!.Write(bytes);
        return ControlMap.TryParse(new System.Buffers.ReadOnlySequence<byte>(bytes.WrittenMemory), out ControlMap? read, out string reason) ? read : throw new AssertionException(reason);
    }

    private Task<ControlAnswer> CreateAsync(string name, string[] rights, params ConversationId[] conversations) => _requests.CreateAsync(Operator, new ControlMap()
        .Set("name", name)
        .Set("rights", rights.ToList<object?>())
        .Set("conversations", conversations.Length == 0 ? null : conversations.Select(id => (object?)ControlMap.IdBytes(id.Value)).ToList()));

    private Task<(SignedIn? User, SignInRefused? Refused)> SignInAsync(string token) => _accounts.SignInAsync(new Hello { Token = token }, CancellationToken.None);

    private sealed class Connection : ISessionConnection
    {
        public CloseCode? ClosedWith { get; private set; }

        public void RequestClose(CloseCode code, string reason) => ClosedWith ??= code;

        public void Send(byte[] frame)
        {
        }
    }
}
