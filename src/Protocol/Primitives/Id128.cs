using System.Buffers.Binary;
using System.Globalization;

namespace FastChat.Protocol;

/// <summary>
/// The one representation behind every 16-byte identifier: most significant byte first on the wire and in keys,
/// 32 lower-case hexadecimal digits as text. The typed ids wrap it so that no signature takes a naked number.
/// </summary>
public static class Id128
{
    /// <summary>Bytes an identifier takes on the wire and in a key.</summary>
    public const int Size = 16;

    /// <summary>Reads an identifier from the first 16 bytes of <paramref name="source"/>.</summary>
    public static UInt128 Read(ReadOnlySpan<byte> source) => BinaryPrimitives.ReadUInt128BigEndian(source);

    /// <summary>Writes an identifier to the first 16 bytes of <paramref name="target"/>.</summary>
    public static void Write(Span<byte> target, UInt128 value) => BinaryPrimitives.WriteUInt128BigEndian(target, value);

    /// <summary>The textual form: 32 lower-case hexadecimal digits.</summary>
    public static string Format(UInt128 value) => value.ToString("x32", CultureInfo.InvariantCulture);

    /// <summary>Parses the textual form; upper case is accepted, any other length or character is not.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out UInt128 value)
    {
        value = default;
        return text.Length == 2 * Size && UInt128.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>
    /// The part of an identifier that decides its shard (the two most significant bytes, protocol.md §5.4). Everything that must change
    /// together with an object has an id of the same placement, so one shard can write it in one batch.
    /// </summary>
    public static ushort Placement(UInt128 value) => (ushort)(value >> 112);

    /// <summary><paramref name="value"/> with its placement replaced.</summary>
    public static UInt128 WithPlacement(UInt128 value, ushort placement) => (value & (UInt128.MaxValue >> 16)) | ((UInt128)placement << 112);
}
