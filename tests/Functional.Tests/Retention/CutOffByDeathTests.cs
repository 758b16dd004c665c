using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>The broker dies at each step of a pass that takes out what was cut off, and between the steps of a conversation's erasure; the next one goes on where it stopped.</summary>
public sealed class CutOffByDeathTests
{
    private const int Messages = 700;

    [TestCase("turn-durable:4")]
    [TestCase("erase-cut:1")]
    [TestCase("erase-purged:1")]
    [TestCase("conversation-cleared:1")]
    public async Task What_was_begun_is_done_by_the_next_start(string place)
    {
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["retention_scan_seconds"] = 0.2 });
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, "room", members: [bob.User])).Conversation;
        ConversationId old = (await ada.CreateConversationAsync(ConversationKind.Group, "old", members: [bob.User])).Conversation;
        await Task.WhenAll(Enumerable.Range(0, Messages).Select(i => ada.PublishTextAsync(
            room, $"message {i} of the room", new PublishOptions { Attributes = i % 10 == 0 ? new MessageAttributes { Mentions = [bob.User] } : null }).AsTask()));

        ulong reacted = (await ada.PublishTextAsync(old, "old")).Sequence;
        await bob.ReactAsync(old, reacted, "👍");
        await broker.Process.RestartAsync(options => options with { Environment = With(options.Environment, place), MayEndEarly = true });
        await ada.ChangeConversationAsync(room, new ConversationChanges { RetentionBytes = 10_000 });
        try
        {
            await ada.EraseConversationAsync(old);
        }
        catch (Exception died) when (died is ConnectionException or RequestException)
        {
            // It may have died before the answer; asked again it does what is left to do.
        }

        await broker.Process.WaitForExitAsync(TimeSpan.FromSeconds(60));
        await broker.Process.RestartAsync(options => options with { Environment = With(options.Environment, string.Empty), MayEndEarly = false });
        await EraseAgainAsync(ada, old);
        Assert.That(async () => (await ada.GetConversationErasureAsync(old)).State, Is.EqualTo("done").After(60_000, 200));
        Assert.That(async () => (await ada.GetConversationAsync(room)).First, Is.GreaterThan(500).After(60_000, 200));
        ConversationInfo info = await ada.GetConversationAsync(room);
        Assert.That((info.Head, info.RetentionBytes), Is.EqualTo(((ulong)Messages + 1, 10_000L)));
        Assert.That((await ada.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages[0].Sequence, Is.EqualTo(info.First));
        Assert.That((await ada.PublishTextAsync(room, "on we go")).Sequence, Is.EqualTo((ulong)Messages + 2));
        Assert.That(await broker.Process.TerminateAsync(), Is.Zero, broker.Process.StandardError);
        CliResult verified = await CliProcess.RunAsync(broker.Directory.Path, "verify", "--data", broker.Process.DataDirectory);
        Assert.That((verified.ExitCode, verified.Last.GetProperty("problems").GetInt64()), Is.EqualTo((0, 0L)), verified.ToString());
    }

    private static async Task EraseAgainAsync(FastChatClient client, ConversationId conversation)
    {
        if ((await client.GetConversationErasureAsync(conversation)).State == "none")
        {
            await client.EraseConversationAsync(conversation);
        }
    }

    private static Dictionary<string, string> With(IReadOnlyDictionary<string, string> environment, string place) => new(environment) { ["FASTCHAT_FAILPOINT"] = place };
}
