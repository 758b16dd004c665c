using System.Text.Json;

namespace FastChat.Functional.Tests;

/// <summary>The audit log of the real process: what happened stands there, survives kill -9, and shows when it was touched.</summary>
public sealed class AuditTests
{
    [Test]
    public async Task What_happens_to_accounts_and_rights_is_written_down_and_survives_a_kill()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using SignedInPeer ada = await broker.RegisterAsync("ada");
        await using SignedInPeer bob = await broker.RegisterAsync("bob");
        await using (SignedInPeer again = await broker.SignInAsync(ada.Welcome.Token!))
        {
        }

        // A wrong password, a stranger in a group's settings, a publish where one may only read, a broken frame, an operator's act and one who is none.
        await using (ScriptedPeer wrong = await broker.ConnectAsync())
        {
            await wrong.SendAsync(FrameType.Hello, 0, new Hello { Name = "ada", Password = "not it, not at all" }.ToMap());
            Assert.That((await wrong.ReceiveAsync()).ToFailure().Code, Is.EqualTo((ushort)CloseCode.BadCredentials));
        }

        ConversationId group = (await ada.CreateGroupAsync(null, bob.Welcome.User)).Conversation;
        await bob.AskAsync(FrameType.ChangeConversation, new ControlMap().SetId("conversation", group.Value).Set("title", "mine now"));
        ConversationId channel = ConversationInfo.Parse((await ada.AskAsync(FrameType.CreateConversation, new ControlMap().Set("kind", "channel").Set("name", "news"))).ToMap()).Conversation;
        Assert.That((await bob.TryPublishAsync(channel, "mine, too"u8.ToArray())).ToFailure().Code, Is.EqualTo((ushort)ErrorCode.Forbidden));
        await using SignedInPeer operatorPeer = await broker.SignInAsync(broker.ReadOperatorToken());
        ReceivedFrame service = await operatorPeer.AskAsync(FrameType.CreateService, new ControlMap().Set("name", "bot").Set("rights", new List<object?> { "read" }));
        Assert.That(service.Type, Is.EqualTo(FrameType.Reply));
        Assert.That((await bob.AskAsync(FrameType.ListServices, new ControlMap())).ToFailure().Code, Is.EqualTo((ushort)ErrorCode.Forbidden));
        await using (ScriptedPeer broken = await broker.ConnectAsync())
        {
            await broken.SendAsync(new byte[8]);
            await broken.ReceiveUntilAsync(frame => frame.Type == FrameType.Close);
        }

        // An operator's act is answered when its line is on stable storage; what came before it is, too.
        await operatorPeer.AskAsync(FrameType.RevokeService, new ControlMap().SetId("user", service.ToMap().Id("user")));
        await broker.Process.KillAsync();

        CliResult printed = await CliProcess.RunAsync(broker.Directory.Path, "admin", "audit", "--data", broker.Process.DataDirectory);
        Assert.That(printed.ExitCode, Is.Zero, printed.ToString());
        string[] acts = [.. printed.Lines.SkipLast(1).Select(line => line.GetProperty("act").GetString()!)];
        Assert.That(acts[..2], Is.EqualTo(new[] { "started", "settings_loaded" }));
        Assert.That(printed.Lines[1].GetProperty("detail").GetString(), Does.Contain("listen=\"127.0.0.1:0\"").And.Not.Contain("heartbeat"));
        Assert.That(acts, Is.SupersetOf(new[] { "registered", "signed_in", "sign_in_refused", "access_denied", "service_created", "service_revoked", "protocol_violated" }));
        JsonElement[] denied = [.. printed.Lines.SkipLast(1).Where(line => line.GetProperty("act").GetString() == "access_denied")];
        Assert.That(denied.Select(line => line.GetProperty("detail").GetString()), Is.SupersetOf(new[] { "ChangeConversation", "ListServices", "Publish" }));
        Assert.That(denied.Select(line => line.GetProperty("user").GetString()), Is.All.EqualTo(bob.Welcome.User.ToString()));
        Assert.That(printed.Lines.SkipLast(1).Single(line => line.GetProperty("act").GetString() == "service_created").GetProperty("target").GetString(), Has.Length.EqualTo(32));
        Assert.That(printed.Output, Does.Not.Contain("not it").And.Not.Contain("mine now").And.Not.Contain(ada.Welcome.Token!));
    }

    [Test]
    public async Task Who_changes_a_line_is_found()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using (SignedInPeer ada = await broker.RegisterAsync("ada"))
        {
        }

        Assert.That(await broker.Process.TerminateAsync(), Is.Zero);
        Assert.That(broker.Process.StandardError, Does.Match("The audit log ends with line [0-9]+, [0-9a-f]{64}"), "the anchor that is kept elsewhere");
        string file = Directory.GetFiles(Path.Combine(broker.Process.DataDirectory, "audit")).Single();
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file)).Replace("\"registered\"", "\"signed_in\"", StringComparison.Ordinal));

        CliResult printed = await CliProcess.RunAsync(broker.Directory.Path, "admin", "audit", "--data", broker.Process.DataDirectory);
        Assert.That(printed.ExitCode, Is.EqualTo(1));
        Assert.That(printed.Last.GetProperty("problems").GetInt32(), Is.EqualTo(1));
    }
}
