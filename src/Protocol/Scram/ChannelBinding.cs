using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FastChat.Protocol;

/// <summary>
/// What both ends of a TLS connection know and nobody in between can have the same of (RFC 5056): whoever signs it has signed in on this connection and on no other. Immutable.
/// </summary>
/// <param name="Type">Its name as IANA has it.</param>
/// <param name="Data">The bytes.</param>
public sealed record ChannelBinding(string Type, ReadOnlyMemory<byte> Data)
{
    /// <summary>Keying material of this one TLS 1.3 session (RFC 9266).</summary>
    public const string Exporter = "tls-exporter";

    /// <summary>The hash of the certificate that the server showed (RFC 5929 §4).</summary>
    public const string ServerEndPoint = "tls-server-end-point";

    /// <summary>Bytes of keying material for <see cref="Exporter"/>.</summary>
    public const int ExporterSize = 32;

    private const string Pss = "1.2.840.113549.1.1.10";

    /// <summary>What it is exported under.</summary>
    public static ReadOnlySpan<byte> ExporterLabel => "EXPORTER-Channel-Binding"u8;

    /// <summary>
    /// The binding to a server's certificate: its hash, by the hash function of the signature on it, and by SHA-256 where that is MD5 or SHA-1. Null for a signature without one, or with one of its own (Ed25519): RFC 5929 defines none for those.
    /// </summary>
    public static ChannelBinding? ToCertificate(X509Certificate2 certificate)
    {
        byte[] bytes = certificate.RawData;
        string? algorithm = certificate.SignatureAlgorithm.Value;
        byte[]? hash = (algorithm == Pss ? HashOfPss(bytes) : algorithm) switch
        {
            // With RSA, ECDSA, and by itself, as PSS names it.
            "1.2.840.113549.1.1.4" or "1.2.840.113549.1.1.5" or "1.2.840.10045.4.1" or "1.3.14.3.2.26" => SHA256.HashData(bytes),
            "1.2.840.113549.1.1.11" or "1.2.840.10045.4.3.2" or "2.16.840.1.101.3.4.2.1" => SHA256.HashData(bytes),
            "1.2.840.113549.1.1.12" or "1.2.840.10045.4.3.3" or "2.16.840.1.101.3.4.2.2" => SHA384.HashData(bytes),
            "1.2.840.113549.1.1.13" or "1.2.840.10045.4.3.4" or "2.16.840.1.101.3.4.2.3" => SHA512.HashData(bytes),
            _ => null,
        };
        return hash is null ? null : new ChannelBinding(ServerEndPoint, hash);
    }

    /// <summary>The type alone.</summary>
    public override string ToString() => Type;

    // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { oid, RSASSA-PSS-params SEQUENCE { [0] hash SEQUENCE { oid … } DEFAULT sha1, … } }, … }
    private static string? HashOfPss(byte[] certificate)
    {
        try
        {
            AsnReader outer = new AsnReader(certificate, AsnEncodingRules.DER).ReadSequence();
            outer.ReadEncodedValue();
            AsnReader algorithm = outer.ReadSequence();
            algorithm.ReadObjectIdentifier();
            AsnReader parameters = algorithm.ReadSequence();
            Asn1Tag hash = new(TagClass.ContextSpecific, 0, isConstructed: true);
            return parameters.HasData && parameters.PeekTag().HasSameClassAndValue(hash)
                ? parameters.ReadSequence(hash).ReadSequence().ReadObjectIdentifier()
                : "1.3.14.3.2.26";
        }
        catch (AsnContentException)
        {
            return null;
        }
    }
}
