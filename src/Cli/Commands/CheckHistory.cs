using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.History;

namespace FastChat.Cli;

/// <summary><c>check-history FILE…</c>: holds the histories of a run against the promises, and exits 1 when one was broken.</summary>
internal static class CheckHistory
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string[]> files = new("FILE") { Description = "Histories of one run (docs/history-format.md)", Arity = ArgumentArity.OneOrMore };
        Command command = new("check-history", "Check what clients recorded against what is promised") { files };
        command.SetAction((parsed, cancellation) =>
        {
            using Stream output = StandardOutput.Open();
            return Task.FromResult(Run(parsed.GetRequiredValue(files), parsed.GetValue(ClientVerbOptions.Json), output, cancellation));
        });
        return command;
    }

    /// <summary>Checks the files together.</summary>
    /// <exception cref="CliException">A file cannot be read or is no history (usage), or a promise was broken (failed).</exception>
    public static int Run(string[] files, bool asJson, Stream output, CancellationToken cancellation)
    {
        CheckReport report = Check(files, cancellation);
        using JsonLines lines = new(output);
        if (asJson)
        {
            PrintLines(report, lines);
        }
        else
        {
            using StreamWriter writer = new(output, leaveOpen: true);
            PrintTable(report, writer);
        }

        Utf8JsonWriter json = lines.Begin();
        json.WriteNumber("operations", report.Operations);
        json.WriteNumber("properties_checked", report.PromisesJudged);
        json.WriteNumber("violations", report.Violations);
        lines.End();
        lines.Flush();
        return report.Violations == 0
            ? ExitCodes.Done
            : throw new CliException(string.Create(
                CultureInfo.InvariantCulture, $"{report.Violations} violations of {string.Join(", ", Broken(report))}"));
    }

    private static CheckReport Check(string[] files, CancellationToken cancellation)
    {
        Action<long>? progress = Console.IsErrorRedirected ? null : ShowProgress;
        try
        {
            return HistoryChecker.Check(files, progress, cancellation);
        }
        catch (HistoryFormatException failure)
        {
            throw new CliException(SafeText.OneLine(failure.Message), ExitCodes.Usage, failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CliException(SafeText.OneLine(failure.Message), ExitCodes.Usage, failure);
        }
        finally
        {
            if (progress is not null)
            {
                Console.Error.Write("\r\e[K");
            }
        }
    }

    private static IEnumerable<string> Broken(CheckReport report) =>
        report.Promises.Where(static promise => promise.Violations > 0).Select(static promise => Promises.NumberOf(promise.Promise));

    private static string StateOf(PromiseReport promise) => promise switch
    {
        { Violations: > 0 } => "violated",
        { Judged: > 0 } => "holds",
        _ => Promises.HasCheck(promise.Promise) ? "not exercised" : "no check yet",
    };

    private static void PrintTable(CheckReport report, StreamWriter writer)
    {
        foreach (PromiseReport promise in report.Promises)
        {
            string name = Promises.NumberOf(promise.Promise);
            writer.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{name,-4} {Promises.TitleOf(promise.Promise),-32} {StateOf(promise),-14} {promise.Judged,12:N0} judged {promise.Violations,9:N0} violations"));
        }

        foreach (Violation violation in report.Details)
        {
            writer.WriteLine($"{Promises.NumberOf(violation.Promise)}: {violation.Text}");
            foreach (string place in violation.Places)
            {
                writer.WriteLine($"    {SafeText.OneLine(place)}");
            }
        }

        writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Events:N0} events, {report.Publishes:N0} publishes, {report.UnknownOutcomes:N0} of unknown outcome, {report.ForeignRecords:N0} records of others, {report.TornFiles} torn files"));
    }

    private static void PrintLines(CheckReport report, JsonLines lines)
    {
        foreach (PromiseReport promise in report.Promises)
        {
            Utf8JsonWriter json = lines.Begin();
            json.WriteString("property", Promises.NumberOf(promise.Promise));
            json.WriteString("title", Promises.TitleOf(promise.Promise));
            json.WriteString("state", StateOf(promise).Replace(' ', '_'));
            json.WriteNumber("judged", promise.Judged);
            json.WriteNumber("violations", promise.Violations);
            lines.End();
        }

        foreach (Violation violation in report.Details)
        {
            Utf8JsonWriter json = lines.Begin();
            json.WriteString("violation", Promises.NumberOf(violation.Promise));
            json.WriteString("text", violation.Text);
            json.WriteStartArray("places");
            foreach (string place in violation.Places)
            {
                json.WriteStringValue(place);
            }

            json.WriteEndArray();
            lines.End();
        }

        Utf8JsonWriter summary = lines.Begin();
        summary.WriteNumber("events", report.Events);
        summary.WriteNumber("publishes", report.Publishes);
        summary.WriteNumber("unknown_outcomes", report.UnknownOutcomes);
        summary.WriteNumber("foreign_records", report.ForeignRecords);
        summary.WriteNumber("torn_files", report.TornFiles);
        lines.End();
    }

    private static void ShowProgress(long events) => Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\rread {events:N0} events\e[K"));
}
