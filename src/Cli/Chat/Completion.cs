namespace FastChat.Cli;

/// <summary>
/// The Tab key: completes the word at the cursor, and with each further press offers the next candidate. What can stand there depends on where it is: a command at the beginning of
/// the line, a conversation or a name behind some commands, a name behind an @, a conversation behind a #. Pure, but for the place it is at between presses.
/// </summary>
internal sealed class Completion
{
    private string _line = string.Empty;
    private int _start;
    private int _end;
    private string[] _candidates = [];
    private int _at;

    /// <summary>The line behind the key and where the cursor stands in it; null when there is nothing to complete.</summary>
    /// <param name="line">The line.</param>
    /// <param name="cursor">Where the cursor stands, in UTF-16 units.</param>
    /// <param name="people">Names that may be meant.</param>
    /// <param name="rooms">Conversations that may be meant, with their # or @.</param>
    public (string Line, int Cursor)? Next(string line, int cursor, IEnumerable<string> people, IEnumerable<string> rooms)
    {
        bool isRepeated = _candidates.Length > 1 && line == _line && cursor == _end;
        if (isRepeated)
        {
            _at = (_at + 1) % _candidates.Length;
        }
        else if (!Begin(line, cursor, people, rooms))
        {
            return null;
        }

        string behind = isRepeated ? _line[_end..] : line[cursor..];
        string chosen = behind.Length == 0 ? _candidates[_at] : _candidates[_at].TrimEnd();
        _line = line[.._start] + chosen + behind;
        _end = _start + chosen.Length;
        return (_line, _end);
    }

    private bool Begin(string line, int cursor, IEnumerable<string> people, IEnumerable<string> rooms)
    {
        _start = cursor;
        while (_start > 0 && !char.IsWhiteSpace(line[_start - 1]))
        {
            _start--;
        }

        _at = 0;
        string word = line[_start..cursor];
        _candidates = word.Length == 0 ? [] : [.. Candidates(line, word, people, rooms).Distinct(StringComparer.OrdinalIgnoreCase)];
        return _candidates.Length > 0;
    }

    private IEnumerable<string> Candidates(string line, string word, IEnumerable<string> people, IEnumerable<string> rooms)
    {
        if (_start == 0 && word[0] == '/')
        {
            return ChatCommandList.All.Select(static command => command.Words[0]).Where(command => Begins(command, word)).Select(static command => command + " ");
        }

        ArgumentKind kind = line[0] == '/' && ChatCommandList.Find(line.Split(' ')[0].ToLowerInvariant()) is { } command ? command.Argument : ArgumentKind.Text;
        return word[0] switch
        {
            '@' => people.Where(name => Begins(name, word[1..])).Order(StringComparer.OrdinalIgnoreCase).Select(static name => $"@{name} "),
            '#' => rooms.Where(room => Begins(room, word)).Order(StringComparer.OrdinalIgnoreCase).Select(static room => $"{room} "),
            _ when kind == ArgumentKind.Reaction => ReactionNames.All.Where(name => Begins(name, word.TrimStart(':'))).Select(ReactionNames.ReactionOf),
            _ when kind == ArgumentKind.People => people.Where(name => Begins(name, word)).Order(StringComparer.OrdinalIgnoreCase).Select(static name => $"{name} "),
            _ when kind == ArgumentKind.Room => rooms.Where(room => Begins(room.TrimStart('#'), word)).Order(StringComparer.OrdinalIgnoreCase).Select(static room => $"{room} "),
            _ => [],
        };
    }

    private static bool Begins(string candidate, string word) => candidate.StartsWith(word, StringComparison.OrdinalIgnoreCase);
}
