using System.Text;
using System.Text.Json;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>The client library against cuts of the network and crashes of the broker: what was acknowledged is there once, in order, and the readers saw it so.</summary>
public sealed class ResumeTests
{
    private static readonly ReconnectPolicy Quick = new() { DelayMax = TimeSpan.FromMilliseconds(300), RetryFirstConnect = true };

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public async Task Cuts_at_random_bytes_lose_nothing(int seed)
    {
        const int Count = 400;
        await using TestBroker broker = await TestBroker.StartAsync();
        await using StallingProxy proxy = StallingProxy.Start(broker.Process.Tcp);
        await using FastChatClient writer = await ConnectAsync(proxy, "writer");
        await using FastChatClient reader = await ConnectAsync(proxy, "reader");
        ConversationId room = (await writer.ResolveConversationAsync("room", create: true)).Conversation;

        proxy.CutAtRandom(seed, bytesMax: 6_000);
        proxy.CutAll();
        Task<List<ChatMessage>> reading = ReadAsync(reader, room, Count);
        List<PublishReceipt> receipts = await PublishAsync(writer, room, Count, () => Task.CompletedTask);
        List<ChatMessage> read = await reading.WaitAsync(TimeSpan.FromSeconds(60));
        proxy.StopCutting();
        TestContext.Out.WriteLine($"seed {seed}: {proxy.AcceptedCount} connections");

        Assert.That(proxy.AcceptedCount, Is.GreaterThan(10), "too few cuts to prove anything");
        Check(receipts, read, Count);
        JsonElement verified = await broker.StopAndVerifyAsync();
        Assert.That(verified.GetProperty("problems").GetInt64(), Is.Zero);
        Assert.That(verified.GetProperty("messages").GetInt64(), Is.EqualTo(Count));
    }

    [Test]
    public async Task Three_crashes_while_publishing_lose_nothing()
    {
        const int Count = 3000;
        await using TestBroker broker = await TestBroker.StartAsync();
        await using StallingProxy proxy = StallingProxy.Start(broker.Process.Tcp);
        await using FastChatClient writer = await ConnectAsync(proxy, "writer");
        await using FastChatClient reader = await ConnectAsync(proxy, "reader");
        ConversationId room = (await writer.ResolveConversationAsync("room", create: true)).Conversation;

        Task<List<ChatMessage>> reading = ReadAsync(reader, room, Count);
        List<PublishReceipt> receipts = await PublishAsync(writer, room, Count, async () =>
        {
            for (int crash = 0; crash < 3; crash++)
            {
                await Task.Delay(150);
                await broker.Process.RestartAsync();
            }
        });
        List<ChatMessage> read = await reading.WaitAsync(TimeSpan.FromSeconds(60));

        Check(receipts, read, Count);
        JsonElement verified = await broker.StopAndVerifyAsync();
        Assert.That(verified.GetProperty("problems").GetInt64(), Is.Zero);
        Assert.That(verified.GetProperty("messages").GetInt64(), Is.EqualTo(Count));
    }

    private static Task<FastChatClient> ConnectAsync(StallingProxy proxy, string name) => FastChatClient.ConnectAsync(new ClientOptions
    {
        Endpoint = ClientEndpoint.Parse(proxy.EndPoint.ToString()),
        Name = name,
        Password = TestBroker.Password,
        Register = true,
        Reconnect = Quick,
    });

    /// <summary>Publishes number after number, some at once, while something else happens, and goes slowly enough for it to happen in between.</summary>
    private static async Task<List<PublishReceipt>> PublishAsync(FastChatClient writer, ConversationId room, int count, Func<Task> meanwhile)
    {
        Task other = Task.Run(meanwhile);
        List<Task<PublishReceipt>> publishing = [];
        for (int i = 1; i <= count; i++)
        {
            publishing.Add(writer.PublishTextAsync(room, TextOf(i)).AsTask());
            if (i % 20 == 0)
            {
                await Task.Delay(5);
            }

            // The last ones wait for the last crash, so that every crash finds some under way.
            if (i == count - 20)
            {
                await other;
            }
        }

        await other;
        return [.. await Task.WhenAll(publishing).WaitAsync(TimeSpan.FromSeconds(60))];
    }

    private static async Task<List<ChatMessage>> ReadAsync(FastChatClient reader, ConversationId room, int count)
    {
        List<ChatMessage> messages = [];
        await foreach (ChatMessage message in reader.ReadAsync(room))
        {
            messages.Add(message);
            if (messages.Count == count)
            {
                break;
            }
        }

        return messages;
    }

    private static void Check(List<PublishReceipt> receipts, List<ChatMessage> read, int count)
    {
        IEnumerable<ulong> all = Enumerable.Range(1, count).Select(i => (ulong)i).ToArray();
        Assert.That(receipts.Select(receipt => receipt.Sequence), Is.EqualTo(all), "acknowledged at the place of its order");
        Assert.That(read.Select(message => message.Sequence), Is.EqualTo(all), "read without gap or duplicate");
        Assert.That(read.Select(message => Encoding.UTF8.GetString(message.Body.Span)), Is.EqualTo(Enumerable.Range(1, count).Select(TextOf)));
    }

    private static string TextOf(int number) => $"message {number}";
}
