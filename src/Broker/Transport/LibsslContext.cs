using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FastChat.Broker.Transport;

/// <summary>
/// What handshakes of one listener share: certificate, rules, the protocol that is spoken behind them. TLS 1.2 and 1.3 with forward secrecy and authenticated ciphers only; no compression, no renegotiation, no early data, no resumption: a ticket
/// would save a signature and keep a key of many sessions for as long as the process lives. Any thread.
/// </summary>
internal sealed unsafe class LibsslContext : IDisposable
{
    private const int Success = 1;
    private const int ControlMode = 33, ControlSessionCache = 44, ControlChainCertificate = 89, ControlVersionMin = 123;
    private const int ReleaseBuffers = 0x10;
    private const int Tls12 = 0x0303;
    private const ulong NoTicket = 1UL << 14, NoCompression = 1UL << 17, NoRenegotiation = 1UL << 30;

    /// <summary>Our order counts, but who names ChaCha20 first has no instructions for AES and gets it.</summary>
    private const ulong OurOrder = 1UL << 22, ButChaCha = 1UL << 21;
    private const int VerifyPeer = 1, FailWithoutCertificate = 2;
    private const int AlpnChosen = 0, AlpnFatal = 2;

    // AES-128 first: what most clients would rather have, AES-256, takes a quarter longer for each byte (bench/Micro, Aead) and protects no better from anybody there is.
    private const string Ciphers12 =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

    private const string Ciphers13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

    private LibsslContext()
    {
    }

    /// <summary>ALPN's list of the protocol that TCP speaks. It lies in the assembly, where nothing moves.</summary>
    public static ReadOnlySpan<byte> FastChat => "\u000Afastchat/1"u8;

    /// <summary>The same of what the HTTP listener speaks.</summary>
    public static ReadOnlySpan<byte> Http => "\u0008http/1.1"u8;

    /// <summary>The SSL_CTX.</summary>
    public LibsslHandle Handle { get; } = new(Libssl.NewContext(Libssl.ServerMethod()));

    /// <summary>True when clients are asked for certificates.</summary>
    public bool AsksClients { get; private init; }

    /// <summary>Makes one.</summary>
    /// <param name="material">What it shows.</param>
    /// <param name="protocol"><see cref="FastChat"/> or <see cref="Http"/>: a client that offers others only is refused, one that offers nothing is let in (ALPN, RFC 7301).</param>
    /// <exception cref="CryptographicException">OpenSSL does not take the certificate or key.</exception>
    public static LibsslContext Create(TlsMaterial material, ReadOnlySpan<byte> protocol)
    {
        LibsslContext context = new() { AsksClients = material.ClientCertificates != ClientCertificates.Off };
        nint handle = context.Handle.DangerousGetHandle();
        Libssl.ControlContext(handle, ControlMode, ReleaseBuffers, 0);
        Libssl.ControlContext(handle, ControlSessionCache, 0, 0);
        Libssl.SetOptions(handle, NoTicket | NoCompression | NoRenegotiation | OurOrder | ButChaCha);
        Check(Libssl.ControlContext(handle, ControlVersionMin, Tls12, 0) == Success, "the protocol's version");
        Check(Libssl.SetTickets(handle, 0) == Success && Libssl.SetCiphers12(handle, Ciphers12) == Success && Libssl.SetCiphers13(handle, Ciphers13) == Success, "the ciphers");
        context.Show(material);
        context.Trust(material);
        Libssl.SetAlpnChoice(handle, &ChooseProtocol, (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(protocol)));
        Libssl.SetKeyLog(handle, &LibsslHandshake.OnSecret);
        return context;
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    private void Show(TlsMaterial material)
    {
        nint handle = Handle.DangerousGetHandle();
        byte[] certificate = material.Certificate.RawData;
        byte[] key = material.ExportKey();
        fixed (byte* certificateBytes = certificate, keyBytes = key)
        {
            Check(Libssl.UseCertificate(handle, certificate.Length, certificateBytes) == Success, "the certificate");
            byte* at = keyBytes;
            nint parsed = Libssl.ReadKey(0, &at, key.Length);
            bool isTaken = parsed != 0 && Libssl.UseKey(handle, parsed) == Success && Libssl.CheckKey(handle) == Success;
            Libssl.FreeKey(parsed);
            CryptographicOperations.ZeroMemory(key);
            Check(isTaken, "the key");
        }

        foreach (X509Certificate2 link in material.Chain)
        {
            WithCertificate(link, parsed => Libssl.ControlContext(handle, ControlChainCertificate, 1, parsed) == Success);
        }
    }

    private void Trust(TlsMaterial material)
    {
        nint handle = Handle.DangerousGetHandle();
        if (material.ClientCertificates == ClientCertificates.Off)
        {
            return;
        }

        foreach (X509Certificate2 authority in material.ClientAuthorities)
        {
            WithCertificate(authority, parsed => Libssl.Trust(Libssl.CertificateStore(handle), parsed) == Success && Libssl.AddClientAuthority(handle, parsed) == Success);
        }

        Libssl.SetVerify(handle, VerifyPeer | (material.ClientCertificates == ClientCertificates.Required ? FailWithoutCertificate : 0), 0);
    }

    /// <summary>Whoever takes the certificate takes a reference of its own.</summary>
    private static void WithCertificate(X509Certificate2 certificate, Func<nint, bool> take)
    {
        byte[] bytes = certificate.RawData;
        fixed (byte* first = bytes)
        {
            byte* at = first;
            nint parsed = Libssl.ReadCertificate(0, &at, bytes.Length);
            bool isTaken = parsed != 0 && take(parsed);
            Libssl.FreeCertificate(parsed);
            Check(isTaken, "a certificate");
        }
    }

    private static void Check(bool isTaken, string what)
    {
        if (!isTaken)
        {
            throw new CryptographicException($"OpenSSL does not take {what}: {Libssl.TakeError()}");
        }
    }

    /// <summary>Takes our protocol from a client's list, or ends the handshake with no_application_protocol.</summary>
    [UnmanagedCallersOnly]
    private static int ChooseProtocol(nint ssl, byte** chosen, byte* chosenSize, byte* offered, uint offeredSize, nint protocol)
    {
        ReadOnlySpan<byte> own = new((byte*)protocol + 1, *(byte*)protocol);
        ReadOnlySpan<byte> list = new(offered, (int)offeredSize);
        while (list.Length > list[0])
        {
            if (list.Slice(1, list[0]).SequenceEqual(own))
            {
                *chosen = (byte*)protocol + 1;
                *chosenSize = *(byte*)protocol;
                return AlpnChosen;
            }

            list = list[(1 + list[0])..];
            if (list.IsEmpty)
            {
                break;
            }
        }

        return AlpnFatal;
    }
}
