using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>A store in which people did everything that can be done to messages is proved by <c>verify</c>: as a killed broker left it, in a backup, and when what was deleted is in no file any more.</summary>
public sealed class ProvedStoreTests
{
    [Test]
    public async Task A_store_with_everything_is_sound_after_a_kill_in_a_backup_and_when_it_has_erased()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        ConversationId other = (await ada.DirectAsync(bob.User)).Conversation;
        await DoEverythingAsync(ada, bob, room, other);
        await broker.Process.KillAsync();
        Assert.That(HasText(broker, "a bigger secret"), Is.True, "it is noted to go, and is there");
        Assert.That(await VerifyAsync(broker, broker.Process.DataDirectory), Is.Zero, "killed");

        await broker.Process.RestartAsync();
        await DoEverythingAsync(bob, ada, other, room);
        await RunAsync(broker, "backup", broker.Directory.PathOf("backups"), "--data", broker.Process.DataDirectory);
        await RunAsync(broker, "restore", broker.Directory.PathOf("backups"), "--data", broker.Directory.PathOf("restored"));
        Assert.That(await VerifyAsync(broker, broker.Directory.PathOf("restored")), Is.Zero, "restored");

        // The pass comes ten seconds after the first deletion.
        await Task.Delay(TimeSpan.FromSeconds(14));
        Assert.That(await broker.Process.TerminateAsync(), Is.Zero, broker.Process.StandardError);
        Assert.That(HasText(broker, "a bigger secret"), Is.False, "a pass was made");
        Assert.That(await VerifyAsync(broker, broker.Process.DataDirectory), Is.Zero, "erased");
    }

    private static async Task DoEverythingAsync(FastChatClient one, FastChatClient two, ConversationId room, ConversationId elsewhere)
    {
        ulong question = (await one.PublishTextAsync(room, "question")).Sequence;
        await two.PublishTextAsync(room, "answer", With(new MessageAttributes { ReplyTo = question, Mentions = [one.User] }));
        ulong inThread = (await two.PublishTextAsync(room, "in the thread", With(new MessageAttributes { Thread = question, ReplyTo = question }))).Sequence;
        await one.PublishTextAsync(room, "as well", With(new MessageAttributes { Thread = question }));
        await one.EditAsync(room, question, "another question", With(new MessageAttributes { Mentions = [two.User] }));
        await one.ReactAsync(room, question, "👍");
        await two.ReactAsync(room, question, "👍");
        await two.ReactAsync(room, question, "👍", isAdded: false);
        await one.PinAsync(room, question);
        await one.PublishTextAsync(room, "soon over", With(new MessageAttributes { ExpiresMicros = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeMilliseconds() * 1000 }));
        ulong secret = (await two.PublishTextAsync(room, "secret", With(new MessageAttributes { Mentions = [one.User], ReplyTo = question }))).Sequence;
        await two.EditAsync(room, secret, "a bigger secret");
        await one.ReactAsync(room, secret, "🎉");
        await two.DeleteAsync(room, secret);
        await two.DeleteAsync(room, inThread);
        await one.ForwardAsync(room, question, elsewhere);
        await one.MoveCursorAsync(room, read: secret);
        await two.MoveCursorAsync(room, read: question, isPrivate: true);
        await two.MoveCursorAsync(room, read: question, thread: question);
    }

    private static PublishOptions With(MessageAttributes attributes) => new() { Attributes = attributes };

    private static bool HasText(TestBroker broker, string text) => Directory.EnumerateFiles(broker.Process.DataDirectory, "*", SearchOption.AllDirectories)
        .Any(file => File.ReadAllBytes(file).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(text)) >= 0);

    private static async Task<long> VerifyAsync(TestBroker broker, string directory)
    {
        CliResult verified = await CliProcess.RunAsync(broker.Directory.Path, "verify", "--data", directory);
        Assert.That(verified.ExitCode, Is.Zero, verified.ToString());
        return verified.Last.GetProperty("problems").GetInt64();
    }

    private static async Task RunAsync(TestBroker broker, params string[] arguments)
    {
        CliResult done = await CliProcess.RunAsync(broker.Directory.Path, arguments);
        Assert.That(done.ExitCode, Is.Zero, done.ToString());
    }
}
