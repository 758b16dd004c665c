using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Client;

namespace FastChat.Cli;

/// <summary><c>admin limits [NAME=VALUE…]</c>: the limits that a broker holds people to, and other ones until it ends. As its operator.</summary>
internal static class LimitsVerb
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string[]> changes = new("NAME=VALUE") { Description = "A limit and what it is to be (docs/operations.md); networks separated by commas", Arity = ArgumentArity.ZeroOrMore };
        Option<string?> data = Admin.DataOption();
        Command command = new("limits", "Print the limits in force, or put others in force until the broker ends") { changes, data };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, Parse(parsed.GetValue(changes) ?? []), parsed.GetValue(data), token))(parsed, cancellation));
        return command;
    }

    /// <summary>Values as a settings file has them: true or false, a number, networks.</summary>
    internal static Dictionary<string, object> Parse(IEnumerable<string> changes)
    {
        Dictionary<string, object> parsed = new(StringComparer.Ordinal);
        foreach (string change in changes)
        {
            int at = change.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
            {
                throw CliException.Usage($"{change}: NAME=VALUE is expected");
            }

            (string name, string value) = (change[..at], change[(at + 1)..]);
            object read = value switch
            {
                "true" => true,
                "false" => false,
                _ when double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) => number,
                _ => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            };
            if (!parsed.TryAdd(name, read))
            {
                throw CliException.Usage($"{name} is given twice");
            }
        }

        return parsed;
    }

    private static async Task<int> RunAsync(Invocation invocation, Dictionary<string, object> changes, string? data, CancellationToken cancellation)
    {
        FastChatClient client = await Admin.ConnectAsync(invocation, data, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            Print(invocation, changes.Count == 0
                ? await client.GetLimitsAsync(cancellation).ConfigureAwait(false)
                : await client.SetLimitsAsync(changes, cancellation).ConfigureAwait(false));
        }

        if (changes.Count > 0)
        {
            Invocation.Note("in force until the broker ends or reads its settings file again (SIGHUP); what is to last is written there");
        }

        return ExitCodes.Done;
    }

    /// <summary>As a settings file has them, so that a line can be put there.</summary>
    private static void Print(Invocation invocation, IReadOnlyDictionary<string, object> limits)
    {
        if (invocation.IsHuman)
        {
            foreach ((string name, object value) in limits.OrderBy(static limit => limit.Key, StringComparer.Ordinal))
            {
                string shown = value is IReadOnlyList<string> texts ? string.Join(',', texts) : Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty;
                invocation.PrintHuman($"{SafeText.OneLine(name),-40} {SafeText.OneLine(value is bool flag ? (flag ? "true" : "false") : shown)}");
            }

            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        foreach ((string name, object value) in limits.OrderBy(static limit => limit.Key, StringComparer.Ordinal))
        {
            json.WritePropertyName(name);
            JsonSerializer.Serialize(json, value, value.GetType());
        }

        invocation.Json.End();
    }
}
