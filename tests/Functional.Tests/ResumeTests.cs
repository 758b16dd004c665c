using System.Text;
using System.Text.Json;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>The client library against cuts of the network and crashes of the broker: what was acknowledged is there once, in order, and the readers saw it so.</summary>
public sealed class ResumeTests
{
    private static readonly ReconnectPolicy Quick = new() { DelayMax = TimeSpan.FromMilliseconds(300), RetryFirstConnect = true };

    private int _readCount;

    [TestCase(1)]
    [TestCase(2)]
    public async Task Cuts_at_random_bytes_lose_nothing(int seed)
    {
        const int Count = 600;
        await using TestBroker broker = await TestBroker.StartAsync();
        await using StallingProxy proxy = StallingProxy.Start(broker.Process.Tcp);
        await using FastChatClient writer = await ConnectAsync(proxy, "writer");
        await using FastChatClient reader = await ConnectAsync(proxy, "reader");
        ConversationId room = (await writer.ResolveConversationAsync("room", create: true)).Conversation;

        proxy.CutAtRandom(seed, bytesMax: 12_000);
        proxy.CutAll();
        List<ChatMessage> read = [];
        Task reading = ReadAsync(reader, room, Count, read);

        // In steps that a connection of a few thousand bytes can carry: what is never answered before the cut comes would be sent again for ever.
        List<PublishReceipt> receipts = [];
        while (receipts.Count < Count)
        {
            IEnumerable<Task<PublishReceipt>> step = Enumerable.Range(receipts.Count + 1, 20).Select(i => writer.PublishTextAsync(room, TextOf(i)).AsTask()).ToArray();
            receipts.AddRange(await Task.WhenAll(step).WaitAsync(TimeSpan.FromSeconds(20)));
            for (int i = 0; i < 2000 && Volatile.Read(ref _readCount) < receipts.Count - 40; i++)
            {
                await Task.Delay(10);
            }
        }

        await reading.WaitAsync(TimeSpan.FromSeconds(20));
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

        List<ChatMessage> read = [];
        Task reading = ReadAsync(reader, room, Count, read);
        List<PublishReceipt> receipts = await PublishAsync(writer, room, Count, async () =>
        {
            for (int crash = 0; crash < 3; crash++)
            {
                await Task.Delay(150);
                await broker.Process.RestartAsync();
            }
        });
        await reading.WaitAsync(TimeSpan.FromSeconds(30));

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

    private async Task ReadAsync(FastChatClient reader, ConversationId room, int count, List<ChatMessage> read)
    {
        Volatile.Write(ref _readCount, 0);
        await foreach (ChatMessage message in reader.ReadAsync(room))
        {
            read.Add(message);
            Volatile.Write(ref _readCount, read.Count);
            if (read.Count == count)
            {
                return;
            }
        }
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
