using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace FastChat.Broker.Doors;

/// <summary>
/// Who a verified certificate says somebody is: the DNS names and URIs of its subject alternative name (RFC 5280 §4.2.1.6), as they stand there. The subject is not looked at: it is text without a rule for comparing it, and a name that is
/// found somewhere in a text is how others were let in.
/// </summary>
internal static class CertificateNames
{
    /// <summary>Names that are looked at; a certificate with more has those only.</summary>
    private const int CountMax = 32;

    private const string SubjectAlternativeName = "2.5.29.17";

    // GeneralName ::= CHOICE { … dNSName [2] IA5String, … uniformResourceIdentifier [6] IA5String, … }
    private static readonly Asn1Tag Dns = new(TagClass.ContextSpecific, 2);
    private static readonly Asn1Tag Uri = new(TagClass.ContextSpecific, 6);

    /// <summary>The names, each as <c>dns:NAME</c> or <c>uri:URI</c>.</summary>
    public static IReadOnlyList<string> Of(X509Certificate2 certificate)
    {
        List<string> names = [];
        try
        {
            foreach (X509Extension extension in certificate.Extensions.Where(static extension => extension.Oid?.Value == SubjectAlternativeName))
            {
                AsnReader sequence = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
                while (sequence.HasData && names.Count < CountMax)
                {
                    Add(sequence, names);
                }
            }
        }
        catch (AsnContentException)
        {
            // Somebody vouches for the certificate, but it says nothing that can be read: nobody is named.
            names.Clear();
        }

        return names;
    }

    private static void Add(AsnReader sequence, List<string> names)
    {
        Asn1Tag tag = sequence.PeekTag();
        if (tag.HasSameClassAndValue(Dns))
        {
            names.Add("dns:" + sequence.ReadCharacterString(UniversalTagNumber.IA5String, Dns));
        }
        else if (tag.HasSameClassAndValue(Uri))
        {
            names.Add("uri:" + sequence.ReadCharacterString(UniversalTagNumber.IA5String, Uri));
        }
        else
        {
            sequence.ReadEncodedValue();
        }
    }
}
