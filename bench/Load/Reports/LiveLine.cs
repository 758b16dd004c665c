using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Load.Scenarios;

namespace FastChat.Bench.Load.Reports;

/// <summary>
/// One line that says every second where a run is, rewritten in place, and gone when it is disposed. Where no person looks on it does nothing at all. A thread of its own that sleeps writes it, from
/// one array: a collection that it caused would stop the generator.
/// </summary>
internal sealed class LiveLine : IDisposable
{
    /// <summary>Back to the first column, and nothing from there on.</summary>
    internal const string Erase = "\r\u001b[K";

    private const int LineMax = 200;
    private const int PeriodMs = 1000;
    private const int WidthUnknown = 80;

    private readonly TextWriter _terminal;
    private readonly string _what;
    private readonly Func<int> _width;
    private readonly char[] _line = new char[LineMax];
    private readonly ManualResetEventSlim _ended = new();
    private readonly Thread? _thread;
    private readonly TextWriter? _error;
    private Fleet? _fleet;
    private long _acknowledged;
    private long _delivered;
    private long _at;

    /// <param name="terminal">Where the line goes.</param>
    /// <param name="isTerminal">Whether a person sees it there.</param>
    /// <param name="what">The run: scenario, system, which of how many.</param>
    /// <param name="width">Columns: a line that breaks cannot be rewritten.</param>
    public LiveLine(TextWriter terminal, bool isTerminal, string what, Func<int> width)
    {
        _terminal = terminal;
        _what = what;
        _width = width;
        if (isTerminal)
        {
            // What a scenario says of itself meanwhile goes where the line is, which makes room for it.
            if (ReferenceEquals(terminal, Console.Error))
            {
                _error = terminal;
                Console.SetError(new LineAbove(terminal));
            }

            _thread = new Thread(Loop) { Name = "progress", IsBackground = true };
            _thread.Start();
        }
    }

    /// <summary>Writes the line as it is now into a span; returns its length. The progress thread, or a test.</summary>
    public int Write(Span<char> line, long now)
    {
        Fleet? fleet = RunGauge.Fleet;
        (long acknowledged, long delivered) = (fleet?.Acknowledged ?? 0, fleet?.Delivered ?? 0);
        double seconds = (now - _at) / (double)Stopwatch.Frequency;
        bool hasRate = fleet is not null && ReferenceEquals(fleet, _fleet) && seconds > 0;
        (double acknowledgedRate, double deliveredRate) = hasRate ? ((acknowledged - _acknowledged) / seconds, (delivered - _delivered) / seconds) : (0, 0);
        (_fleet, _acknowledged, _delivered, _at) = (fleet, acknowledged, delivered, now);

        double left = (RunGauge.Until - now) / (double)Stopwatch.Frequency;
        int length = 0;
        Append(line, ref length, _what);
        Append(line, ref length, "  ");
        Append(line, ref length, RunGauge.Phase(now));
        AppendFigure(line, ref length, acknowledgedRate, " acks/s");
        AppendFigure(line, ref length, deliveredRate, " deliveries/s");
        AppendFigure(line, ref length, Math.Ceiling(left), " s left");
        return length;
    }

    /// <summary>Ends and erases the line.</summary>
    public void Dispose()
    {
        if (_thread is not null)
        {
            _ended.Set();
            _thread.Join();
            _terminal.Write(Erase);
            if (_error is not null)
            {
                Console.SetError(_error);
            }
        }

        _ended.Dispose();
    }

    private void Loop()
    {
        do
        {
            int length = Write(_line, Stopwatch.GetTimestamp());
            _terminal.Write(Erase);
            _terminal.Write(_line, 0, Math.Min((_width() is > 0 and var width ? width : WidthUnknown) - 1, length));
            _terminal.Flush();
        }
        while (!_ended.Wait(PeriodMs));
    }

    private static void Append(Span<char> line, ref int length, ReadOnlySpan<char> text)
    {
        if (text.Length <= line.Length - length)
        {
            text.CopyTo(line[length..]);
            length += text.Length;
        }
    }

    /// <summary>A figure with what it is, where there is one to tell.</summary>
    private static void AppendFigure(Span<char> line, ref int length, double figure, string what)
    {
        if (figure >= 1)
        {
            Append(line, ref length, "  ");
            if (figure.TryFormat(line[length..], out int written, "N0", CultureInfo.InvariantCulture))
            {
                length += written;
                Append(line, ref length, what);
            }
        }
    }
}
