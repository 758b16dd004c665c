using System.IO.Pipelines;
using System.Security.Cryptography.X509Certificates;

using FastChat.Broker.Connections;
using FastChat.Broker.Transport;
using FastChat.Protocol;

using Microsoft.AspNetCore.Connections;

namespace FastChat.Broker.Doors;

/// <summary>
/// Handshakes by libssl on the broker's own transport, whose halves then seal and open records themselves (docs/decisions/0029). A step is a signature or a key agreement, some hundred microseconds, so it runs on the thread pool in its turn:
/// the I/O threads go on with those who are in.
/// </summary>
internal sealed class LibsslHandshaker(TlsMaterial material, Turnstile turns) : ITlsHandshaker, IDisposable
{
    private readonly LibsslContext _fastChat = LibsslContext.Create(material, LibsslContext.FastChat);
    private readonly LibsslContext _http = LibsslContext.Create(material, LibsslContext.Http);
    private readonly ChannelBinding? _endPoint = ChannelBinding.ToCertificate(material.Certificate);

    /// <inheritdoc/>
    public async Task<TlsFacts?> ShakeHandsAsync(ConnectionContext connection, TlsProtocol protocol, CancellationToken cancellation)
    {
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        using LibsslHandshake handshake = new(protocol == TlsProtocol.FastChat ? _fastChat : _http);
        HandshakeState state = HandshakeState.Waiting;
        while (state == HandshakeState.Waiting)
        {
            ReadResult result = await input.ReadAsync(cancellation);
            if (result.IsCanceled || (result.IsCompleted && result.Buffer.IsEmpty))
            {
                return null;
            }

            await turns;
            state = handshake.Step(result.Buffer, out int left);
            input.AdvanceTo(result.Buffer.GetPosition(result.Buffer.Length - left));
            if (handshake.TakeOutput(output))
            {
                await output.FlushAsync(cancellation);
            }
        }

        if (state == HandshakeState.Failed)
        {
            return null;
        }

        ((SocketConnection)connection).Protect(handshake.MakeSession());
        byte[]? material = handshake.Export(ChannelBinding.ExporterLabel, ChannelBinding.ExporterSize);
        ChannelBinding?[] bindings = [material is null ? null : new ChannelBinding(ChannelBinding.Exporter, material), _endPoint];
        return new TlsFacts(NamesOf(handshake.TakePeerCertificate()), [.. bindings.OfType<ChannelBinding>()]);
    }

    /// <summary>Handshakes that go on keep what they need.</summary>
    public void Dispose()
    {
        _fastChat.Dispose();
        _http.Dispose();
    }

    private static IReadOnlyList<string> NamesOf(byte[]? certificate)
    {
        if (certificate is null)
        {
            return [];
        }

        using X509Certificate2 parsed = X509CertificateLoader.LoadCertificate(certificate);
        return CertificateNames.Of(parsed);
    }
}
