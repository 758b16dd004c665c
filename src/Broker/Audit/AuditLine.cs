using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace FastChat.Broker.Audit;

/// <summary>
/// A line of the audit log (docs/security.md): one JSON object with the keys <c>n at act user device from target detail count prev</c>, in this order, those that say nothing left out. <c>prev</c> is the SHA-256 of the
/// line before, without its end: whoever changes, removes or inserts a line has to change every line behind it, and those that were taken elsewhere tell.
/// </summary>
internal static class AuditLine
{
    /// <summary>Bytes of a line's hash.</summary>
    public const int HashSize = SHA256.HashSizeInBytes;

    /// <summary>What stands as <c>prev</c> in the first line of all.</summary>
    public static byte[] NothingBefore => new byte[HashSize];

    /// <summary>Writes a line with its end, and returns its hash.</summary>
    /// <param name="target">Where it goes.</param>
    /// <param name="number">Its number, from 1.</param>
    /// <param name="at">When it happened.</param>
    /// <param name="entry">What happened.</param>
    /// <param name="count">How often.</param>
    /// <param name="previous">Hash of the line before.</param>
    public static byte[] Write(ArrayBufferWriter<byte> target, long number, DateTimeOffset at, in AuditEntry entry, long count, byte[] previous)
    {
        int begin = target.WrittenCount;
        using (Utf8JsonWriter json = new(target))
        {
            json.WriteStartObject();
            json.WriteNumber("n", number);
            json.WriteString("at", at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", System.Globalization.CultureInfo.InvariantCulture));
            json.WriteString("act", NameOf(entry.Act));
            if (!entry.User.IsNone)
            {
                json.WriteString("user", entry.User.ToString());
            }

            if (entry.Device.Value != 0)
            {
                json.WriteNumber("device", entry.Device.Value);
            }

            WriteText(json, "from", entry.Remote);
            WriteText(json, "target", entry.Target);
            WriteText(json, "detail", entry.Detail);
            if (count > 1)
            {
                json.WriteNumber("count", count);
            }

            json.WriteString("prev", Convert.ToHexStringLower(previous));
            json.WriteEndObject();
        }

        byte[] hash = SHA256.HashData(target.WrittenSpan[begin..]);
        target.Write("\n"u8);
        return hash;
    }

    /// <summary>Reads what a line says of its place; false when it is no line of an audit log.</summary>
    /// <param name="line">Without its end.</param>
    public static bool TryRead(ReadOnlyMemory<byte> line, out long number, out DateTimeOffset at, out byte[] previous)
    {
        number = 0;
        at = default;
        previous = [];
        try
        {
            using JsonDocument json = JsonDocument.Parse(line);
            JsonElement root = json.RootElement;
            number = root.GetProperty("n").GetInt64();
            at = root.GetProperty("at").GetDateTimeOffset();
            _ = root.GetProperty("act").GetString();
            previous = Convert.FromHexString(root.GetProperty("prev").GetString()!);
            return previous.Length == HashSize;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or ArgumentNullException)
        {
            return false;
        }
    }

    /// <summary>The act as a line names it: <c>SignedIn</c> is <c>signed_in</c>.</summary>
    public static string NameOf(AuditAct act)
    {
        StringBuilder name = new();
        foreach (char letter in act.ToString())
        {
            name.Append(char.IsAsciiLetterUpper(letter) && name.Length > 0 ? "_" : string.Empty).Append(char.ToLowerInvariant(letter));
        }

        return name.ToString();
    }

    private static void WriteText(Utf8JsonWriter json, string key, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            json.WriteString(key, value);
        }
    }
}
