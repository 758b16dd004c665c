using System.Globalization;

namespace FastChat.History;

/// <summary>Collects what the checks find. A broken run may break a promise a million times: the first ones of each are kept, all are counted.</summary>
internal sealed class Findings
{
    private readonly string[] _files;
    private readonly int _detailsMax;
    private readonly long[] _judged = new long[Slots];
    private readonly long[] _violations = new long[Slots];
    private readonly List<Violation> _details = [];

    /// <param name="files">Names of the files that places refer to.</param>
    /// <param name="detailsMax">Violations of one promise that are kept with their text.</param>
    public Findings(string[] files, int detailsMax)
    {
        _files = files;
        _detailsMax = detailsMax;
    }

    private static int Slots => (int)Promises.All[^1] + 1;

    /// <summary>The promise could have been broken here.</summary>
    public void Judge(Promise promise, long times = 1) => _judged[(int)promise] += times;

    /// <summary>It was. The text is only made for those that are kept.</summary>
    public void Report(Promise promise, FormattableString text, params ReadOnlySpan<Place> places)
    {
        _violations[(int)promise]++;
        if (_violations[(int)promise] > _detailsMax)
        {
            return;
        }

        List<string> named = [];
        foreach (Place place in places)
        {
            if (!place.IsNone)
            {
                named.Add(string.Create(CultureInfo.InvariantCulture, $"{_files[place.File]}:{place.Line}"));
            }
        }

        _details.Add(new Violation(promise, text.ToString(CultureInfo.InvariantCulture), named));
    }

    /// <summary>What was found, promise by promise.</summary>
    public (IReadOnlyList<PromiseReport> Promises, IReadOnlyList<Violation> Details) Take() => (
        [.. Promises.All.Select(promise => new PromiseReport(promise, Math.Max(_judged[(int)promise], _violations[(int)promise]), _violations[(int)promise]))],
        [.. _details.OrderBy(static violation => violation.Promise)]);
}
