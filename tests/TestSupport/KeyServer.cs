using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace FastChat.TestSupport;

/// <summary>An HTTP server of an issuer's keys that answers whatever a test wants it to, one request a connection: what is right, what is garbage, too late, or not at all.</summary>
public sealed class KeyServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly X509Certificate2? _certificate;
    private readonly Task _accepting;
    private int _requests;

    /// <param name="body">What it answers at first.</param>
    /// <param name="certificate">With one it speaks TLS.</param>
    public KeyServer(string body, X509Certificate2? certificate = null)
    {
        _certificate = certificate;
        Answer = Ok(body);
        _listener.Start();
        Address = new Uri($"{(certificate is null ? "http" : "https")}://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}/keys");
        _accepting = AcceptAsync();
    }

    /// <summary>Where it is.</summary>
    public Uri Address { get; }

    /// <summary>Requests that came.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>What is sent for a request, as it is; null: the connection is cut.</summary>
    public string? Answer { get; set; }

    /// <summary>Sent this long after the request.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>An answer as it should be.</summary>
    public static string Ok(string body) => $"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}";

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                Stream stream = client.GetStream();
                if (_certificate is not null)
                {
                    SslStream tls = new(stream);
                    await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
                    stream = tls;
                }

                await using (stream)
                {
                    using StreamReader reader = new(stream, Encoding.ASCII, leaveOpen: true);
                    string? line;
                    do
                    {
                        line = await reader.ReadLineAsync(_stop.Token);
                    }
                    while (line is { Length: > 0 });

                    if (line is null)
                    {
                        return;
                    }

                    Interlocked.Increment(ref _requests);
                    await Task.Delay(Delay, _stop.Token);
                    if (Answer is { } answer)
                    {
                        await stream.WriteAsync(Encoding.UTF8.GetBytes(answer), _stop.Token);
                        await stream.FlushAsync(_stop.Token);
                    }
                }
            }
            catch (Exception gone) when (gone is IOException or OperationCanceledException or System.Security.Authentication.AuthenticationException or SocketException)
            {
                // The broker went: it was too late, or it does not trust us.
            }
        }
    }
}
