using System.Text.Json;

namespace FastChat.Broker.Hosting;

/// <summary>The options that are not what they are by default, for the audit log: with them a change of the settings is a difference between two starts. No option holds a secret; where one lies in a file, the option is its path.</summary>
internal static class ChangedOptions
{
    private static readonly JsonSerializerOptions s_format = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>The names of those that differ.</summary>
    public static IEnumerable<string> Between(BrokerOptions one, BrokerOptions other)
    {
        JsonElement others = JsonSerializer.SerializeToElement(other, s_format);
        return JsonSerializer.SerializeToElement(one, s_format).EnumerateObject()
            .Where(option => !JsonElement.DeepEquals(option.Value, others.GetProperty(option.Name)))
            .Select(static option => option.Name);
    }

    /// <summary><c>name=value</c> of each, by name, separated by spaces; values as in the JSON file.</summary>
    public static string Of(BrokerOptions options)
    {
        JsonElement defaults = JsonSerializer.SerializeToElement(new BrokerOptions(), s_format);
        return string.Join(' ', JsonSerializer.SerializeToElement(options, s_format).EnumerateObject()
            .Where(option => !JsonElement.DeepEquals(option.Value, defaults.GetProperty(option.Name)))
            .OrderBy(option => option.Name, StringComparer.Ordinal)
            .Select(option => $"{option.Name}={option.Value.GetRawText()}"));
    }
}
