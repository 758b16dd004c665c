using System.Diagnostics;
using System.Text;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>A person who is erased is gone: at the door at once, and from every answer and every file when it is done; what belonged to others stays, and the store is sound.</summary>
public sealed class ErasedPersonTests
{
    private const string Secret = "the-words-of-somebody-who-left";

    [Test]
    public async Task Nothing_of_an_erased_person_is_left_and_others_keep_theirs([Values] bool bySelf, [Values] bool isKilled)
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using SignedInPeer eve = await broker.RegisterAsync("evelina");
        UserId gone = eve.Welcome.User;
        await using FastChatClient device = await broker.DeviceAsync("evelina");
        ConversationId group = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [gone])).Conversation;
        ConversationId direct = (await device.DirectAsync(ada.User)).Conversation;
        ConversationId room = (await device.ResolveConversationAsync("lobby", create: true)).Conversation;
        ulong hers = (await device.PublishTextAsync(group, $"{Secret} 1")).Sequence;
        await device.EditAsync(group, hers, $"{Secret} 2");
        ulong his = (await ada.PublishTextAsync(group, "what ada said", new PublishOptions { Attributes = new MessageAttributes { ReplyTo = hers } })).Sequence;
        await device.ReactAsync(group, his, "👍");
        await ada.ReactAsync(group, his, "🎉");
        await ada.ReactAsync(group, his, "👍");
        await ada.ReactAsync(group, hers, "👍");
        await ada.PinAsync(group, hers);
        for (int i = 0; i < 100; i++)
        {
            await device.PublishTextAsync(i % 2 == 0 ? direct : room, $"{Secret} {i}", new PublishOptions { Attributes = new MessageAttributes { Mentions = [ada.User] } });
        }

        await device.MoveCursorAsync(group, read: his);
        await device.SetProfileAsync(new ProfileChange { DisplayName = $"{Secret} name" });
        await device.BlockAsync(ada.User);
        await device.HideAsync(group, [his], isHidden: true);
        await device.ScheduleTextAsync(room, $"{Secret} later", DateTimeOffset.UtcNow.AddDays(1));

        await using SignedInPeer admin = await broker.SignInAsync(broker.ReadOperatorToken());
        Stopwatch since = Stopwatch.StartNew();
        ControlMap ask = bySelf ? new ControlMap().Set("begin", true).Set("password", TestBroker.Password) : new ControlMap().SetId("user", gone.Value).Set("begin", true);
        if (bySelf)
        {
            await BadInput.ExpectErrorAsync(eve, await eve.AskAsync(FrameType.ErasePerson, new ControlMap().Set("begin", true)), ErrorCode.BadRequest);
            await BadInput.ExpectErrorAsync(eve, await eve.AskAsync(FrameType.ErasePerson, new ControlMap().Set("begin", true).Set("password", "not hers at all")), ErrorCode.WrongCredentials);
        }

        if (bySelf)
        {
            // The answer may come or not; the close does.
            await eve.Peer.SendAsync(FrameType.ErasePerson, 9999, ask);
        }
        else
        {
            Assert.That((await admin.AskAsync(FrameType.ErasePerson, ask)).ToMap().Text("state", 64), Is.EqualTo("running"));
        }

        ReceivedFrame closed = await eve.Peer.ReceiveUntilAsync(frame => frame.Type == FrameType.Close);
        Assert.That(closed.ToFailure().Code, Is.EqualTo((ushort)CloseCode.TokenInvalid));
        Assert.That(since.Elapsed, Is.LessThan(TimeSpan.FromSeconds(3)));
        if (isKilled)
        {
            await broker.Process.KillAsync();
            await broker.Process.RestartAsync();
        }

        await using SignedInPeer operators = await broker.SignInAsync(broker.ReadOperatorToken());
        await RefusedAsync(broker, new Hello { Name = "evelina", Password = TestBroker.Password }, CloseCode.BadCredentials);
        await RefusedAsync(broker, new Hello { Token = eve.Welcome.Token }, CloseCode.TokenInvalid);
        await RefusedAsync(broker, new Hello { Name = "Evelina", Password = TestBroker.Password, Register = true }, CloseCode.NameTaken);
        ControlMap done = await DoneAsync(operators, gone);
        Assert.That((done.Number("erased", 0), done.Flag("backups")), Is.EqualTo((102, false)));

        await using FastChatClient other = await broker.DeviceAsync("ada");
        foreach (ConversationId conversation in new[] { group, direct, room })
        {
            IReadOnlyList<ChatMessage> all = (await other.FetchAsync(conversation, LogPosition.Start, FetchDirection.Forward)).Messages;
            Assert.That(all.Select(message => Encoding.UTF8.GetString(message.Body.Span)), Has.None.Contains(Secret));
            Assert.That(all.Where(message => message.Kind == MessageKind.Erased), Is.Not.Empty, "readers are told");
        }

        Assert.That((await other.ResolveUsersAsync(new[] { gone }, default))[0]!.Name, Is.EqualTo(Names.OfErased));
        IReadOnlyList<MemberInfo> members = (await other.ListMembersAsync(group)).Members;
        Assert.That(members.Select(member => member.User), Is.EqualTo(new[] { ada.User }));
        Assert.That(FilesWith(broker, Secret), Is.Empty);
        Assert.That(FilesWith(broker, "evelina"), Is.Empty, "the name");
        await broker.StopAndVerifyAsync();
    }

    private static async Task<ControlMap> DoneAsync(SignedInPeer operators, UserId gone)
    {
        ControlMap reply = new();
        for (int i = 0; i < 300 && reply.Text("state", 64) != "done"; i++)
        {
            await Task.Delay(100);
            reply = (await operators.AskAsync(FrameType.ErasePerson, new ControlMap().SetId("user", gone.Value))).ToMap();
        }

        Assert.That(reply.Text("state", 64), Is.EqualTo("done"));
        return reply;
    }

    private static async Task RefusedAsync(TestBroker broker, Hello hello, CloseCode expected)
    {
        await using ScriptedPeer peer = await broker.ConnectAsync();
        await peer.SendAsync(FrameType.Hello, 0, hello.ToMap());
        ReceivedFrame answer = await peer.ReceiveAsync();
        Assert.That(answer.Type, Is.EqualTo(FrameType.Close));
        Assert.That(answer.ToFailure().Code, Is.EqualTo((ushort)expected));
    }

    private static string[] FilesWith(TestBroker broker, string text) => Directory.EnumerateFiles(broker.Process.DataDirectory, "*", SearchOption.AllDirectories)
        .Where(file => Path.GetFileName(file) != "lock" && File.ReadAllBytes(file).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0)
        .ToArray();
}
