using System.Globalization;
using System.Text.Json;

namespace FastChat.Cli;

/// <summary>Shows decoded frames: a tree for people, one object per frame for programs.</summary>
internal static class DecodedPrinter
{
    /// <summary>Prints a frame as lines; the number in front of a field is its offset in the body.</summary>
    public static void PrintText(DecodedFrame frame, TextWriter target)
    {
        target.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{frame.Name}  {frame.Sender}  request={frame.Request}  body={frame.Length} bytes  (at byte {frame.Position})"));
        PrintFields(frame.Fields, depth: 1, target);
        foreach (string problem in frame.Problems)
        {
            target.WriteLine($"  !! {problem}");
        }
    }

    /// <summary>Writes a frame as one JSON line.</summary>
    public static void PrintJson(DecodedFrame frame, JsonLines target)
    {
        Utf8JsonWriter json = target.Begin();
        json.WriteString("frame", frame.Name);
        json.WriteString("sender", frame.Sender);
        json.WriteNumber("position", frame.Position);
        json.WriteNumber("length", frame.Length);
        json.WriteNumber("request", frame.Request);
        json.WriteStartArray("fields");
        WriteFields(json, frame.Fields);
        json.WriteEndArray();
        json.WriteStartArray("problems");
        foreach (string problem in frame.Problems)
        {
            json.WriteStringValue(problem);
        }

        json.WriteEndArray();
        target.End();
    }

    private static void PrintFields(IReadOnlyList<DecodedField> fields, int depth, TextWriter target)
    {
        int width = fields.Count == 0 ? 0 : fields.Max(static field => field.Name.Length);
        foreach (DecodedField field in fields)
        {
            string offset = field.Offset < 0 ? string.Empty : field.Offset.ToString(CultureInfo.InvariantCulture).PadLeft(5) + "  ";
            string value = string.Join("  ", new[] { ValueText(field.Value), field.Note is null ? null : $"({field.Note})" }.Where(static part => part is not null));
            target.WriteLine($"{new string(' ', 2 * depth)}{offset}{field.Name.PadRight(width)}  {value}");
            if (field.Children is { } children)
            {
                PrintFields(children, depth + 1, target);
            }
        }
    }

    private static string? ValueText(object? value) => value switch
    {
        null => null,
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    private static void WriteFields(Utf8JsonWriter json, IReadOnlyList<DecodedField> fields)
    {
        foreach (DecodedField field in fields)
        {
            json.WriteStartObject();
            json.WriteString("name", field.Name);
            if (field.Offset >= 0)
            {
                json.WriteNumber("offset", field.Offset);
            }

            WriteValue(json, field.Value);
            if (field.Note is not null)
            {
                json.WriteString("note", field.Note);
            }

            if (field.Children is { } children)
            {
                json.WriteStartArray("fields");
                WriteFields(json, children);
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }
    }

    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: break;
            case bool flag: json.WriteBoolean("value", flag); break;
            case long number: json.WriteNumber("value", number); break;
            case ulong number: json.WriteNumber("value", number); break;
            default: json.WriteString("value", value.ToString()); break;
        }
    }
}
