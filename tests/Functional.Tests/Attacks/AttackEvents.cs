using System.Text.Json;

using NUnit.Framework.Interfaces;

namespace FastChat.Functional.Tests;

/// <summary>Behind the attack the audit log has a line with this act, and this detail, that was not there before it.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class NotedAttribute(string act, string? detail = null) : Attribute
{
    /// <summary>As in docs/security.md.</summary>
    public string Act { get; } = act;

    /// <summary>Null = any.</summary>
    public string? Detail { get; } = detail;
}

/// <summary>Behind the attack this metric is higher than before it.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class CountedAttribute(string metric) : Attribute
{
    /// <summary>As in docs/operations.md.</summary>
    public string Metric { get; } = metric;
}

/// <summary>The attack leaves no event, and why that is right.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnseenAttribute(string why) : Attribute
{
    /// <summary>Why.</summary>
    public string Why { get; } = why;
}

/// <summary>
/// What a broker under attack says of it: its audit log, and its metrics as an operator gets them. Every test of an attack names what it expects (<see cref="NotedAttribute"/>, <see cref="CountedAttribute"/>, <see cref="UnseenAttribute"/>), and tests/attacks.md repeats it.
/// </summary>
internal sealed class AttackEvents(TestBroker broker)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    private int _linesBefore;
    private Dictionary<string, ulong> _countsBefore = [];

    /// <summary>What is there by now does not count as the next attack's.</summary>
    public async Task BeginAsync()
    {
        _countsBefore = await ReadCountsAsync();
        _linesBefore = ReadLines().Count;
    }

    /// <summary>Holds what has happened since against what the test that runs says.</summary>
    public async Task CheckAsync()
    {
        IMethodInfo method = NUnit.Framework.Internal.TestExecutionContext.CurrentContext.CurrentTest.Method!;
        NotedAttribute[] noted = method.GetCustomAttributes<NotedAttribute>(inherit: false);
        CountedAttribute[] counted = method.GetCustomAttributes<CountedAttribute>(inherit: false);
        Assert.That(noted.Length + counted.Length > 0, Is.Not.EqualTo(method.GetCustomAttributes<UnseenAttribute>(inherit: false).Length > 0), "a test of an attack says what event it leaves, or why it leaves none");
        long begun = System.Diagnostics.Stopwatch.GetTimestamp();
        string missing;
        while ((missing = await FindMissingAsync(noted, counted)).Length > 0 && System.Diagnostics.Stopwatch.GetElapsedTime(begun) < s_patience)
        {
            await Task.Delay(200);
        }

        string left = $"{string.Join(", ", ReadLines().Skip(_linesBefore).Select(static line => $"{line.Act} {line.Detail}").Distinct())}; {string.Join(", ", await ReadMovedAsync())}";
        TestContext.Out.WriteLine($"left: {left}");
        Assert.That(missing, Is.Empty, $"of what was left: {left}");
    }

    /// <summary>Something was refused since: a request with an Error, or a connection with a Close that is not the client's own.</summary>
    public async Task CheckRefusalAsync()
    {
        long begun = System.Diagnostics.Stopwatch.GetTimestamp();
        IReadOnlyList<string> moved = [];
        while (!moved.Any(IsRefusal))
        {
            Assert.That(System.Diagnostics.Stopwatch.GetElapsedTime(begun), Is.LessThan(TimeSpan.FromSeconds(3)), $"nothing says that something was refused: {string.Join(", ", moved)}");
            moved = await ReadMovedAsync();
        }

        static bool IsRefusal(string metric) =>
            metric.StartsWith("fastchat.errors.", StringComparison.Ordinal) || (metric.StartsWith("fastchat.closed.", StringComparison.Ordinal) && !metric.EndsWith('.' + nameof(CloseCode.Normal), StringComparison.Ordinal));
    }

    private async Task<string> FindMissingAsync(NotedAttribute[] noted, CountedAttribute[] counted)
    {
        IReadOnlyList<string> moved = await ReadMovedAsync();
        List<(string Act, string? Detail)> lines = ReadLines();
        IEnumerable<string> missing = noted
            .Where(expected => !lines.Skip(_linesBefore).Any(line => line.Act == expected.Act && (expected.Detail is null || expected.Detail == line.Detail)))
            .Select(static expected => $"{expected.Act} {expected.Detail}");
        return string.Join(", ", missing.Concat(counted.Select(static expected => expected.Metric).Where(metric => !moved.Contains(metric))));
    }

    private async Task<IReadOnlyList<string>> ReadMovedAsync() =>
        [.. (await ReadCountsAsync()).Where(count => count.Value > _countsBefore.GetValueOrDefault(count.Key)).Select(static count => count.Key)];

    /// <summary>The whole lines of the audit log.</summary>
    private List<(string Act, string? Detail)> ReadLines()
    {
        List<(string, string?)> lines = [];
        foreach (string file in Directory.GetFiles(Path.Combine(broker.Process.DataDirectory, "audit")).Order())
        {
            string text = File.ReadAllText(file);
            foreach (string line in text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                using JsonDocument json = JsonDocument.Parse(line);
                lines.Add((json.RootElement.GetProperty("act").GetString()!, json.RootElement.TryGetProperty("detail", out JsonElement detail) ? detail.GetString() : null));
            }
        }

        return lines;
    }

    /// <summary>
    /// On a connection of its own: any that was kept might have been the attack's victim. An operator's act, here one that stops no backup, is answered when the audit log has everything that was noted before.
    /// </summary>
    private async Task<Dictionary<string, ulong>> ReadCountsAsync()
    {
        await using SignedInPeer runner = await broker.SignInAsync(broker.ReadOperatorToken());
        await runner.AskAsync(FrameType.Backup, new ControlMap().Set("stop", true));
        ControlMap reply = (await runner.AskAsync(FrameType.GetStats, new ControlMap())).ToMap();
        ControlMap stats = reply.Map("stats")!, parts = reply.Map("parts")!;
        IEnumerable<KeyValuePair<string, ulong>> all = stats.Keys.Select(name => KeyValuePair.Create(name, stats.Number(name, 0)));
        return new(all.Concat(parts.Keys.SelectMany(name => parts.Map(name)!.Keys.Select(word => KeyValuePair.Create($"{name}.{word}", parts.Map(name)!.Number(word, 0))))));
    }
}
