using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace FastChat.Functional.Tests;

/// <summary>
/// Somebody in between, with a certificate that the client trusts and that is not the broker's: ends TLS, begins it anew, and reads, changes, drops or answers every frame on its way. Connections come one after the other.
/// </summary>
internal sealed class Interceptor : IAsyncDisposable
{
    private readonly TestAuthority _authority = new("somebody else");
    private readonly X509Certificate2 _certificate;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly TestCertificate _expected;
    private readonly IPEndPoint _broker;
    private readonly Task _serving;

    /// <param name="broker">The broker's TLS listener.</param>
    /// <param name="expected">What it shows.</param>
    public Interceptor(IPEndPoint broker, TestCertificate expected)
    {
        using X509Certificate2 made = _authority.IssueServer();
        _certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null, X509KeyStorageFlags.Exportable);
        (_broker, _expected) = (broker, expected);
        _listener.Start();
        _serving = ServeAsync();
    }

    /// <summary>Where it listens.</summary>
    public string Address => $"tls://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Who trusts it.</summary>
    public X509Certificate2Collection Trust => _authority.Trust;

    /// <summary>What becomes of a frame from the client: it goes on, perhaps changed, or null and it does not. May send to the client itself.</summary>
    public Func<ReceivedFrame, ScriptedPeer, Task<ReceivedFrame?>> FromClient { get; set; } = static (frame, _) => Task.FromResult<ReceivedFrame?>(frame);

    /// <summary>What becomes of one from the broker.</summary>
    public Func<ReceivedFrame, ReceivedFrame> FromBroker { get; set; } = static frame => frame;

    /// <summary>Everything that the client sent.</summary>
    public List<ReceivedFrame> Seen { get; } = [];

    /// <summary>A frame with another text under <c>scram</c>.</summary>
    public static ReceivedFrame With(ReceivedFrame frame, string scram)
    {
        byte[] bytes = RawFrame.ToBytes(frame.Type, frame.Request, frame.ToMap().Set("scram", scram));
        return frame with { Body = bytes[FrameHeader.Size..] };
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving;
        _listener.Dispose();
        _certificate.Dispose();
        _authority.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        List<Task> all = [];
        try
        {
            while (true)
            {
                all.Add(RelayAsync(await _listener.AcceptSocketAsync(_stop.Token)));
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(all);
        }
    }

    private async Task RelayAsync(Socket socket)
    {
        try
        {
            await using SslStream shown = new(new NetworkStream(socket, ownsSocket: true));
            await shown.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate, ApplicationProtocols = [new SslApplicationProtocol("fastchat/1")] }, _stop.Token);
            await using ScriptedPeer client = new(shown, TimeSpan.FromSeconds(30));
            await using ScriptedPeer broker = new(await _expected.ConnectAsync(_broker), TimeSpan.FromSeconds(30));
            await Task.WhenAny(ForwardAsync(client, broker), BackwardAsync(broker, client));
        }
        catch (Exception end) when (end is IOException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
        {
            // One of the two ended: so does the other.
        }
    }

    private async Task ForwardAsync(ScriptedPeer client, ScriptedPeer broker)
    {
        while (await client.ReceiveOrEndAsync() is { } frame)
        {
            Seen.Add(frame);
            if (await FromClient(frame, client) is { } changed)
            {
                await broker.SendAsync(changed.ToBytes());
            }
        }
    }

    private async Task BackwardAsync(ScriptedPeer broker, ScriptedPeer client)
    {
        while (await broker.ReceiveOrEndAsync() is { } frame)
        {
            await client.SendAsync(FromBroker(frame).ToBytes());
        }
    }
}
