using System.Globalization;
using System.Text.Json.Nodes;

namespace FastChat.Protocol.Tests;

/// <summary>Values in the notation of the vector files: JSON, bytes as "hex:…", integers beyond 2⁵³ as "int:…".</summary>
internal static class VectorValues
{
    private const ulong PlainMax = (1UL << 53) - 1;

    public static JsonNode Bytes(ReadOnlySpan<byte> bytes) => "hex:" + Convert.ToHexStringLower(bytes);

    public static JsonNode Id(UInt128 id) => "hex:" + Id128.Format(id);

    public static JsonNode Number(ulong number) => number <= PlainMax ? number : string.Create(CultureInfo.InvariantCulture, $"int:{number}");

    public static JsonNode Number(long number) => number < 0 ? number : Number((ulong)number);

    public static byte[] ToBytes(JsonNode? value) => Convert.FromHexString(value!.GetValue<string>()["hex:".Length..]);

    public static UInt128 ToId(JsonNode? value) => Id128.Read(ToBytes(value));

    public static ulong ToUnsigned(JsonNode? value) => value!.GetValueKind() == System.Text.Json.JsonValueKind.String
        ? ulong.Parse(value.GetValue<string>()["int:".Length..], CultureInfo.InvariantCulture)
        : value.GetValue<ulong>();

    public static long ToSigned(JsonNode? value) => value!.GetValue<long>();

    /// <summary>A control body as a vector writes it.</summary>
    public static JsonObject FromMap(ControlMap map)
    {
        JsonObject fields = [];
        foreach (string key in map.Keys)
        {
            fields.Add(key, FromValue(map[key]));
        }

        return fields;
    }

    /// <summary>The control body of a vector's map.</summary>
    public static ControlMap ToMap(JsonObject fields)
    {
        ControlMap map = new();
        foreach ((string key, JsonNode? value) in fields)
        {
            map.Set(key, ToValue(value));
        }

        return map;
    }

    private static JsonNode? FromValue(object? value) => value switch
    {
        null => null,
        bool flag => flag,
        long number => Number(number),
        ulong number => Number(number),
        string text => text,
        byte[] bytes => Bytes(bytes),
        ControlMap map => FromMap(map),
        List<object?> list => new JsonArray([.. list.Select(FromValue)]),
        _ => throw new ArgumentException($"{value.GetType()} does not come out of a control body", nameof(value)),
    };

    private static object? ToValue(JsonNode? value) => value switch
    {
        null => null,
        JsonObject map => ToMap(map),
        JsonArray list => list.Select(ToValue).ToList(),
        _ => value.GetValueKind() switch
        {
            System.Text.Json.JsonValueKind.True => true,
            System.Text.Json.JsonValueKind.False => false,
            System.Text.Json.JsonValueKind.Number => value.GetValue<long>(),
            _ when value.GetValue<string>().StartsWith("hex:", StringComparison.Ordinal) => ToBytes(value),
            _ when value.GetValue<string>().StartsWith("int:", StringComparison.Ordinal) => ToUnsigned(value),
            _ => value.GetValue<string>(),
        },
    };
}
