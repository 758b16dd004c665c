using System.Globalization;
using System.Net;

using FastChat.Protocol;

namespace FastChat.Broker.Limits;

/// <summary>
/// The limits by the names that they have in the settings file, in GetLimits and in SetLimits: what an operator sees, and what they can change while the broker runs, is one list.
/// </summary>
internal static class LimitNames
{
    private static readonly Row[] s_rows =
    [
        new("limits", static of => of.IsOn, static (of, value) => of with { IsOn = (bool)value }),
        new("limit_trusted", static of => of.Trusted, static (of, value) => of with { Trusted = (IReadOnlyList<IPNetwork>)value }),
        new("limit_burst_seconds", static of => of.BurstSeconds, static (of, value) => of with { BurstSeconds = (double)value }),
        new("limit_publishes_per_second", static of => of.PublishesPerSecond, static (of, value) => of with { PublishesPerSecond = (double)value }),
        new("limit_publish_bytes_per_second", static of => of.PublishBytesPerSecond, static (of, value) => of with { PublishBytesPerSecond = (double)value }),
        new("limit_requests_per_second", static of => of.RequestsPerSecond, static (of, value) => of with { RequestsPerSecond = (double)value }),
        new("limit_service_factor", static of => of.ServiceFactor, static (of, value) => of with { ServiceFactor = (double)value }),
        new("limit_conversation_publishes_per_second", static of => of.ConversationPublishesPerSecond, static (of, value) => of with { ConversationPublishesPerSecond = (double)value }),
        new("limit_connection_bytes_per_second", static of => of.ConnectionBytesPerSecond, static (of, value) => of with { ConnectionBytesPerSecond = (double)value }),
        new("limit_connections_per_user", static of => of.ConnectionsPerUserMax, static (of, value) => of with { ConnectionsPerUserMax = (int)value }),
        new("limit_connections_per_address", static of => of.ConnectionsPerAddressMax, static (of, value) => of with { ConnectionsPerAddressMax = (int)value }),
        new("limit_connects_per_second", static of => of.ConnectsPerSecond, static (of, value) => of with { ConnectsPerSecond = (double)value }),
        new("limit_sign_ins_per_second", static of => of.SignInsPerSecond, static (of, value) => of with { SignInsPerSecond = (double)value }),
        new("limit_wrong_passwords", static of => of.WrongPasswordsFree, static (of, value) => of with { WrongPasswordsFree = (int)value }),
        new("limit_sign_in_wait_seconds", static of => of.SignInWaitSeconds, static (of, value) => of with { SignInWaitSeconds = (double)value }),
    ];

    /// <summary>All of them.</summary>
    public static IEnumerable<string> All => s_rows.Select(static row => row.Name);

    /// <summary>The settings as a control map: booleans, integers, floats where there is a fraction, and networks as an array of texts.</summary>
    public static ControlMap ToMap(LimitSettings settings)
    {
        ControlMap map = new();
        foreach (Row row in s_rows)
        {
            map.Set(row.Name, row.Get(settings) switch
            {
                int number => (long)number,
                double number when double.IsInteger(number) => (long)number,
                IReadOnlyList<IPNetwork> networks => networks.Select(static network => (object?)network.ToString()).ToList(),
                object value => value,
            });
        }

        return map;
    }

    /// <summary>The settings with those of the map in their places; the others stay.</summary>
    /// <exception cref="ArgumentException">There is none of a name, its value is of another kind, or makes no sense; the message says which.</exception>
    public static LimitSettings Merge(LimitSettings settings, ControlMap changes)
    {
        foreach (string name in changes.Keys)
        {
            Row row = s_rows.FirstOrDefault(row => row.Name == name) ?? throw new ArgumentException($"there is no limit {(name.Length <= 64 ? name : "of that name")}");
            settings = row.Set(settings, Convert(row, row.Get(settings), changes[name]));
        }

        settings.Validate();
        return settings;
    }

    /// <summary>What differs, by name, as it was and as it is: <c>NAME OLD -> NEW</c>. Empty when nothing does.</summary>
    public static IReadOnlyList<string> Differences(LimitSettings before, LimitSettings after) =>
        [.. s_rows.Where(row => Show(row.Get(before)) != Show(row.Get(after))).Select(row => $"{row.Name} {Show(row.Get(before))} -> {Show(row.Get(after))}")];

    private static object Convert(Row row, object example, object? value) => (example, value) switch
    {
        (bool, bool flag) => flag,
        (double, double number) => number,
        (double, long number) => (double)number,
        (double, ulong number) => (double)number,
        (int, long number and >= int.MinValue and <= int.MaxValue) => (int)number,
        (int, double number) when double.IsInteger(number) && Math.Abs(number) <= int.MaxValue => (int)number,
        (IReadOnlyList<IPNetwork>, List<object?> texts) => texts.Select(text => ParseNetwork(row.Name, text as string)).ToList(),
        (bool, _) => throw new ArgumentException($"{row.Name}: true or false"),
        (int, _) => throw new ArgumentException($"{row.Name}: a whole number"),
        (double, _) => throw new ArgumentException($"{row.Name}: a number"),
        _ => throw new ArgumentException($"{row.Name}: networks of the form ADDRESS/BITS"),
    };

    /// <exception cref="ArgumentException">It is none.</exception>
    public static IPNetwork ParseNetwork(string name, string? text) =>
        IPNetwork.TryParse(text, out IPNetwork network) ? network : throw new ArgumentException($"{name}: {(text is { Length: <= 64 } ? text : "one of them")} is not a network of the form ADDRESS/BITS");

    private static string Show(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        IReadOnlyList<IPNetwork> networks => $"[{string.Join(',', networks)}]",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => string.Empty,
    };

    private sealed record Row(string Name, Func<LimitSettings, object> Get, Func<LimitSettings, object, LimitSettings> Set);
}
