namespace FastChat.Bench.Report.Plots;

/// <summary>Maps values to places along a line, evenly or by their logarithm, and knows round values to mark.</summary>
internal sealed class Axis
{
    private const double DecadesMax = 12;

    private readonly double _least;
    private readonly double _most;
    private readonly double _from;
    private readonly double _to;
    private readonly bool _isLogarithmic;

    private Axis(double least, double most, double from, double to, bool isLogarithmic, IReadOnlyList<double> ticks)
    {
        (_least, _most, _from, _to, _isLogarithmic, Ticks) = (least, most, from, to, isLogarithmic, ticks);
    }

    /// <summary>Round values on it.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>From zero to at least a value, with about so many marks.</summary>
    public static Axis FromZero(double most, double from, double to, int ticks)
    {
        most = most > 0 ? most : 1;
        double step = RoundStep(most / ticks);
        double top = Math.Ceiling(most / step * (1 - 1e-9)) * step;
        double[] marks = [.. Enumerable.Range(0, (int)Math.Round(top / step) + 1).Select(i => i * step)];
        return new Axis(0, top, from, to, isLogarithmic: false, marks);
    }

    /// <summary>From a positive value to another, a decade at least, marked at powers of ten, and at 2 and 5 where decades are few.</summary>
    public static Axis Logarithmic(double least, double most, double from, double to)
    {
        least = Math.Max(least > 0 ? least : 1, most / Math.Pow(10, DecadesMax));
        double[] steps = Math.Log10(Math.Max(most, least) / least) <= 2.5 ? [1, 2, 5] : [1];
        double bottom = Down(least, steps);
        double top = Math.Max(Up(most, steps), bottom * 10);
        List<double> marks = [];
        for (double decade = Math.Pow(10, Math.Floor(Math.Log10(bottom))); decade <= top * 1.001; decade *= 10)
        {
            marks.AddRange(steps.Select(step => step * decade).Where(mark => mark >= bottom * 0.999 && mark <= top * 1.001));
        }

        return new Axis(bottom, top, from, to, isLogarithmic: true, marks);
    }

    /// <summary>Where a value lies; one beyond the ends lies at the end.</summary>
    public double Place(double value)
    {
        double share = _isLogarithmic ? Math.Log(Math.Max(value, _least) / _least) / Math.Log(_most / _least) : (value - _least) / (_most - _least);
        return _from + (Math.Clamp(share, 0, 1) * (_to - _from));
    }

    private static double RoundStep(double step)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(step)));
        return (step / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 } * power;
    }

    private static double Down(double value, double[] steps)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(value) + 1e-9));
        return steps.Last(step => step * power <= value * 1.001) * power;
    }

    private static double Up(double value, double[] steps)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(value, double.Epsilon)) + 1e-9));
        return steps.Append(10).First(step => step * power >= value * 0.999) * power;
    }
}
