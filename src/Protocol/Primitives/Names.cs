using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Unicode;

namespace FastChat.Protocol;

/// <summary>
/// What names may be (protocol.md §5.4). Accounts and conversations are named with a small set of characters, so that no two names look alike and
/// none can break a key, a path or a terminal; case is kept for display and ignored for identity. Names of imported people are another
/// system's and are kept exactly.
/// </summary>
public static class Names
{
    /// <summary>What somebody is called who was erased. No account can have this name.</summary>
    public const string OfErased = "deleted user";

    /// <summary>
    /// The form under which an account's or a conversation's name is unique: ASCII lower case. False when the name is not
    /// 1–64 of the characters a–z, A–Z, 0–9, '.', '_' and '-', or begins with a character other than a letter or digit.
    /// </summary>
    public static bool TryCanonicalize([NotNullWhen(true)] string? name, [NotNullWhen(true)] out string? canonical)
    {
        canonical = null;
        if (name is null || name.Length is 0 or > ProtocolLimits.NameSizeMax || !char.IsAsciiLetterOrDigit(name[0]))
        {
            return false;
        }

        foreach (char character in name)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('.' or '_' or '-'))
            {
                return false;
            }
        }

        canonical = name.ToLowerInvariant();
        return true;
    }

    /// <summary>
    /// True when an imported person may have this name: 1–64 bytes of UTF-8 without control characters. Half a surrogate pair has no UTF-8: it would be
    /// replaced on the way out, and two names become one.
    /// </summary>
    public static bool IsExternalName(string name)
    {
        Span<byte> bytes = stackalloc byte[ProtocolLimits.NameSizeMax];
        return name.Length > 0 && !name.Any(char.IsControl) &&
            Utf8.FromUtf16(name, bytes, out _, out _, replaceInvalidSequences: false) == OperationStatus.Done;
    }
}
