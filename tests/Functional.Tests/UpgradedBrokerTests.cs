using System.Text;
using System.Text.Json;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>The broker on a store of each released format that was left by a killed one (tests/Storage.Tests/Formats): people sign in as ever, read what they read then, and go on.</summary>
public sealed class UpgradedBrokerTests
{
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public async Task A_killed_brokers_store_is_served_as_it_was(int format)
    {
        using TemporaryDirectory directory = new("upgrade");
        string fixture = RepositoryRoot.PathOf("tests", "Storage.Tests", "Formats", $"format-{format}-killed");
        using (FileStream file = File.OpenRead(fixture + ".tar.gz"))
        using (System.IO.Compression.GZipStream unpacked = new(file, System.IO.Compression.CompressionMode.Decompress))
        {
            await System.Formats.Tar.TarFile.ExtractToDirectoryAsync(unpacked, directory.Path, overwriteFiles: true);
        }

        JsonElement[] expected = [.. File.ReadLines(fixture + ".jsonl").Select(line => JsonDocument.Parse(line).RootElement)];
        await using (BrokerProcess broker = await BrokerProcess.StartAsync(
            new BrokerProcessOptions { DataDirectory = directory.Path, Environment = new Dictionary<string, string> { ["XDG_RUNTIME_DIR"] = directory.Path } }))
        {
            await using FastChatClient ada = await FastChatClient.ConnectAsync(
                new ClientOptions { Endpoint = ClientEndpoint.Parse(broker.Tcp.ToString()), Name = "ada", Password = TestBroker.Password });
            Assert.That((await ada.ListConversationsAsync()).Conversations.Select(conversation => conversation.Name), Is.SupersetOf(new[] { "lobby", "plans", "quiet" }));
            foreach (string name in new[] { "lobby", "plans", "quiet" })
            {
                ConversationInfo room = await ada.ResolveConversationAsync(name);
                JsonElement[] then = [.. expected.Where(line => line.GetProperty("conversation").GetString() == room.Conversation.ToString())];
                HistoryPage page = await ada.FetchAsync(room.Conversation, LogPosition.Start, FetchDirection.Forward);
                Assert.That(page.Messages.Select(message => message.Sequence), Is.EqualTo(then.Select(line => line.GetProperty("sequence").GetUInt64())));
                Assert.That(
                    page.Messages.Where(message => message.Kind == MessageKind.Text).Select(message => Encoding.UTF8.GetString(message.Body.Span)),
                    Is.EqualTo(then.Where(line => line.GetProperty("kind").GetString() == "text").Select(line => line.GetProperty("text").GetString())));
                Assert.That((await ada.PublishTextAsync(room.Conversation, "and on")).Position, Is.EqualTo(new LogPosition(1, (ulong)then.Length + 1)));
            }

            if (format >= 3)
            {
                await CheckChatAsync(ada);
            }

            Assert.That(await broker.TerminateAsync(), Is.Zero, broker.StandardError);
        }

        CliResult verified = await CliProcess.RunAsync(directory.Path, "verify", "--data", directory.Path);
        string attachments = format >= 3 ? "\"attachments\":1,\"attachment_chunks\":2" : "\"attachments\":0,\"attachment_chunks\":0";
        Assert.That(verified.Last.ToString(), Is.EqualTo($"{{\"conversations\":{(format >= 3 ? 5 : 3)},\"messages\":{expected.Length + 3},{attachments},\"problems\":0}}"), verified.ToString());
    }

    /// <summary>What the records of #chat make of its messages (Formats/Fill.cs): both rounds say the same of their question, 1 and 24.</summary>
    private static async Task CheckChatAsync(FastChatClient ada)
    {
        ConversationId chat = (await ada.ResolveConversationAsync("chat")).Conversation;
        IReadOnlyList<MessageState> states = (await ada.GetMessageStatesAsync(chat)).States;
        foreach ((ulong question, int round) in new[] { (1ul, 1), (24ul, 2) })
        {
            MessageState one = states.Single(state => state.Sequence == question);
            Assert.That((one.Text, one.Edits, one.Replies, one.InThread, one.PinnedBy), Is.EqualTo(($"another question {round}", 1, 1u, 1u, question + 9)));
            Assert.That(one.Reactions, Is.EqualTo(new[] { new MessageReaction("👍", 1, false), new MessageReaction("🎉", 1, false) }));
            Assert.That((await ada.GetThreadAsync(chat, question)).Messages.Select(message => message.Text), Is.EqualTo(new[] { "as well" }));
            ulong[] gone = [question + 2, question + 11, question + 14];
            Assert.That(states.Where(state => gone.Contains(state.Sequence)).Select(state => state.DeletedBy), Is.EqualTo(new[] { question + 17, question + 16, question + 15 }));
        }

        Assert.That((await ada.GetMessageStatesAsync(chat)).Hidden, Is.EqualTo(new ulong[] { 2, 25 }));
        ConversationId direct = (await ada.GetInboxAsync()).Entries.Single(entry => entry.Conversation.Kind == ConversationKind.Direct).Conversation.Conversation;
        ChatMessage look = (await ada.FetchAsync(direct, LogPosition.Start, FetchDirection.Forward)).Messages.First(message => message.Attributes?.Attachments.Count > 0);
        using MemoryStream picture = new();
        await ada.DownloadAsync(direct, look.Sequence, look.Attributes!.Attachments[0], picture);
        Assert.That(picture.Length, Is.EqualTo(100_000));
        Assert.That((await ada.GetPinsAsync(chat)).Messages.Select(message => message.Sequence), Is.EqualTo(new ulong[] { 1, 24 }));
        Assert.That((await ada.ListCursorsAsync(chat)).Cursors.Select(cursor => cursor.Read).Order(), Is.EqualTo(new ulong[] { 0, 35 }), "bob does not say that he has read");
    }
}
