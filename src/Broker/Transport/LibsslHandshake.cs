using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace FastChat.Broker.Transport;

/// <summary>How far a handshake is.</summary>
internal enum HandshakeState
{
    /// <summary>The client has to send more.</summary>
    Waiting,

    /// <summary>The keys are there.</summary>
    Done,

    /// <summary>It is over; what is to be sent says why.</summary>
    Failed,
}

/// <summary>
/// The server's side of one TLS handshake, by libssl, without a socket: bytes in, bytes out, and in the end the keys of both directions, from which <see cref="TlsSession"/> goes on. Then everything that OpenSSL has of the connection is freed: its
/// state would be 14 KB for as long as the session lives (docs/decisions/0029). One thread at a time.
/// </summary>
internal sealed unsafe class LibsslHandshake : IDisposable
{
    private const int WantRead = 2;
    private const int Tls13 = 0x0304;
    private const int RandomSize = 32;
    private const int MasterSize = 48;

    [ThreadStatic]
    private static LibsslHandshake? t_current;

    private readonly LibsslContext _context;
    private readonly nint _incoming;
    private readonly nint _outgoing;
    private nint _ssl;
    private byte[]? _clientSecret;
    private byte[]? _serverSecret;

    public LibsslHandshake(LibsslContext context)
    {
        _context = context;
        _ssl = Libssl.New(context.Handle);
        _incoming = Libssl.NewBuffer(Libssl.MemoryMethod());
        _outgoing = Libssl.NewBuffer(Libssl.MemoryMethod());
        if (_ssl == 0 || _incoming == 0 || _outgoing == 0)
        {
            throw new IOException($"a handshake cannot begin: {Libssl.TakeError()}");
        }

        Libssl.SetBuffers(_ssl, _incoming, _outgoing);
        Libssl.SetServer(_ssl);
    }

    /// <summary>Why it failed, for an operator.</summary>
    public string Failure { get; private set; } = string.Empty;

    /// <summary>Goes on with what came. Costs up to a signature and a key agreement: not on an I/O thread.</summary>
    /// <param name="received">What came since the last step.</param>
    /// <param name="left">Bytes at its end that come after the handshake.</param>
    public HandshakeState Step(in ReadOnlySequence<byte> received, out int left)
    {
        foreach (ReadOnlyMemory<byte> part in received)
        {
            fixed (byte* bytes = part.Span)
            {
                _ = Libssl.Write(_incoming, bytes, part.Length);
            }
        }

        Libssl.ClearErrors();
        t_current = this;
        int result = Libssl.DoHandshake(_ssl);
        t_current = null;
        left = 0;
        if (result == 1)
        {
            // Records are taken from the buffer one by one, so what is left there is not the handshake's.
            left = (int)Libssl.Pending(_incoming);
            return HandshakeState.Done;
        }

        if (Libssl.Error(_ssl, result) == WantRead)
        {
            return HandshakeState.Waiting;
        }

        Failure = Libssl.TakeError();
        return HandshakeState.Failed;
    }

    /// <summary>Writes what the client is to be sent; false when that is nothing.</summary>
    public bool TakeOutput(IBufferWriter<byte> target)
    {
        bool any = false;
        while (Libssl.Pending(_outgoing) is var size && size > 0)
        {
            Span<byte> room = target.GetSpan((int)size);
            fixed (byte* bytes = room)
            {
                target.Advance(Libssl.Read(_outgoing, bytes, room.Length));
            }

            any = true;
        }

        return any;
    }

