using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace FastChat.Protocol;

/// <summary>What a client says of channel binding (RFC 5802 §6).</summary>
public enum ScramBinding : byte
{
    /// <summary><c>n</c>: it can do none.</summary>
    None,

    /// <summary><c>y</c>: it could, and was told that the broker cannot.</summary>
    NotOffered,

    /// <summary><c>p=TYPE</c>: the proof is bound to the connection.</summary>
    Bound,
}

/// <summary>
/// client-first-message, C→S, the first of four: <c>p=TYPE,,n=NAME,r=NONCE</c> (protocol.md §3.5). Immutable.
/// </summary>
/// <param name="Binding">What it says of channel binding.</param>
/// <param name="Type">The type of it, when there is one.</param>
/// <param name="Name">Who signs in.</param>
/// <param name="Nonce">The client's half of the nonce.</param>
public sealed record ScramClientFirst(ScramBinding Binding, string? Type, string Name, string Nonce)
{
    /// <summary>What stands before the message: the flag, and no authorization identity.</summary>
    public string Header => Binding switch { ScramBinding.Bound => $"p={Type},,", ScramBinding.NotOffered => "y,,", _ => "n,," };

    /// <summary>The message without its header; as it came, when it was read.</summary>
    public string Bare
    {
        get => field ??= $"n={ScramText.Escape(Name)},r={Nonce}";
        private init;
    }

    /// <summary>The message.</summary>
    public override string ToString() => Header + Bare;

    /// <summary>Takes one apart.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ScramClientFirst? message, out ScramFault fault)
    {
        message = null;
        fault = ScramFault.Malformed;
        if (text.Length > ProtocolLimits.ScramSizeMax)
        {
            return false;
        }

        ScramText reader = new(text);
        ReadOnlySpan<char> flag = reader.TakeRaw();
        ScramBinding? binding = flag is "n" ? ScramBinding.None : flag is "y" ? ScramBinding.NotOffered : flag.StartsWith("p=") && IsType(flag[2..]) ? ScramBinding.Bound : null;
        if (binding is null || reader.IsOver)
        {
            return false;
        }

        ReadOnlySpan<char> identity = reader.TakeRaw();
        string bare = reader.Rest.ToString();
        if (!identity.IsEmpty || reader.DemandsExtension)
        {
            fault = identity.IsEmpty || identity.StartsWith("a=") ? ScramFault.NotSpoken : ScramFault.Malformed;
            return false;
        }

        if (!reader.TryTake('n', out ReadOnlySpan<char> escaped) || !ScramText.TryUnescape(escaped, out string? name)
            || !reader.TryTake('r', out ReadOnlySpan<char> nonce) || !ScramText.IsNonce(nonce, ProtocolLimits.ScramNonceSizeMin, ProtocolLimits.ScramNonceSizeMax) || !reader.TrySkipExtensions())
        {
            return false;
        }

        fault = ScramFault.None;
        message = new ScramClientFirst(binding.Value, binding == ScramBinding.Bound ? flag[2..].ToString() : null, name, nonce.ToString()) { Bare = bare };
        return true;
    }

    private static bool IsType(ReadOnlySpan<char> text)
    {
        foreach (char character in text)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('.' or '-'))
            {
                return false;
            }
        }

        return !text.IsEmpty;
    }
}

/// <summary>
/// server-first-message, S→C, the second: <c>r=NONCE,s=SALT,i=ITERATIONS,o=OFFERS</c>. The offers are what the broker takes on this connection, ways to sign in and types of channel binding. They are signed with the rest, so whoever takes one away is found out. Immutable.
/// </summary>
/// <param name="Nonce">Both halves of the nonce.</param>
/// <param name="Salt">The account's salt.</param>
/// <param name="Iterations">How often the password is hashed.</param>
/// <param name="Offers">What is offered, separated by spaces; null when nothing is said of it.</param>
public sealed record ScramServerFirst(string Nonce, byte[] Salt, int Iterations, string? Offers)
{
    /// <summary>Among the offers: the password itself is taken as well.</summary>
    public const string Plain = "PLAIN";

    /// <summary>Among the offers: this.</summary>
    public const string Scram = "SCRAM-SHA-256";

    private const int SaltSizeMax = 64;

    /// <summary>The message; as it came, when it was read.</summary>
    public string Text
    {
        get => field ??= string.Create(CultureInfo.InvariantCulture, $"r={Nonce},s={Convert.ToBase64String(Salt)},i={Iterations}{(Offers is null ? string.Empty : ",o=" + Offers)}");
        private init;
    }

