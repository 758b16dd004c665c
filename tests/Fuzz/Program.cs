using System.Diagnostics;
using System.Globalization;

using FastChat.Fuzz;
using FastChat.TestSupport;

// Exit codes: 0 everything held, 1 something did not, 2 the command line makes no sense.
CommandLine line;
try
{
    line = CommandLine.Parse(args);
    foreach (string name in line.Targets.Where(name => !TargetList.Names.Contains(name)))
    {
        throw new FormatException($"there is no target {name}; --list names them");
    }
}
catch (Exception wrong) when (wrong is FormatException or OverflowException)
{
    Console.Error.WriteLine(wrong.Message);
    Console.Error.WriteLine(CommandLine.Usage);
    return 2;
}

if (line.IsList)
{
    Console.WriteLine(string.Join('\n', TargetList.Names));
    return 0;
}

return line.Input is not null || line.File is not null ? RunAgain(line) : RunCampaign(line);

static int RunAgain(CommandLine line)
{
    using IFuzzTarget target = TargetList.Make(line.Targets[0]);
    byte[] input = line.File is { } path ? File.ReadAllBytes(path) : Repeat.Find(target, line.Seed, line.Input!.Value);
    Console.WriteLine(Convert.ToHexStringLower(input));
    if (line.File is not null)
    {
        target.BeginBlock();
    }

    Exception? failure = Repeat.TryRun(target, input, out ulong outcome);
    Console.WriteLine(failure is null ? string.Create(CultureInfo.InvariantCulture, $"held; outcome {outcome:x16}") : failure.ToString());
    return failure is null ? 0 : 1;
}

static int RunCampaign(CommandLine line)
{
    string artifacts = RepositoryRoot.PathOf("artifacts", "fuzz");
    Report report = new(Console.Out, line.IsJson);
    report.Begin(line.Seed);
    long began = Stopwatch.GetTimestamp();
    IReadOnlyList<string> names = line.Targets.Count > 0 ? line.Targets : TargetList.Names;
    List<TargetResult> results = [];
    foreach (string name in names)
    {
        FuzzSettings settings = new()
        {
            Seed = line.Seed,
            Inputs = line.Inputs >= 0 ? line.Inputs : line.Minutes is null ? TargetList.ShortRunOf(name) : long.MaxValue / 2,
            HangAfter = line.HangAfter,
            TimeMax = line.Minutes is { } minutes ? TimeSpan.FromMinutes(minutes / names.Count) : null,
            Threads = line.Threads,
            KeepsFinds = line.KeepsFinds,
            Progress = Console.IsErrorRedirected ? null : ShowProgress,
        };
        TargetResult result = new TargetCampaign(() => TargetList.Make(name), settings).Run();
        results.Add(result);
        report.Add(result, [.. result.Violations.Select(violation => Path.GetRelativePath(RepositoryRoot.Directory, violation.Save(artifacts)))]);
        Console.Out.Flush();
        Keep(result);
    }

    report.End(line.Seed, results, Stopwatch.GetElapsedTime(began));
    return results.Exists(result => result.Violations.Count > 0) ? 1 : 0;
}

static void ShowProgress(string target, long inputs) => Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\r{target}: {inputs}   \r"));

static void Keep(TargetResult result)
{
    foreach ((ulong outcome, byte[] input) in result.Finds)
    {
        Directory.CreateDirectory(Corpus.DirectoryOf(result.Name));
        File.WriteAllBytes(Path.Combine(Corpus.DirectoryOf(result.Name), outcome.ToString("x16", CultureInfo.InvariantCulture) + ".bin"), input);
    }
}
