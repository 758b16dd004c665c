using System.Globalization;
using System.Security.Cryptography;

namespace FastChat.Protocol;

/// <summary>
/// What an attachment is called: the SHA-256 of its content (protocol.md §4.10), so that the same bytes have the same name wherever they come from. Its first two bytes decide placement, like those of an id.
/// </summary>
/// <param name="High">The first 16 bytes.</param>
/// <param name="Low">The last 16 bytes.</param>
public readonly record struct AttachmentId(UInt128 High, UInt128 Low)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Size = 2 * Id128.Size;

    /// <summary>Of these bytes.</summary>
    public static AttachmentId Of(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[Size];
        SHA256.HashData(content, hash);
        return Read(hash);
    }

    /// <summary>Reads an id from the first 32 bytes.</summary>
    public static AttachmentId Read(ReadOnlySpan<byte> source) => new(Id128.Read(source), Id128.Read(source[Id128.Size..]));

    /// <summary>Reads 64 hexadecimal digits; false when they are none.</summary>
    public static bool TryParse(string? text, out AttachmentId id)
    {
        id = default;
        if (text is not { Length: 2 * Size }
            || !UInt128.TryParse(text.AsSpan(0, Size), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 high)
            || !UInt128.TryParse(text.AsSpan(Size), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 low))
        {
            return false;
        }

        id = new AttachmentId(high, low);
        return true;
    }

    /// <summary>Writes the id.</summary>
    public void Write(Span<byte> target)
    {
        Id128.Write(target, High);
        Id128.Write(target[Id128.Size..], Low);
    }

    /// <summary>The bytes of the id.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        Write(bytes);
        return bytes;
    }

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => $"{High:x32}{Low:x32}";
}
