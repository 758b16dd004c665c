using System.Globalization;
using System.Text;

namespace FastChat.Cli;

/// <summary>How a run of text looks.</summary>
/// <param name="Color">A colour of the 256-colour palette; −1 = the terminal's own.</param>
/// <param name="Dim">Fainter than usual.</param>
/// <param name="Bold">Stronger than usual.</param>
/// <param name="Reverse">Foreground and background exchanged.</param>
/// <param name="Italic">Slanted.</param>
/// <param name="Background">A colour of the palette behind the text; −1 = the terminal's own. Only together with a colour: nobody knows whether the terminal's own is light or dark.</param>
internal readonly record struct TextStyle(int Color = -1, bool Dim = false, bool Bold = false, bool Reverse = false, bool Italic = false, int Background = -1)
{
    /// <summary>The terminal's own look.</summary>
    public static TextStyle Plain => new(-1);

    /// <summary>Appends the escape sequence that sets exactly this style.</summary>
    public void AppendTo(StringBuilder target)
    {
        target.Append("\e[0");
        target.Append(Bold ? ";1" : string.Empty).Append(Dim ? ";2" : string.Empty).Append(Italic ? ";3" : string.Empty).Append(Reverse ? ";7" : string.Empty);
        if (Color >= 0)
        {
            target.Append(CultureInfo.InvariantCulture, $";38;5;{Color}");
        }

        if (Background >= 0)
        {
            target.Append(CultureInfo.InvariantCulture, $";48;5;{Background}");
        }

        target.Append('m');
    }
}

/// <summary>A run of harmless text in one style.</summary>
/// <param name="Text">Text without control characters; it went through <see cref="SafeText"/>.</param>
/// <param name="Style">How it looks.</param>
internal readonly record struct StyledRun(string Text, TextStyle Style);

/// <summary>One row of the screen: runs from left to right. Equal rows look equal, so that only changed ones are drawn again.</summary>
internal sealed class StyledRow : IEquatable<StyledRow>
{
    private readonly StyledRun[] _runs;

    /// <summary>Makes a row.</summary>
    public StyledRow(params StyledRun[] runs) => _runs = runs;

    /// <summary>A row with nothing in it.</summary>
    public static StyledRow Empty { get; } = new();

    /// <summary>The runs, from left to right.</summary>
    public IReadOnlyList<StyledRun> Runs => _runs;

    /// <summary>The text alone.</summary>
    public string PlainText => string.Concat(_runs.Select(static run => run.Text));

    /// <summary>Columns it takes.</summary>
    public int Width => _runs.Sum(static run => TextWidth.Of(run.Text));

    /// <summary>Appends the row, cut at <paramref name="columns"/>.</summary>
    public void AppendTo(StringBuilder target, int columns)
    {
        foreach (StyledRun run in _runs)
        {
            int length = TextWidth.Fit(run.Text, columns, out int width);
            columns -= width;
            run.Style.AppendTo(target);
            target.Append(run.Text.AsSpan(0, length));
            if (length < run.Text.Length)
            {
                break;
            }
        }

        target.Append("\e[0m");
    }

    /// <inheritdoc/>
    public bool Equals(StyledRow? other) => other is not null && _runs.AsSpan().SequenceEqual(other._runs);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as StyledRow);

    /// <inheritdoc/>
    public override int GetHashCode() => _runs.Aggregate(_runs.Length, static (hash, run) => HashCode.Combine(hash, run));
}
