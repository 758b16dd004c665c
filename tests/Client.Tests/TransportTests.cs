using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;

namespace FastChat.Client.Tests;

/// <summary>The same exchange over real transports, loopback only.</summary>
internal sealed class TransportTests
{
    [Test]
    public async Task Tcp()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        MiniBroker broker = new();
        Task serving = Task.Run(async () =>
        {
            using Socket socket = await listener.AcceptSocketAsync();
            await broker.ServeAsync(new Peer(new NetworkStream(socket)));
        });
        await ExchangeAsync($"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        await serving.Within();
    }

    [Test]
    public async Task Unix_domain_socket()
    {
        string path = Path.Combine(Path.GetTempPath(), $"fastchat-{Environment.ProcessId}-{TestContext.CurrentContext.Test.ID}.sock");
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen();
            MiniBroker broker = new();
            Task serving = Task.Run(async () =>
            {
                using Socket socket = await listener.AcceptAsync();
                await broker.ServeAsync(new Peer(new NetworkStream(socket)));
            });
            await ExchangeAsync($"unix:{path}");
            await serving.Within();
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public async Task WebSocket_with_binary_messages_and_the_subprotocol()
    {
        (HttpListener listener, int port) = Listen();
        using (listener)
        {
            MiniBroker broker = new();
            Task serving = Task.Run(async () =>
            {
                HttpListenerContext context = await listener.GetContextAsync();
                Assert.That(context.Request.Headers["Sec-WebSocket-Protocol"], Is.EqualTo("fastchat.v1"));
                HttpListenerWebSocketContext accepted = await context.AcceptWebSocketAsync("fastchat.v1");
                await broker.ServeAsync(new Peer(WebSocketStream.Create(accepted.WebSocket, WebSocketMessageType.Binary, ownsWebSocket: true)));
            });
            await ExchangeAsync($"ws://127.0.0.1:{port}/ws");
            await serving.Within();
        }
    }

    [Test]
    public async Task Nobody_listening_is_told_at_once()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        ConnectionException error = await FastChatClient.ConnectAsync(new ClientOptions { Endpoint = ClientEndpoint.Parse($"127.0.0.1:{port}"), Token = "t" }).Fails<ConnectionException>();
        Assert.That(error.InnerException, Is.InstanceOf<SocketException>());
        Assert.That(error.IsRetryable, Is.True);
    }

    private static (HttpListener Listener, int Port) Listen()
    {
        // HttpListener cannot pick a free port by itself; one that was free a moment ago is taken by somebody else only rarely.
        for (int attempt = 0; ; attempt++)
        {
            using TcpListener probe = new(IPAddress.Loopback, 0);
            probe.Start();
            int port = ((IPEndPoint)probe.LocalEndpoint).Port;
            probe.Stop();
            HttpListener listener = new();
            listener.Prefixes.Add($"http://127.0.0.1:{port}/ws/");
            try
            {
                listener.Start();
                return (listener, port);
            }
            catch (HttpListenerException) when (attempt < 10)
            {
                listener.Close();
            }
        }
    }

    private static async Task ExchangeAsync(string endpoint)
    {
        ClientOptions options = new() { Endpoint = ClientEndpoint.Parse(endpoint), Token = "t" };
        await using FastChatClient client = await FastChatClient.ConnectAsync(options).Within();
        byte[] large = new byte[ProtocolLimits.BodySizeMax];
        new Random(3).NextBytes(large);
        PublishReceipt first = await client.PublishTextAsync(Posts.Lobby, "small").Within();
        PublishReceipt second = await client.PublishAsync(Posts.Lobby, MessageKind.Opaque, large).Within();
        Assert.That((first.Sequence, second.Sequence), Is.EqualTo((1ul, 2ul)));
        await using IAsyncEnumerator<ChatMessage> reader = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator();
        Assert.That(await reader.MoveNextAsync().Within(), Is.True);
        Assert.That(reader.Current.Text, Is.EqualTo("small"));
        Assert.That(await reader.MoveNextAsync().Within(), Is.True);
        Assert.That(reader.Current.Body.ToArray(), Is.EqualTo(large));
    }
}
