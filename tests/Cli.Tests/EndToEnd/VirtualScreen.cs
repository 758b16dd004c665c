using System.Globalization;
using System.Text;

namespace FastChat.Cli.Tests;

/// <summary>
/// What a terminal would show of the bytes that the chat writes: the sequences that it uses and no others, so that one that a terminal might not know makes a test fail. One thread.
/// </summary>
internal sealed class VirtualScreen(int columns, int rows)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder _rest = new();
    private string[][] _cells = Blank(columns, rows);
    private int _row;
    private int _column;

    /// <summary>The rows, without blanks at their ends.</summary>
    public string Text => string.Join('\n', _cells.Select(static row => string.Concat(row).TrimEnd()));

    /// <summary>Takes output.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        char[] characters = new char[bytes.Length + 1];
        _rest.Append(characters, 0, _decoder.GetChars(bytes, characters, flush: false));
        string text = _rest.ToString();
        _rest.Clear();
        int at = 0;
        while (at < text.Length)
        {
            int used = text[at] == '\e' ? TakeSequence(text.AsSpan(at)) : TakeText(text.AsSpan(at));
            if (used == 0)
            {
                _rest.Append(text.AsSpan(at));
                return;
            }

            at += used;
        }
    }

    private static string[][] Blank(int columns, int rows) => [.. Enumerable.Range(0, rows).Select(_ => Enumerable.Repeat(" ", columns).ToArray())];

    private int TakeText(ReadOnlySpan<char> text)
    {
        if (char.IsControl(text[0]))
        {
            return 1;
        }

        // A cluster may go on with what has not arrived yet; what was written is drawn over then.
        int length = TextWidth.ClusterLength(text);
        int width = TextWidth.OfCluster(text[..length]);
        if (_row < rows && _column < columns)
        {
            _cells[_row][_column] = text[..length].ToString();
            for (int i = 1; i < width && _column + i < columns; i++)
            {
                _cells[_row][_column + i] = string.Empty;
            }
        }

        _column += width;
        return length;
    }

    private int TakeSequence(ReadOnlySpan<char> text)
    {
        if (text.Length < 3)
        {
            return 0;
        }

        Assert.That(text[1], Is.EqualTo('['));
        int end = text[2..].IndexOfAnyInRange('@', '~');
        if (end < 0)
        {
            return 0;
        }

        string parameters = text.Slice(2, end).ToString();
        switch (text[2 + end])
        {
            case 'H':
                int[] place = [.. parameters.Split(';').Select(static part => part.Length == 0 ? 1 : int.Parse(part, CultureInfo.InvariantCulture))];
                (_row, _column) = (place[0] - 1, place.Length > 1 ? place[1] - 1 : 0);
                break;
            case 'J':
                Assert.That(parameters, Is.EqualTo("2"));
                _cells = Blank(columns, rows);
                break;
            case 'K':
                Assert.That(parameters, Is.EqualTo("2"));
                _cells[_row] = Blank(columns, 1)[0];
                break;
            case 'm' or 'h' or 'l':
                break;
            default:
                Assert.Fail($"a terminal may not know CSI {parameters} {text[2 + end]}");
                break;
        }

        return 3 + end;
    }
}
