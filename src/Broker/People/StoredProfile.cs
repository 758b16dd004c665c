using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.People;

/// <summary>
/// A profile as it is stored under <c>f</c>. Sizes are of UTF-8; a text of size 0 is absent.
/// <code>
///  0        1            9          10         12        13
/// +--------+------------+----------+----------+---------+--------+------- per field, in the order of their keys ---+
/// | format | version u64| name u8  |avatar u16| loc. u8 |count u8| texts: name, avatar, locale; then per field:    |
/// +--------+------------+----------+----------+---------+--------+ key size u8 · key · value size u16 · value      |
/// </code>
/// </summary>
internal sealed record StoredProfile(ulong Version, string? DisplayName, string? Avatar, string? Locale, ProfileFields Fields)
{
    private const byte Format = 1;
    private const int FixedSize = 14;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>What everybody has who never set anything.</summary>
    public static StoredProfile None { get; } = new(0, null, null, null, ProfileFields.Empty);

    /// <summary>Bytes that count towards the limit.</summary>
    public int CountedSize => ProfileRules.SizeOf(DisplayName, Avatar, Locale, Fields);

    /// <summary>The profile of this change, with the same version.</summary>
    public StoredProfile With(ProfileChange change) => this with
    {
        DisplayName = Merge(DisplayName, change.DisplayName),
        Avatar = Merge(Avatar, change.Avatar),
        Locale = Merge(Locale, change.Locale),
        Fields = change.Fields is null ? Fields : new ProfileFields(Fields.All.Concat(change.Fields.All)
            .GroupBy(static field => field.Key, StringComparer.Ordinal)
            .Select(static same => same.Last())
            .Where(static field => field.Value.Length > 0)),
    };

    public byte[] ToBytes()
    {
        using MemoryStream bytes = new();
        using BinaryWriter writer = new(bytes, Encoding.UTF8);
        byte[] name = Bytes(DisplayName);
        byte[] avatar = Bytes(Avatar);
        byte[] locale = Bytes(Locale);
        writer.Write(Format);
        writer.Write(Version);
        writer.Write((byte)name.Length);
        writer.Write((ushort)avatar.Length);
        writer.Write((byte)locale.Length);
        writer.Write((byte)Fields.Count);
        writer.Write(name);
        writer.Write(avatar);
        writer.Write(locale);
        foreach ((string key, string value) in Fields.All)
        {
            byte[] keyBytes = Bytes(key);
            byte[] valueBytes = Bytes(value);
            writer.Write((byte)keyBytes.Length);
            writer.Write(keyBytes);
            writer.Write((ushort)valueBytes.Length);
            writer.Write(valueBytes);
        }

        writer.Flush();
        return bytes.ToArray();
    }

    /// <summary>The profile under a key; <see cref="None"/> when there is nothing.</summary>
    /// <exception cref="CorruptRecordException">It cannot be read: one request fails, and the shard goes on.</exception>
    public static StoredProfile Of(byte[]? stored) =>
        stored is null ? None : TryParse(stored, out StoredProfile? profile) ? profile : throw new CorruptRecordException("a profile cannot be read");

    /// <summary>False when the bytes are no profile of this format.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out StoredProfile? profile)
    {
        profile = null;
        if (source.Length < FixedSize || source[0] != Format)
        {
            return false;
        }

        int nameSize = source[9];
        int avatarSize = BinaryPrimitives.ReadUInt16LittleEndian(source[10..]);
        int localeSize = source[12];
        int count = source[13];
        ReadOnlySpan<byte> rest = source[FixedSize..];
        List<KeyValuePair<string, string>> fields = [];
        try
        {
            if (!TryTake(ref rest, nameSize, out string name) || !TryTake(ref rest, avatarSize, out string avatar) || !TryTake(ref rest, localeSize, out string locale))
            {
                return false;
            }

            for (int i = 0; i < count; i++)
            {
                if (!TryTakeSize(ref rest, sizeof(byte), out int size) || !TryTake(ref rest, size, out string key)
                    || !TryTakeSize(ref rest, sizeof(ushort), out size) || !TryTake(ref rest, size, out string value))
                {
                    return false;
                }

                fields.Add(new KeyValuePair<string, string>(key, value));
            }

            profile = new StoredProfile(BinaryPrimitives.ReadUInt64LittleEndian(source[1..]), NullIfEmpty(name), NullIfEmpty(avatar), NullIfEmpty(locale), new ProfileFields(fields));
        }
        catch (DecoderFallbackException)
        {
            // The broker writes well-formed texts only.
            return false;
        }

        // One profile has one form: a key twice, or out of its place, was not written here.
        return rest.IsEmpty && profile.Fields.All.SequenceEqual(fields);
    }

    /// <summary>What others get to see of it.</summary>
    public Profile ToProfile(UserId user, string name) => new(user, Version)
    {
        Name = name,
        DisplayName = DisplayName,
        Avatar = Avatar,
        Locale = Locale,
        Fields = Fields,
    };

    private static string? Merge(string? before, string? change) => change is null ? before : NullIfEmpty(change);

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    private static byte[] Bytes(string? text) => text is null ? [] : StrictUtf8.GetBytes(text);

    private static bool TryTakeSize(ref ReadOnlySpan<byte> rest, int width, out int size)
    {
        size = rest.Length < width ? 0 : width == sizeof(byte) ? rest[0] : BinaryPrimitives.ReadUInt16LittleEndian(rest);
        bool isThere = rest.Length >= width;
        rest = isThere ? rest[width..] : rest;
        return isThere;
    }

    private static bool TryTake(ref ReadOnlySpan<byte> rest, int size, out string text)
    {
        bool isThere = rest.Length >= size;
        text = isThere ? StrictUtf8.GetString(rest[..size]) : string.Empty;
        rest = isThere ? rest[size..] : rest;
        return isThere;
    }
}
