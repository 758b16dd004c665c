using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

using FastChat.Broker.Connections;
using FastChat.Broker.Transport;
using FastChat.Protocol;

using Microsoft.AspNetCore.Connections;

namespace FastChat.Broker.Doors;

/// <summary>
/// TLS by the framework's own stream, where <see cref="LibsslHandshaker"/> cannot be: elsewhere than on Linux, or without OpenSSL 3. It works everywhere and costs 28 KB or more for each session (docs/decisions/0029). Whoever ends the connection
/// disposes its pipes.
/// </summary>
internal sealed class SslStreamHandshaker(TlsMaterial material, Turnstile turns) : ITlsHandshaker
{
    private static readonly SslApplicationProtocol FastChat = new("fastchat/1");

    private readonly SslServerAuthenticationOptions _fastChat = Options(material, FastChat);
    private readonly SslServerAuthenticationOptions _http = Options(material, SslApplicationProtocol.Http11);

    /// <summary>The stream exports no keying material: there is no binding to a session here.</summary>
    private readonly ChannelBinding[] _bindings = ChannelBinding.ToCertificate(material.Certificate) is { } endPoint ? [endPoint] : [];

    /// <inheritdoc/>
    public async Task<TlsFacts?> ShakeHandsAsync(ConnectionContext connection, TlsProtocol protocol, CancellationToken cancellation)
    {
        await turns;
        SslStream stream = new(new Web.DuplexStream(connection.Transport), leaveInnerStreamOpen: true);
        try
        {
            await stream.AuthenticateAsServerAsync(protocol == TlsProtocol.FastChat ? _fastChat : _http, cancellation);
        }
        catch (AuthenticationException)
        {
            await stream.DisposeAsync();
            return null;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }

        connection.Transport = new StreamPipes(stream, connection.Transport);
        return new TlsFacts(stream.RemoteCertificate is { } certificate ? CertificateNames.Of(new X509Certificate2(certificate)) : [], _bindings);
    }

    private static SslServerAuthenticationOptions Options(TlsMaterial material, SslApplicationProtocol protocol) => new()
    {
        ServerCertificateContext = SslStreamCertificateContext.Create(material.Certificate, material.Chain, offline: true),
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ApplicationProtocols = [protocol],
        AllowRenegotiation = false,
        ClientCertificateRequired = material.ClientCertificates != ClientCertificates.Off,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        RemoteCertificateValidationCallback = (_, certificate, _, _) => IsGood(material, certificate),
    };

    private static bool IsGood(TlsMaterial material, X509Certificate? shown)
    {
        if (shown is not X509Certificate2 certificate)
        {
            return material.ClientCertificates != ClientCertificates.Required;
        }

        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(material.ClientAuthorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid("1.3.6.1.5.5.7.3.2"));
        return chain.Build(certificate);
    }

    /// <summary>The stream as pipes again.</summary>
    private sealed class StreamPipes(SslStream stream, IDuplexPipe below) : IDuplexPipe, IAsyncDisposable
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true, useZeroByteReads: true));

        public PipeWriter Output { get; } = new EndingWriter(stream, below);

        public ValueTask DisposeAsync() => stream.DisposeAsync();
    }

    /// <summary>Says that the stream ends when writing does.</summary>
    private sealed class EndingWriter(SslStream stream, IDuplexPipe below) : PipeWriter
    {
        private readonly PipeWriter _writer = Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        private bool _isCompleted;

        public override bool CanGetUnflushedBytes => true;

        public override long UnflushedBytes => _writer.UnflushedBytes;

        public override void Advance(int bytes) => _writer.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => _writer.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => _writer.GetSpan(sizeHint);

        public override void CancelPendingFlush() => _writer.CancelPendingFlush();

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => _writer.FlushAsync(cancellationToken);

        public override void Complete(Exception? exception = null)
        {
            // Handlers complete with CompleteAsync; this way there is no time for an alert.
            _writer.Complete(exception);
            below.Output.Complete();
        }

        public override async ValueTask CompleteAsync(Exception? exception = null)
        {
            if (_isCompleted)
            {
                return;
            }

            _isCompleted = true;
            try
            {
                await _writer.CompleteAsync(exception);
                await stream.ShutdownAsync();
            }
            catch (Exception end) when (end is IOException or InvalidOperationException or ObjectDisposedException)
            {
                // The connection has ended already: nobody is there to be told.
            }

            await below.Output.CompleteAsync();
        }
    }
}
