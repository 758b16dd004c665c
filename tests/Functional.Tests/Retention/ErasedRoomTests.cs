using System.Text;
using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>A conversation that is erased, through the real broker, client and command line.</summary>
public sealed class ErasedRoomTests
{
    private const string Secret = "the treasure lies under the third oak";

    private static readonly JsonObject s_quick = new() { ["retention_scan_seconds"] = 0.1 };

    [Test]
    public async Task An_erased_conversation_is_gone_for_everybody_over_a_kill_and_from_the_files([Values] bool isEncrypted)
    {
        JsonObject settings = (JsonObject)s_quick.DeepClone();
        await using TemporaryKey key = new(isEncrypted);
        if (isEncrypted)
        {
            settings["encryption_key_file"] = key.Path;
        }

        await using TestBroker broker = await TestBroker.StartAsync(settings);
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, "pirates", new ConversationChanges { Topic = Secret }, [bob.User], default)).Conversation;
        ConversationId other = (await ada.CreateConversationAsync(ConversationKind.Public, "other")).Conversation;
        await ada.PublishTextAsync(other, "harmless");
        ulong first = (await ada.PublishTextAsync(room, Secret, new PublishOptions { Attributes = new MessageAttributes { Mentions = [bob.User] } })).Sequence;
        await bob.ReactAsync(room, first, "👍");
        await ada.PinAsync(room, first);
        await bob.PublishTextAsync(room, "aye", new PublishOptions { Attributes = new MessageAttributes { Thread = first } });
        await bob.MoveCursorAsync(room, read: first);
        await bob.ScheduleTextAsync(room, Secret, DateTimeOffset.UtcNow.AddHours(1));
        await ada.CreateJoinLinkAsync(room);
        ulong last = (await ada.GetConversationAsync(room)).Head;

        TaskCompletionSource told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bob.NoticeReceived += notice =>
        {
            if (notice.Event == "erased" && notice.Conversation == room)
            {
                told.TrySetResult();
            }
        };
        List<ulong> seen = [];
        Task reading = Task.Run(async () =>
        {
            await foreach (ChatMessage message in bob.ReadAsync(room, LogPosition.Start))
            {
                seen.Add(message.Sequence);
            }
        });
        Assert.That(() => seen, Has.Count.EqualTo((int)last).After(20_000, 20));

        RequestException refused = (await Assert.ThrowsAsync<RequestException>(() => bob.EraseConversationAsync(room)))!;
        Assert.That(refused.Code, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That((await ada.GetConversationErasureAsync(room)).State, Is.EqualTo("none"));
        ErasureStatus status = await ada.EraseConversationAsync(room);
        Assert.That((status.State, status.ReachesBackups), Is.EqualTo(("running", isEncrypted)).Or.EqualTo(("done", isEncrypted)));
        await told.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await reading.WaitAsync(TimeSpan.FromSeconds(20));
        await broker.Process.KillAsync();
        await broker.Process.RestartAsync();

        foreach (FastChatClient one in (FastChatClient[])[ada, bob])
        {
            refused = (await Assert.ThrowsAsync<RequestException>(async () => await one.PublishTextAsync(room, "still there?")))!;
            Assert.That(refused.Code, Is.EqualTo(ErrorCode.NoSuchConversation));
            refused = (await Assert.ThrowsAsync<RequestException>(() => one.GetConversationAsync(room)))!;
            Assert.That(refused.Code, Is.EqualTo(ErrorCode.NoSuchConversation));
        }

        Assert.That(async () => (await ada.GetConversationErasureAsync(room)).State, Is.EqualTo("done").After(60_000, 200));
        Assert.That((await ada.GetConversationErasureAsync(room)).Erased, Is.EqualTo(last));
        refused = (await Assert.ThrowsAsync<RequestException>(() => bob.GetConversationErasureAsync(room)))!;
        Assert.That(refused.Code, Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(async () => (await bob.ListConversationsAsync()).Conversations, Is.Empty.After(10_000, 100));
        Assert.That((await bob.ListScheduledAsync()).Messages, Is.Empty);
        Assert.That((await ada.CreateConversationAsync(ConversationKind.Group, "pirates")).Created, Is.True, "the name is free");
        Assert.That((await ada.GetConversationAsync(other)).Head, Is.EqualTo(1));
        await broker.Process.TerminateAsync();
        byte[] secret = Encoding.UTF8.GetBytes(Secret);
        Assert.That(Directory.EnumerateFiles(broker.Process.DataDirectory, "*", SearchOption.AllDirectories).Where(file => File.ReadAllBytes(file).AsSpan().IndexOf(secret) >= 0), Is.Empty);
        CliResult verified = await CliProcess.RunAsync(broker.Directory.Path, isEncrypted
            ? ["verify", "--data", broker.Process.DataDirectory, "--key-file", key.Path]
            : ["verify", "--data", broker.Process.DataDirectory]);
        Assert.That((verified.ExitCode, verified.Last.GetProperty("problems").GetInt64()), Is.EqualTo((0, 0L)), verified.ToString());
        string audit = string.Concat(Directory.EnumerateFiles(Path.Combine(broker.Process.DataDirectory, "audit")).Select(File.ReadAllText));
        Assert.That(audit, Does.Contain("\"conversation_erased\"").And.Contain(room.ToString()));
    }

    [Test]
    public async Task Direct_conversations_stay_and_operators_erase_any_other()
    {
        await using TestBroker broker = await TestBroker.StartAsync((JsonObject)s_quick.DeepClone());
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId direct = (await ada.DirectAsync(bob.User)).Conversation;
        RequestException refused = (await Assert.ThrowsAsync<RequestException>(() => ada.EraseConversationAsync(direct)))!;
        Assert.That(refused.Code, Is.EqualTo(ErrorCode.Forbidden));
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Public, "room")).Conversation;
        string[] where = ["--server", broker.Process.Tcp.ToString(), "--data", broker.Process.DataDirectory];
        CliResult asked = await CliProcess.RunAsync(broker.Directory.Path, ["admin", "erase-conversation", "#room", .. where]);
        Assert.That((asked.ExitCode, asked.Last.GetProperty("state").GetString()), Is.EqualTo((0, "none")), asked.ToString());
        CliResult done = await CliProcess.RunAsync(broker.Directory.Path, ["admin", "erase-conversation", "#room", "--yes", "--wait", .. where]);
        Assert.That((done.ExitCode, done.Last.GetProperty("state").GetString()), Is.EqualTo((0, "done")), done.ToString());
        refused = (await Assert.ThrowsAsync<RequestException>(() => ada.GetConversationAsync(room)))!;
        Assert.That(refused.Code, Is.EqualTo(ErrorCode.NoSuchConversation));
        CliResult both = await CliProcess.RunAsync(broker.Directory.Path, ["admin", "erase-conversation", direct.ToString(), "--yes", .. where]);
        Assert.That(both.ExitCode, Is.Not.Zero);
    }

    /// <summary>A key file, when there is to be one.</summary>
    private sealed class TemporaryKey : IAsyncDisposable
    {
        private readonly TemporaryDirectory _directory = new("key");

        public TemporaryKey(bool isMade)
        {
            Path = _directory.PathOf("master.key");
            if (isMade)
            {
                File.WriteAllText(Path, System.Security.Cryptography.RandomNumberGenerator.GetHexString(64));
                if (!OperatingSystem.IsWindows())
                {
                    File.SetUnixFileMode(Path, UnixFileMode.UserRead);
                }
            }
        }

        public string Path { get; }

        public ValueTask DisposeAsync()
        {
            _directory.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
