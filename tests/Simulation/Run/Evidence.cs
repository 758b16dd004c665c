using System.Globalization;

using FastChat.History;

namespace FastChat.Simulation;

/// <summary>
/// What the worlds of a run have shown, added up: a run in which something never happened says nothing about it. Whoever finds no defect in ten thousand worlds wants to know what was in them.
/// </summary>
internal sealed class Evidence
{
    private readonly ExpectedEvidence _expected;
    private readonly int _worldsMin;
    private readonly SortedDictionary<Promise, long> _judged = [];
    private readonly SortedDictionary<string, long> _faults = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _deeds = new(StringComparer.Ordinal);
    private long _worlds;

    /// <param name="expected">What the worlds together must have shown.</param>
    /// <param name="worldsMin">With fewer worlds something rare may be missing, and nothing is expected.</param>
    public Evidence(ExpectedEvidence expected, int worldsMin)
    {
        _expected = expected;
        _worldsMin = worldsMin;
    }

    /// <summary>Of worlds with a handful of people, who delete nothing, move no cursors and revoke nobody: every other promise that a history of today can say something about, and every fault.</summary>
    public static ExpectedEvidence OfWorlds { get; } =
        new([.. Promises.All.Where(static promise => Promises.HasCheck(promise) && promise is not (Promise.Cursors or Promise.Revocation or Promise.Erasure))], Fate.AllNames, WorldsForFaults: 0, []);

    /// <summary>Adds a world.</summary>
    public void Add(SeedResult result)
    {
        _worlds++;
        foreach (PromiseReport promise in result.Report.Promises)
        {
            _judged[promise.Promise] = _judged.GetValueOrDefault(promise.Promise) + promise.Judged;
        }

        foreach ((string name, int count) in result.Faults)
        {
            _faults[name] = _faults.GetValueOrDefault(name) + count;
        }

        foreach ((string name, int count) in result.Deeds)
        {
            _deeds[name] = _deeds.GetValueOrDefault(name) + count;
        }
    }

    /// <summary>What has never happened although there were many worlds; empty when nothing is missing.</summary>
    public IReadOnlyList<string> Missing() => _worlds < _worldsMin ? [] : [
        .. _expected.Promises.Where(promise => _judged.GetValueOrDefault(promise) == 0).Select(promise => $"{Promises.NumberOf(promise)} was never judged"),
        .. (_worlds < _expected.WorldsForFaults ? [] : _expected.Faults).Where(name => _faults.GetValueOrDefault(name) == 0).Select(name => $"{name} never struck"),
        .. _expected.Deeds.Where(name => _deeds.GetValueOrDefault(name) == 0).Select(name => $"{name} never happened")];

    /// <summary>For people.</summary>
    public override string ToString() => string.Join(
        Environment.NewLine,
        string.Create(CultureInfo.InvariantCulture, $"  {_worlds} worlds"),
        "  faults: " + string.Join(", ", _faults.Select(fault => $"{fault.Key} {fault.Value}")),
        "  deeds: " + string.Join(", ", _deeds.Select(deed => $"{deed.Key} {deed.Value}")),
        "  judged: " + string.Join(", ", _judged.Where(promise => promise.Value > 0).Select(promise => $"{Promises.NumberOf(promise.Key)} {promise.Value}")));
}

/// <summary>What worlds must have shown, so that finding nothing means something.</summary>
/// <param name="Promises">That were judged.</param>
/// <param name="Faults">That struck.</param>
/// <param name="WorldsForFaults">With fewer worlds than this a fault may be missing: each world has some of them only.</param>
/// <param name="Deeds">That were done or met.</param>
internal sealed record ExpectedEvidence(IReadOnlyList<Promise> Promises, IReadOnlyList<string> Faults, int WorldsForFaults, IReadOnlyList<string> Deeds);
