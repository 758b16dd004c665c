using System.Diagnostics.CodeAnalysis;

namespace FastChat.Protocol;

/// <summary>What is wrong with a SCRAM message.</summary>
public enum ScramFault : byte
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>It cannot be read.</summary>
    Malformed,

    /// <summary>It demands what RFC 5802 keeps for later (<c>m=</c>), or to act for somebody else (an authorization identity): nobody may go on.</summary>
    NotSpoken,
}

/// <summary>
/// The text of SCRAM messages (RFC 5802 §7): attributes, a letter and a value each, separated by commas, in a fixed order. One reader takes one message apart; nothing here knows what the attributes mean.
/// </summary>
internal ref struct ScramText(ReadOnlySpan<char> text)
{
    private ReadOnlySpan<char> _rest = text;
    private bool _isOver = text.IsEmpty;

    /// <summary>True when nothing is left.</summary>
    public readonly bool IsOver => _isOver;

    /// <summary>Takes the next attribute, which must have this letter and a value.</summary>
    public bool TryTake(char letter, out ReadOnlySpan<char> value)
    {
        bool isTaken = TryTakeAny(out char found, out value) && found == letter;
        value = isTaken ? value : default;
        return isTaken;
    }

    /// <summary>Takes the next attribute, whatever it is.</summary>
    public bool TryTakeAny(out char letter, out ReadOnlySpan<char> value)
    {
        letter = default;
        value = default;
        if (_isOver)
        {
            return false;
        }

        ReadOnlySpan<char> one = TakeRaw();
        if (one.Length < 3 || !char.IsAsciiLetter(one[0]) || one[1] != '=' || one.Contains('\0'))
        {
            return false;
        }

        letter = one[0];
        value = one[2..];
        return true;
    }

    /// <summary>Takes what stands before the next comma.</summary>
    public ReadOnlySpan<char> TakeRaw()
    {
        int comma = _rest.IndexOf(',');
        ReadOnlySpan<char> one = comma < 0 ? _rest : _rest[..comma];
        _isOver = comma < 0;
        _rest = comma < 0 ? default : _rest[(comma + 1)..];
        return one;
    }

    /// <summary>What has not been taken.</summary>
    public readonly ReadOnlySpan<char> Rest => _rest;

    /// <summary>True when the next attribute is an extension that must be understood: there are none.</summary>
    public readonly bool DemandsExtension => _rest.StartsWith("m=");

    /// <summary>Takes the extensions that may be ignored, to the end. False when something else stands there.</summary>
    public bool TrySkipExtensions()
    {
        while (!_isOver)
        {
            if (DemandsExtension || !TryTakeAny(out _, out _))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A nonce: printable ASCII, so many characters.</summary>
    public static bool IsNonce(ReadOnlySpan<char> text, int sizeMin, int sizeMax) =>
        text.Length >= sizeMin && text.Length <= sizeMax && !text.ContainsAnyExceptInRange('!', '~') && !text.Contains(',');

    /// <summary>Base64 in its one spelling: with padding, without spaces.</summary>
    public static bool TryDecode(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = new byte[text.Length / 4 * 3];
        if (text.IsEmpty || !Convert.TryFromBase64Chars(text, bytes, out int size) || !text.SequenceEqual(Convert.ToBase64String(bytes, 0, size)))
        {
            bytes = null;
            return false;
        }

        Array.Resize(ref bytes, size);
        return true;
    }

    /// <summary>A name as it stands in a message: comma and equals sign are spelled out.</summary>
    public static string Escape(string name) => name.Replace("=", "=3D", StringComparison.Ordinal).Replace(",", "=2C", StringComparison.Ordinal);

    /// <summary>The name that was meant; false when an equals sign stands for nothing.</summary>
    public static bool TryUnescape(ReadOnlySpan<char> text, [NotNullWhen(true)] out string? name)
    {
        name = text.ToString();
        if (name.Replace("=2C", string.Empty, StringComparison.Ordinal).Replace("=3D", string.Empty, StringComparison.Ordinal).Contains('=', StringComparison.Ordinal))
        {
            name = null;
            return false;
        }

        name = name.Replace("=2C", ",", StringComparison.Ordinal).Replace("=3D", "=", StringComparison.Ordinal);
        return true;
    }
}
