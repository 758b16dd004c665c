using System.Globalization;
using System.Text.Json;

namespace FastChat.Fuzz;

/// <summary>A campaign's words: the seed first, a line for each target, each violation with the command that repeats it, and one object in the last line.</summary>
internal sealed class Report(TextWriter output, bool isJson)
{
    public void Begin(ulong seed)
    {
        if (isJson)
        {
            Write(new { campaign = "fuzz", seed });
            return;
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}"));
        output.WriteLine($"{"target",-22} {"inputs",12} {"inputs/s",11} {"outcomes",9} {"bytes max",10} {"slowest ms",11} {"input",10} {"failed",7}");
    }

    public void Add(TargetResult result, IReadOnlyList<string> files)
    {
        if (isJson)
        {
            Write(new
            {
                target = result.Name,
                inputs = result.Inputs,
                inputs_per_second = Math.Round(result.InputsPerSecond),
                outcomes = result.Outcomes.Count,
                allocated_max = result.AllocatedMax,
                slowest_ms = Math.Round(result.Slowest.TotalMilliseconds, 2),
                slowest_input = result.SlowestNumber,
                failed = result.FailedInputs,
                violations = result.Violations.Select(violation => new { violation.Number, violation.Kind, violation.Message, violation.Command }),
            });
            return;
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Name,-22} {result.Inputs,12} {result.InputsPerSecond,11:F0} {result.Outcomes.Count,9} {result.AllocatedMax,10} {result.Slowest.TotalMilliseconds,11:F2} {result.SlowestNumber,10} {result.FailedInputs,7}"));
        foreach ((Violation violation, string file) in result.Violations.Zip(files))
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  VIOLATION  input {violation.Number}: {violation.Kind}: {violation.Message}"));
            output.WriteLine($"             {file}");
            output.WriteLine($"             {violation.Command}");
        }
    }

    public void End(ulong seed, IReadOnlyCollection<TargetResult> results, TimeSpan elapsed) => Write(new
    {
        campaign = "fuzz",
        seed,
        cycles = results.Count,
        violations = results.Sum(result => result.Violations.Count),
        inputs = results.Sum(result => result.Inputs),
        seconds = Math.Round(elapsed.TotalSeconds, 1),
    });

    private void Write<T>(T value) => output.WriteLine(JsonSerializer.Serialize(value));
}
