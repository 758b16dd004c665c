using FastChat.TestSupport;

namespace FastChat.Fuzz.Tests;

/// <summary>A short run of every target, the same inputs each time, and every input of the corpus. Long runs: <c>dotnet run --project tests/Fuzz -c Release -- --inputs 100000000</c>.</summary>
public sealed class TargetTests
{
    private const ulong Seed = 20261125;

    private static IEnumerable<string> Names => TargetList.Names;

    [TestCaseSource(nameof(Names))]
    public void Nothing_is_violated_in_a_short_run(string name)
    {
        FuzzSettings settings = new() { Seed = Seed, Inputs = TargetList.ShortRunOf(name), HangAfter = TimeSpan.FromSeconds(5) };
        TargetResult result = new TargetCampaign(() => TargetList.Make(name), settings).Run();
        foreach (Violation violation in result.Violations)
        {
            violation.Save(RepositoryRoot.PathOf("artifacts", "fuzz"));
        }

        Assert.That(result.Violations.Select(violation => $"{violation.Kind}: {violation.Message}\n{violation.Command}"), Is.Empty);
        Assert.That(result.Inputs, Is.EqualTo(settings.Inputs));
        Assert.That(result.Outcomes, Has.Count.GreaterThan(5), "whatever goes in, the same comes out: the target reaches nothing");
    }

    [TestCaseSource(nameof(Names))]
    public void Every_input_of_the_corpus_holds(string name)
    {
        using IFuzzTarget target = TargetList.Make(name);
        byte[][] corpus = Corpus.Load(target);
        Assert.That(corpus, Is.Not.Empty);
        Assert.That(corpus.Length, Is.LessThan(target.BlockSize), "a block would hold nothing else");
        target.BeginBlock();
        foreach (byte[] input in corpus)
        {
            Exception? failure = Repeat.TryRun(target, input, out _);
            Assert.That(failure, Is.Null, Convert.ToHexString(input));
        }
    }

    [Test]
    public void Every_directory_of_the_corpus_belongs_to_a_target()
    {
        IEnumerable<string> directories = Directory.GetDirectories(RepositoryRoot.PathOf("tests", "Fuzz", "corpus")).Select(path => Path.GetFileName(path));
        Assert.That(directories.Except(TargetList.Names), Is.Empty);
    }
}