    /// <summary>True when it is among the offers.</summary>
    public bool Has(string offer) => Offers is not null && Offers.Split(' ').Contains(offer);

    /// <summary>The message.</summary>
    public override string ToString() => Text;

    /// <summary>Takes one apart. Whether what it asks for is reasonable is the client's to say.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ScramServerFirst? message)
    {
        message = null;
        ScramText reader = new(text);
        if (text.Length > ProtocolLimits.ScramSizeMax || reader.DemandsExtension
            || !reader.TryTake('r', out ReadOnlySpan<char> nonce) || !ScramText.IsNonce(nonce, 1, 2 * ProtocolLimits.ScramNonceSizeMax)
            || !reader.TryTake('s', out ReadOnlySpan<char> encoded) || !ScramText.TryDecode(encoded, out byte[]? salt) || salt.Length > SaltSizeMax
            || !reader.TryTake('i', out ReadOnlySpan<char> number) || number[0] is '0' || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int iterations))
        {
            return false;
        }

        string? offers = null;
        while (!reader.IsOver)
        {
            if (reader.DemandsExtension || !reader.TryTakeAny(out char letter, out ReadOnlySpan<char> value))
            {
                return false;
            }

            offers = letter == 'o' ? value.ToString() : offers;
        }

        message = new ScramServerFirst(nonce.ToString(), salt, iterations, offers) { Text = text };
        return true;
    }
}

/// <summary>client-final-message, C→S, the third: <c>c=HEADER AND BINDING,r=NONCE,p=PROOF</c>. Immutable.</summary>
/// <param name="Channel">The header of the first message again, and behind it the binding's bytes.</param>
/// <param name="Nonce">Both halves of the nonce.</param>
/// <param name="Proof">What proves the client key.</param>
public sealed record ScramClientFinal(byte[] Channel, string Nonce, byte[] Proof)
{
    /// <summary>The message without the proof, which is over this; as it came, when it was read.</summary>
    public string WithoutProof
    {
        get => field ??= $"c={Convert.ToBase64String(Channel)},r={Nonce}";
        private init;
    }

    /// <summary>The message.</summary>
    public override string ToString() => $"{WithoutProof},p={Convert.ToBase64String(Proof)}";

    /// <summary>Takes one apart.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ScramClientFinal? message)
    {
        message = null;
        int end = text.LastIndexOf(",p=", StringComparison.Ordinal);
        if (text.Length > ProtocolLimits.ScramSizeMax || end < 0 || !ScramText.TryDecode(text.AsSpan(end + 3), out byte[]? proof) || proof.Length != ScramKeys.Size)
        {
            return false;
        }

        ScramText reader = new(text.AsSpan(0, end));
        if (!reader.TryTake('c', out ReadOnlySpan<char> encoded) || !ScramText.TryDecode(encoded, out byte[]? channel)
            || !reader.TryTake('r', out ReadOnlySpan<char> nonce) || !ScramText.IsNonce(nonce, 1, 2 * ProtocolLimits.ScramNonceSizeMax) || !reader.TrySkipExtensions())
        {
            return false;
        }

        message = new ScramClientFinal(channel, nonce.ToString(), proof) { WithoutProof = text[..end] };
        return true;
    }

    /// <summary>What <see cref="Channel"/> has to be.</summary>
    public static byte[] ChannelOf(ScramClientFirst first, ChannelBinding? binding) => [.. Encoding.UTF8.GetBytes(first.Header), .. (binding?.Data ?? default).Span];

    /// <summary>True when the message speaks of that header and that binding.</summary>
    public bool IsFor(ScramClientFirst first, ChannelBinding? binding) => CryptographicOperations.FixedTimeEquals(Channel, ChannelOf(first, binding));
}

/// <summary>server-final-message, S→C, the last: <c>v=SIGNATURE</c>. A broker says what failed by closing (protocol.md §3.5), so there is no other.</summary>
public static class ScramServerFinal
{
    /// <summary>The message.</summary>
    public static string Format(ReadOnlySpan<byte> signature) => "v=" + Convert.ToBase64String(signature);

    /// <summary>Takes one apart.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out byte[]? signature)
    {
        signature = null;
        if (text is null || text.Length > ProtocolLimits.ScramSizeMax)
        {
            return false;
        }

        ScramText reader = new(text);
        return reader.TryTake('v', out ReadOnlySpan<char> encoded) && ScramText.TryDecode(encoded, out signature) && signature.Length == ScramKeys.Size && reader.TrySkipExtensions();
    }
}
