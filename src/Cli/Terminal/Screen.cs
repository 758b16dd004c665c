using System.Globalization;
using System.Text;

namespace FastChat.Cli;

/// <summary>
/// What the terminal shows now, and the cheapest way to the next picture: only rows that changed are written, each erased and redrawn whole, inside one
/// synchronised update. The typing line is a row like any other, so an incoming message cannot tear it. Pure: <see cref="Draw"/> gives a string.
/// </summary>
internal sealed class Screen
{
    /// <summary>Enters the alternate screen and switches bracketed paste on, and the reports of whether the terminal is looked at.</summary>
    public const string Enter = "\e[?1049h\e[?2004h\e[?1004h\e[2J\e[H";

    /// <summary>Undoes <see cref="Enter"/>, resets colours and shows the cursor. Harmless when nothing was entered.</summary>
    public const string Leave = "\e[0m\e[?1004l\e[?2004l\e[?25h\e[?1049l";

    private StyledRow?[] _rows = [];
    private int _columns;

    /// <summary>Forgets the picture: the next one is drawn whole.</summary>
    public void Invalidate() => _rows = [];

    /// <summary>The bytes that turn the last picture into this one.</summary>
    /// <param name="rows">Every row of the terminal, from the top.</param>
    /// <param name="columns">The terminal's width.</param>
    /// <param name="cursorRow">Row of the cursor, from 0.</param>
    /// <param name="cursorColumn">Column of the cursor, from 0.</param>
    public string Draw(IReadOnlyList<StyledRow> rows, int columns, int cursorRow, int cursorColumn)
    {
        bool whole = rows.Count != _rows.Length || columns != _columns;
        if (whole)
        {
            _rows = new StyledRow?[rows.Count];
            _columns = columns;
        }

        StringBuilder output = new("\e[?2026h\e[?25l");
        if (whole)
        {
            output.Append("\e[0m\e[2J");
        }

        for (int row = 0; row < rows.Count; row++)
        {
            if (rows[row].Equals(_rows[row]))
            {
                continue;
            }

            output.Append(CultureInfo.InvariantCulture, $"\e[{row + 1};1H\e[0m\e[2K");
            rows[row].AppendTo(output, columns);
            _rows[row] = rows[row];
        }

        output.Append(CultureInfo.InvariantCulture, $"\e[{cursorRow + 1};{cursorColumn + 1}H\e[?25h\e[?2026l");
        return output.ToString();
    }
}
