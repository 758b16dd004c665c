using System.Runtime.InteropServices;

using FastChat.Shared;

using Microsoft.Win32.SafeHandles;

namespace FastChat.Broker.Transport;

/// <summary>
/// What the transport asks of OpenSSL 3, the library that .NET itself uses on Linux: handshakes. Records are <see cref="Libcrypto"/>'s. Pointers are OpenSSL's own objects; who makes one frees it. Errors are
/// a thread's queue (<see cref="TakeError"/>).
/// </summary>
internal static unsafe partial class Libssl
{
    private const string Ssl = "libssl.so.3";
    private const string Crypto = "libcrypto.so.3";

    private static readonly Lazy<bool> Loaded = new(static () => Libcrypto.IsSupported && NativeLibrary.TryLoad(Ssl, out _));

    /// <summary>True where the library is.</summary>
    public static bool IsSupported => Loaded.Value;

    /// <summary>Takes the first of the thread's errors, in words for an operator, and forgets the others.</summary>
    public static string TakeError()
    {
        ulong error = TakeErrorCode();
        byte* text = stackalloc byte[256];
        DescribeError(error, text, 256);
        ClearErrors();
        return error == 0 ? "no reason was given" : Marshal.PtrToStringUTF8((nint)text) ?? string.Empty;
    }

    [LibraryImport(Ssl, EntryPoint = "TLS_server_method")]
    public static partial nint ServerMethod();

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_new")]
    public static partial nint NewContext(nint method);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_free")]
    public static partial void FreeContext(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_ctrl")]
    public static partial nint ControlContext(nint context, int command, nint number, nint pointer);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_options")]
    public static partial ulong SetOptions(nint context, ulong options);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_num_tickets")]
    public static partial int SetTickets(nint context, nuint count);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_cipher_list", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetCiphers12(nint context, string list);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_ciphersuites", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetCiphers13(nint context, string list);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_certificate_ASN1")]
    public static partial int UseCertificate(nint context, int size, byte* certificate);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_PrivateKey")]
    public static partial int UseKey(nint context, nint key);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_check_private_key")]
    public static partial int CheckKey(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_verify")]
    public static partial void SetVerify(nint context, int mode, nint callback);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_get_cert_store")]
    public static partial nint CertificateStore(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_add_client_CA")]
    public static partial int AddClientAuthority(nint context, nint certificate);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_alpn_select_cb")]
    public static partial void SetAlpnChoice(nint context, delegate* unmanaged<nint, byte**, byte*, byte*, uint, nint, int> choose, nint argument);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_keylog_callback")]
    public static partial void SetKeyLog(nint context, delegate* unmanaged<nint, byte*, void> log);

    [LibraryImport(Ssl, EntryPoint = "SSL_new")]
    public static partial nint New(SafeHandle context);

    [LibraryImport(Ssl, EntryPoint = "SSL_free")]
    public static partial void Free(nint ssl);

    /// <summary>The connection owns both from here on.</summary>
    [LibraryImport(Ssl, EntryPoint = "SSL_set_bio")]
    public static partial void SetBuffers(nint ssl, nint incoming, nint outgoing);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_accept_state")]
    public static partial void SetServer(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_do_handshake")]
    public static partial int DoHandshake(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_error")]
    public static partial int Error(nint ssl, int result);

    [LibraryImport(Ssl, EntryPoint = "SSL_version")]
    public static partial int Version(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_current_cipher")]
    public static partial nint CurrentCipher(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_protocol_id")]
    public static partial ushort CipherNumber(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_client_random")]
    public static partial nuint ClientRandom(nint ssl, byte* target, nuint size);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_server_random")]
    public static partial nuint ServerRandom(nint ssl, byte* target, nuint size);

    /// <summary>Keying material of the session, for whoever names the label and the context.</summary>
    [LibraryImport(Ssl, EntryPoint = "SSL_export_keying_material")]
    public static partial int Export(nint ssl, byte* target, nuint size, byte* label, nuint labelSize, byte* context, nuint contextSize, int hasContext);

    /// <summary>The caller frees it; 0 when the client showed none.</summary>
    [LibraryImport(Ssl, EntryPoint = "SSL_get1_peer_certificate")]
    public static partial nint PeerCertificate(nint ssl);

    [LibraryImport(Crypto, EntryPoint = "BIO_s_mem")]
    public static partial nint MemoryMethod();

    [LibraryImport(Crypto, EntryPoint = "BIO_new")]
    public static partial nint NewBuffer(nint method);

    [LibraryImport(Crypto, EntryPoint = "BIO_read")]
    public static partial int Read(nint buffer, byte* target, int size);

    [LibraryImport(Crypto, EntryPoint = "BIO_write")]
    public static partial int Write(nint buffer, byte* source, int size);

    [LibraryImport(Crypto, EntryPoint = "BIO_ctrl_pending")]
    public static partial nuint Pending(nint buffer);

    [LibraryImport(Crypto, EntryPoint = "d2i_X509")]
    public static partial nint ReadCertificate(nint target, byte** bytes, nint size);

    /// <summary>Writes the certificate when <paramref name="bytes"/> points to room; its size in either case.</summary>
    [LibraryImport(Crypto, EntryPoint = "i2d_X509")]
    public static partial int WriteCertificate(nint certificate, byte** bytes);

    [LibraryImport(Crypto, EntryPoint = "X509_free")]
    public static partial void FreeCertificate(nint certificate);

    [LibraryImport(Crypto, EntryPoint = "X509_STORE_add_cert")]
    public static partial int Trust(nint store, nint certificate);

    /// <summary>A private key from PKCS #8.</summary>
    [LibraryImport(Crypto, EntryPoint = "d2i_AutoPrivateKey")]
    public static partial nint ReadKey(nint target, byte** bytes, nint size);

    [LibraryImport(Crypto, EntryPoint = "EVP_PKEY_free")]
    public static partial void FreeKey(nint key);

    [LibraryImport(Crypto, EntryPoint = "ERR_clear_error")]
    public static partial void ClearErrors();

    [LibraryImport(Crypto, EntryPoint = "ERR_get_error")]
    private static partial ulong TakeErrorCode();

    [LibraryImport(Crypto, EntryPoint = "ERR_error_string_n")]
    private static partial void DescribeError(ulong error, byte* text, nuint size);
}

/// <summary>What many connections share, an SSL_CTX. Freed when nobody uses it any more: the connections that are made of it keep it alive by themselves.</summary>
internal sealed class LibsslHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <param name="context">An SSL_CTX; this one's from now on.</param>
    public LibsslHandle(nint context)
        : base(ownsHandle: true) => SetHandle(context);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Libssl.FreeContext(handle);
        return true;
    }
}
