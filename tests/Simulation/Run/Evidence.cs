using System.Globalization;

using FastChat.History;

namespace FastChat.Simulation;

/// <summary>
/// What the worlds of a run have shown, added up: a run in which something never happened says nothing about it. Whoever finds no defect in ten thousand worlds wants to know what was in them.
/// </summary>
internal sealed class Evidence
{
    /// <summary>What many worlds together must have exercised: every promise that a history of today can say something about.</summary>
    private static readonly Promise[] s_exercised = [.. Promises.All.Where(Promises.HasCheck)];

    /// <summary>With fewer worlds than this, something rare may be missing.</summary>
    private const int WorldsMin = 200;

    private readonly SortedDictionary<Promise, long> _judged = [];
    private readonly SortedDictionary<string, long> _faults = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _deeds = new(StringComparer.Ordinal);
    private long _worlds;

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
    public IReadOnlyList<string> Missing() => _worlds < WorldsMin ? [] : [
        .. s_exercised.Where(promise => _judged.GetValueOrDefault(promise) == 0).Select(promise => $"{Promises.NumberOf(promise)} was never judged"),
        .. Fate.AllNames.Where(name => _faults.GetValueOrDefault(name) == 0).Select(name => $"{name} never struck")];

    /// <summary>For people.</summary>
    public override string ToString() => string.Join(
        Environment.NewLine,
        string.Create(CultureInfo.InvariantCulture, $"  {_worlds} worlds"),
        "  faults: " + string.Join(", ", _faults.Select(fault => $"{fault.Key} {fault.Value}")),
        "  deeds: " + string.Join(", ", _deeds.Select(deed => $"{deed.Key} {deed.Value}")),
        "  judged: " + string.Join(", ", _judged.Where(promise => promise.Value > 0).Select(promise => $"{Promises.NumberOf(promise.Key)} {promise.Value}")));
}
