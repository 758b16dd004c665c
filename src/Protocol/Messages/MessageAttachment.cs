using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace FastChat.Protocol;

/// <summary>
/// An attachment of a message: attribute 7 (protocol.md §5.2). What it is called belongs to the message, its content to whoever names its hash with the right to.
/// <code>
///  0              32          40          41                44
/// +--------------+-----------+-----------+-----------------+--------+--------------+
/// | SHA-256 (32) | size u64  | name size | zero (3)        | name   | media type   |
/// +--------------+-----------+-----------+-----------------+--------+--------------+
/// </code>
/// </summary>
/// <param name="Id">The SHA-256 of the content.</param>
/// <param name="Size">Bytes of the content.</param>
/// <param name="Name">What its sender calls it: 1 to 255 bytes without control characters. A reader that makes a file of it must not follow it out of a directory.</param>
/// <param name="MediaType">What its sender says that it is, printable ASCII; empty = not said. Nobody checked it.</param>
public sealed record MessageAttachment(AttachmentId Id, ulong Size, string Name, string MediaType = "")
{
    private const int FixedSize = 44;

    /// <summary>True when the name and the media type are such as may be sent.</summary>
    public bool IsWellFormed =>
        Encoding.UTF8.GetByteCount(Name) is >= 1 and <= AttachmentLimits.NameSizeMax && IsName(Encoding.UTF8.GetBytes(Name))
        && MediaType.Length <= AttachmentLimits.MediaTypeSizeMax && IsMediaType(Encoding.UTF8.GetBytes(MediaType));

    internal int SizeOnWire => FixedSize + Encoding.UTF8.GetByteCount(Name) + MediaType.Length;

    internal static bool TryRead(ReadOnlySpan<byte> source, [NotNullWhen(true)] out MessageAttachment? attachment)
    {
        attachment = null;
        if (source.Length < FixedSize || source[40] == 0 || source[40] > source.Length - FixedSize || source[41..FixedSize].ContainsAnyExcept((byte)0))
        {
            return false;
        }

        ReadOnlySpan<byte> name = source.Slice(FixedSize, source[40]);
        ReadOnlySpan<byte> mediaType = source[(FixedSize + name.Length)..];
        if (!IsName(name) || mediaType.Length > AttachmentLimits.MediaTypeSizeMax || !IsMediaType(mediaType))
        {
            return false;
        }

        attachment = new MessageAttachment(
            AttachmentId.Read(source), BinaryPrimitives.ReadUInt64LittleEndian(source[32..]), Encoding.UTF8.GetString(name), Encoding.ASCII.GetString(mediaType));
        return true;
    }

    internal void Write(Span<byte> target)
    {
        Id.Write(target);
        BinaryPrimitives.WriteUInt64LittleEndian(target[32..], Size);
        int nameSize = Encoding.UTF8.GetBytes(Name, target[FixedSize..]);
        target[40] = (byte)nameSize;
        Encoding.ASCII.GetBytes(MediaType, target[(FixedSize + nameSize)..]);
    }

    private static bool IsName(ReadOnlySpan<byte> name) => Utf8.IsValid(name) && name.IndexOfAnyInRange((byte)0, (byte)0x1F) < 0 && !name.Contains((byte)0x7F);

    private static bool IsMediaType(ReadOnlySpan<byte> mediaType) => mediaType.IndexOfAnyExceptInRange((byte)0x21, (byte)0x7E) < 0;
}
