using System.Globalization;
using System.Security.Cryptography;

using FastChat.Broker.Audit;
using FastChat.Broker.Connections;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Transport;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Doors;

/// <summary>Where certificate, key and authorities lie, as PEM.</summary>
/// <param name="Certificate">The certificate, and behind it those that lead to its authority.</param>
/// <param name="Key">Its private key.</param>
/// <param name="ClientAuthorities">Who vouches for clients; null when they are not asked.</param>
/// <param name="Mode">Whether they are.</param>
internal sealed record CertificateFiles(string Certificate, string Key, string? ClientAuthorities, ClientCertificates Mode);

/// <summary>
/// The certificate that new connections are shown. Its files are looked at every few seconds and when somebody asks (SIGHUP): what has changed is loaded, and what cannot be used (half-written, not matching, expired) changes nothing but the
/// log. Connections that are there go on with what they began with. Any thread.
/// </summary>
internal sealed class CertificateSource : IDisposable
{
    private readonly CertificateFiles _files;
    private readonly Turnstile _turns;
    private readonly TimeProvider _clock;
    private readonly AuditLog _audit;
    private readonly ILogger _log;
    private readonly Lock _loading = new();
    private ITimer? _timer;
    private ITlsHandshaker _current;
    private byte[] _seen;

    /// <param name="files">What to load.</param>
    /// <param name="turns">What the handshakes' work passes.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="audit">Is told of every new certificate, and of what cannot be one.</param>
    /// <param name="log">As well.</param>
    /// <exception cref="ArgumentException">The files cannot be used; the message says which and why.</exception>
    public CertificateSource(CertificateFiles files, Turnstile turns, TimeProvider clock, AuditLog audit, ILogger log)
    {
        (_files, _turns, _clock, _audit, _log) = (files, turns, clock, audit, log);
        try
        {
            (string[] texts, _seen) = Read();
            _current = Load(texts);
        }
        catch (Exception wrong) when (IsUnusable(wrong))
        {
            throw new ArgumentException($"tls_certificate: {wrong.Message}", wrong);
        }
    }

    /// <summary>What shakes hands with the next connection.</summary>
    public ITlsHandshaker Current => Volatile.Read(ref _current);

    /// <summary>Begins to look at the files.</summary>
    public void Watch(TimeSpan interval) => _timer = _clock.CreateTimer(static source => ((CertificateSource)source!).Look(), this, interval, interval);

    /// <summary>Loads the files if they have changed since they were last looked at. Does not throw.</summary>
    public void Look()
    {
        lock (_loading)
        {
            byte[] seen = _seen;
            try
            {
                (string[] texts, seen) = Read();
                if (seen.AsSpan().SequenceEqual(_seen))
                {
                    return;
                }

                // Handshakes that go on hold what they began with; what nobody holds is freed with the rest.
                Volatile.Write(ref _current, Load(texts));
            }
            catch (Exception wrong) when (IsUnusable(wrong))
            {
                // Said once for each state of the files, but a file that is not there may be on its way.
                if (!seen.AsSpan().SequenceEqual(_seen))
                {
                    BrokerLog.CertificateRefused(_log, wrong.Message);
                    _audit.Note(new AuditEntry(AuditAct.SettingsRefused) { Detail = "tls_certificate" });
                }
            }
            finally
            {
                _seen = seen;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer?.Dispose();

    private static bool IsUnusable(Exception wrong) => wrong is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;

    private (string[] Texts, byte[] Seen) Read()
    {
        string[] texts = [File.ReadAllText(_files.Certificate), File.ReadAllText(_files.Key), _files.ClientAuthorities is { } path ? File.ReadAllText(path) : string.Empty];
        return (texts, SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join('\0', texts))));
    }

    private ITlsHandshaker Load(string[] texts)
    {
        TlsMaterial material = TlsMaterial.Parse(texts[0], texts[1], _files.ClientAuthorities is null ? null : texts[2], _files.Mode);
        DateTimeOffset now = _clock.GetUtcNow();
        if (now < material.Certificate.NotBefore || now > material.Certificate.NotAfter)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"the certificate is valid from {material.Certificate.NotBefore:u} to {material.Certificate.NotAfter:u}, and not now"));
        }

        ITlsHandshaker made = Libssl.IsSupported && EpollTransport.IsSupported ? new LibsslHandshaker(material, _turns) : new SslStreamHandshaker(material, _turns);
        string fingerprint = material.Certificate.GetCertHashString(HashAlgorithmName.SHA256);
        BrokerLog.CertificateLoaded(_log, fingerprint, material.Certificate.NotAfter);
        _audit.Note(new AuditEntry(AuditAct.CertificateLoaded) { Detail = $"sha256 {fingerprint}" });
        return made;
    }
}
