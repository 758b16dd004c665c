using System.Net;
using System.Net.Sockets;

namespace FastChat.Client.Tests;

/// <summary>The path of bulk senders: what a message costs in the client.</summary>
[NonParallelizable]
internal sealed class BulkTests
{
    private static readonly byte[] Body = new byte[64];

    [Test]
    public async Task A_post_and_its_answer_allocate_next_to_nothing()
    {
        // A socket rather than the pipes of the other tests: those allocate their blocks.
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        (FastChatClient client, Acknowledger broker) = await ConnectAsync(listener, sendQueueBytesMax: 1024 * 1024);
        await using FastChatClient owned = client;
        Counter counter = new();
        await PostAsync(client, counter, 400_000);

        const int Messages = 200_000;
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await PostAsync(client, counter, Messages);
        double bytesPerMessage = (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)Messages;

        // Both sides and the waits for room are in it. One object per message would be 24 at the least.
        TestContext.Out.WriteLine($"{bytesPerMessage:F2} bytes per message, {broker.PublishesPerRead:F1} publishes per read");
        Assert.That(bytesPerMessage, Is.LessThan(4));
        Assert.That(counter.Published, Is.EqualTo(400_000 + Messages));
    }

    [Test]
    public async Task Messages_share_their_writes()
    {
        (MemoryTransport clientSide, MemoryTransport brokerSide) = MemoryTransport.CreatePair();
        Task serving = Task.Run(new Acknowledger(brokerSide).RunAsync);
        ClientOptions options = new() { Token = "t", SendQueueBytesMax = 1024 * 1024, OpenTransport = _ => ValueTask.FromResult<Stream>(clientSide) };
        await using FastChatClient client = await FastChatClient.ConnectAsync(options).Within();
        await PostAsync(client, new Counter(), 50_000);
        Assert.That(clientSide.Writes, Is.LessThan(25_000));
    }

    private static async Task<(FastChatClient Client, Acknowledger Broker)> ConnectAsync(TcpListener listener, int sendQueueBytesMax)
    {
        Task<Socket> accepting = listener.AcceptSocketAsync();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(new ClientOptions
        {
            Token = "t",
            Endpoint = ClientEndpoint.Parse($"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"),
            SendQueueBytesMax = sendQueueBytesMax,
        });
        Socket socket = await accepting.Within();
        socket.NoDelay = true;
        Acknowledger broker = new(new NetworkStream(socket, ownsSocket: true));
        _ = Task.Run(broker.RunAsync);
        return (await connecting.Within(), broker);
    }

    private static async Task PostAsync(FastChatClient client, Counter counter, int messages)
    {
        for (int i = 0; i < messages; i++)
        {
            await client.PostAsync(Posts.Lobby, default, MessageKind.Opaque, Body, default, counter, i);
        }

        await client.FlushAsync().Within();
    }

    private sealed class Counter : IPublishObserver
    {
        private int _published;

        public int Published => _published;

        public void OnPublished(long tag, in PublishReceipt receipt) => Interlocked.Increment(ref _published);

        public void OnFailed(long tag, ClientException error) => throw error;
    }
}
