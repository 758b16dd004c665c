using System.Globalization;
using System.Text;
using System.Text.Json;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What is attached to a message, for people and for programs.</summary>
internal static class AttachmentTexts
{
    private const int UnitStep = 1024;

    /// <summary>What is shown behind a message's text: the name and size of each attachment; nothing when there is none. Names are as they are in the record: who prints makes them harmless.</summary>
    public static string Suffix(MessageKind kind, ReadOnlySpan<byte> body)
    {
        if (MessageContent.AttributesOf(kind, body) is not { Attachments.Count: > 0 } attributes)
        {
            return string.Empty;
        }

        StringBuilder text = new();
        foreach (MessageAttachment attachment in attributes.Attachments)
        {
            text.Append(CultureInfo.InvariantCulture, $" [{Of(attachment)}]");
        }

        return text.ToString();
    }

    /// <summary>Name and size of one.</summary>
    public static string Of(MessageAttachment attachment) => $"{attachment.Name}, {Size(attachment.Size)}";

    /// <summary>Writes the attachments of a message as a field; nothing when there are none.</summary>
    public static void Write(Utf8JsonWriter json, IReadOnlyList<MessageAttachment>? attachments)
    {
        if (attachments is not { Count: > 0 })
        {
            return;
        }

        json.WriteStartArray("attachments");
        foreach (MessageAttachment attachment in attachments)
        {
            json.WriteStartObject();
            WriteFields(json, attachment);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>Writes the fields of an attachment.</summary>
    public static void WriteFields(Utf8JsonWriter json, MessageAttachment attachment)
    {
        json.WriteString("hash", attachment.Id.ToString());
        json.WriteString("name", attachment.Name);
        json.WriteNumber("size", attachment.Size);
        if (attachment.MediaType.Length > 0)
        {
            json.WriteString("media_type", attachment.MediaType);
        }
    }

    /// <summary>A number of bytes, for people.</summary>
    public static string Size(ulong bytes)
    {
        ReadOnlySpan<string> units = ["KiB", "MiB", "GiB"];
        if (bytes < UnitStep)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes");
        }

        double size = (double)bytes / UnitStep;
        int unit = 0;
        for (; size >= UnitStep && unit < units.Length - 1; unit++)
        {
            size /= UnitStep;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{size:0.#} {units[unit]}");
    }
}