    /// <summary>The connection behind a handshake that is done.</summary>
    /// <exception cref="CryptographicException">A cipher was agreed on that is not spoken here, which the context's rules exclude.</exception>
    public TlsSession MakeSession()
    {
        (AeadCipher cipher, HashAlgorithmName hash) = Libssl.CipherNumber(Libssl.CurrentCipher(_ssl)) switch
        {
            0x1301 or 0xC02B or 0xC02F => (AeadCipher.Aes128Gcm, HashAlgorithmName.SHA256),
            0x1302 or 0xC02C or 0xC030 => (AeadCipher.Aes256Gcm, HashAlgorithmName.SHA384),
            0x1303 or 0xCCA8 or 0xCCA9 => (AeadCipher.ChaCha20Poly1305, HashAlgorithmName.SHA256),
            ushort other => throw new CryptographicException($"cipher suite {other:X4} is not spoken here"),
        };
        if (_clientSecret is null || _serverSecret is null)
        {
            throw new CryptographicException("the handshake ended without keys");
        }

        if (Libssl.Version(_ssl) == Tls13)
        {
            return new TlsSession(RecordKeys.From13(cipher, _clientSecret), RecordKeys.From13(cipher, _serverSecret));
        }

        byte* randoms = stackalloc byte[2 * RandomSize];
        Libssl.ClientRandom(_ssl, randoms, RandomSize);
        Libssl.ServerRandom(_ssl, randoms + RandomSize, RandomSize);
        (RecordKeys client, RecordKeys server) = RecordKeys.From12(
            cipher, hash, _clientSecret, new ReadOnlySpan<byte>(randoms, RandomSize), new ReadOnlySpan<byte>(randoms + RandomSize, RandomSize));
        return new TlsSession(client, server);
    }

    /// <summary>Keying material of this session and no other (RFC 8446 §7.5), without a context. Null before TLS 1.3: there it takes an extension for it to be the session's alone (RFC 7627).</summary>
    public byte[]? Export(ReadOnlySpan<byte> label, int size)
    {
        byte[] material = new byte[size];
        fixed (byte* bytes = material, text = label)
        {
            return Libssl.Version(_ssl) == Tls13 && Libssl.Export(_ssl, bytes, (nuint)size, text, (nuint)label.Length, null, 0, 0) == 1 ? material : null;
        }
    }

    /// <summary>The certificate that the client showed and that was verified (DER); null when it showed none.</summary>
    public byte[]? TakePeerCertificate()
    {
        nint certificate = _context.AsksClients ? Libssl.PeerCertificate(_ssl) : 0;
        if (certificate == 0)
        {
            return null;
        }

        byte[] bytes = new byte[Libssl.WriteCertificate(certificate, null)];
        fixed (byte* first = bytes)
        {
            byte* at = first;
            _ = Libssl.WriteCertificate(certificate, &at);
        }

        Libssl.FreeCertificate(certificate);
        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_clientSecret);
        CryptographicOperations.ZeroMemory(_serverSecret);

        // With the two buffers.
        Libssl.Free(_ssl);
        _ssl = 0;
    }

    /// <summary>OpenSSL tells secrets in NSS's key log format: a label, the client's random, the secret, in hexadecimal. Called within <see cref="Step"/>.</summary>
    [UnmanagedCallersOnly]
    internal static void OnSecret(nint ssl, byte* line)
    {
        ReadOnlySpan<byte> text = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(line);
        int labelEnd = text.IndexOf((byte)' ');
        if (labelEnd < 0 || t_current is not { } current)
        {
            return;
        }

        byte[] secret = Convert.FromHexString(System.Text.Encoding.ASCII.GetString(text[(text.LastIndexOf((byte)' ') + 1)..]));
        switch (text[..labelEnd])
        {
            case var label when label.SequenceEqual("CLIENT_TRAFFIC_SECRET_0"u8):
                current._clientSecret = secret;
                break;
            case var label when label.SequenceEqual("SERVER_TRAFFIC_SECRET_0"u8):
                current._serverSecret = secret;
                break;
            case var label when label.SequenceEqual("CLIENT_RANDOM"u8) && secret.Length == MasterSize:
                // TLS 1.2 has one secret for both.
                (current._clientSecret, current._serverSecret) = (secret, secret);
                break;
            default:
                // The handshake's own keys, which OpenSSL uses.
                break;
        }
    }
}
