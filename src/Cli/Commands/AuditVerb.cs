using System.CommandLine;
using System.Text.Json;

using FastChat.Broker.Audit;

namespace FastChat.Cli;

/// <summary><c>admin audit [--data DIR] [--after N] [--act NAME]</c>: prints the audit log and checks its chain. Reads the files, so it needs no broker, and may be run on a copy.</summary>
internal static class AuditVerb
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Option<string?> data = new("--data") { Description = "The broker's data directory; that of the running broker, or ./data, otherwise", HelpName = "DIR" };
        Option<long> after = new("--after") { Description = "Print lines behind this number", HelpName = "N" };
        Option<string?> act = new("--act") { Description = "Print lines of this act only, for example sign_in_refused", HelpName = "NAME" };
        Command command = new("audit", "Print the audit log and check that nothing in it was changed or taken away") { data, after, act };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, _) => Task.FromResult(Run(
            invocation, parsed.GetValue(data), parsed.GetValue(after), parsed.GetValue(act))))(parsed, cancellation));
        return command;
    }

    private static int Run(Invocation invocation, string? data, long after, string? act)
    {
        string directory = AuditFiles.DirectoryOf(data ?? RunningServer.FindData(invocation.Server.Port, Environment.GetEnvironmentVariable) ?? "./data");
        if (!Directory.Exists(directory))
        {
            throw new CliException($"there is no audit log in {SafeText.OneLine(directory)}");
        }

        AuditCheck check = AuditFiles.Check(directory, line => Print(invocation, line, after, act));
        foreach (string problem in check.Problems)
        {
            invocation.Json.Begin().WriteString("problem", problem);
            invocation.Json.End();
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteNumber("lines", check.Lines);
        json.WriteNumber("first", check.First);
        json.WriteNumber("last", check.Last);
        json.WriteString("hash", Convert.ToHexStringLower(check.LastHash));
        json.WriteNumber("problems", check.Problems.Count);
        invocation.Json.End();
        return check.Problems.Count == 0 ? ExitCodes.Done : throw new CliException($"{check.Problems.Count} problems in {SafeText.OneLine(directory)}");
    }

    private static bool Is(JsonElement root, string key, Func<JsonElement, bool> condition) =>
        root.TryGetProperty(key, out JsonElement value) && value.ValueKind is JsonValueKind.Number or JsonValueKind.String && condition(value);

    private static void Print(Invocation invocation, ReadOnlyMemory<byte> line, long after, string? act)
    {
        JsonDocument parsed;
        try
        {
            parsed = JsonDocument.Parse(line);
        }
        catch (JsonException)
        {
            // The check tells of it.
            return;
        }

        using (parsed)
        {
            JsonElement root = parsed.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !Is(root, "n", value => value.TryGetInt64(out long number) && number > after) || (act is not null && !Is(root, "act", value => value.ValueEquals(act))))
            {
                return;
            }

            Utf8JsonWriter json = invocation.Json.Begin();
            foreach (JsonProperty property in root.EnumerateObject())
            {
                property.WriteTo(json);
            }

            invocation.Json.End();
        }
    }
}
