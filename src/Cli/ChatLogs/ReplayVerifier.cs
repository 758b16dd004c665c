using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What became of a replay's messages.</summary>
/// <param name="Verified">Read back with the right sender, kind, bytes and place.</param>
/// <param name="Lost">Not in the log.</param>
/// <param name="Duplicated">In the log more than once.</param>
/// <param name="Reordered">In the log before a message that stands before it in the file.</param>
/// <param name="Altered">In the log with another sender, kind, body or place than was published and acknowledged.</param>
/// <param name="Foreign">Messages of others in the same conversations; no fault.</param>
internal readonly record struct ReplayFindings(long Verified, long Lost, long Duplicated, long Reordered, long Altered, long Foreign)
{
    /// <summary>Both together.</summary>
    public static ReplayFindings operator +(ReplayFindings left, ReplayFindings right) => new(
        left.Verified + right.Verified,
        left.Lost + right.Lost,
        left.Duplicated + right.Duplicated,
        left.Reordered + right.Reordered,
        left.Altered + right.Altered,
        left.Foreign + right.Foreign);
}

/// <summary>Compares a file with what was acknowledged, and with what a reader finds in the log. Pure; the log is handed in record by record.</summary>
internal sealed class ReplayVerifier
{
    private readonly ReplayFile _file;
    private readonly UserId _publisher;
    private readonly Dictionary<ClientMessageId, int> _indexOf;
    private readonly bool[] _seen;
    private int _highest = -1;
    private ReplayFindings _findings;

    /// <summary>Expects the messages of <paramref name="file"/>, published by <paramref name="publisher"/>.</summary>
    public ReplayVerifier(ReplayFile file, UserId publisher)
    {
        _file = file;
        _publisher = publisher;
        _seen = new bool[file.Count];
        _indexOf = new Dictionary<ClientMessageId, int>(file.Count);
        for (int i = 0; i < file.Count; i++)
        {
            _indexOf[file.Ids[i]] = i;
        }
    }

    /// <summary>What the acknowledgements alone prove: sequences ascend in the order of the file, and every message has one.</summary>
    public static ReplayFindings JudgeAcknowledgements(ReplayFile file)
    {
        ReplayFindings findings = default;
        ulong highest = 0;
        foreach (ulong sequence in file.Acknowledged)
        {
            if (sequence == 0)
            {
                findings += new ReplayFindings { Lost = 1 };
                continue;
            }

            findings += new ReplayFindings { Duplicated = sequence == highest ? 1 : 0, Reordered = sequence < highest ? 1 : 0 };
            highest = Math.Max(highest, sequence);
        }

        return findings;
    }

    /// <summary>The next record of the log.</summary>
    public void See(ulong sequence, UserId sender, UserId publisher, ClientMessageId id, MessageKind kind, ReadOnlySpan<byte> body)
    {
        if (publisher != _publisher || !_indexOf.TryGetValue(id, out int index))
        {
            _findings += new ReplayFindings { Foreign = 1 };
            return;
        }

        if (_seen[index])
        {
            _findings += new ReplayFindings { Duplicated = 1 };
            return;
        }

        _seen[index] = true;
        bool reordered = index < _highest;
        _highest = Math.Max(_highest, index);
        ChatLogMessage message = _file.Log.Messages[index];
        bool same = sender == _file.Senders[index] && kind == message.Kind && body.SequenceEqual(_file.Log.Text(message).Span) &&
            (_file.Acknowledged[index] == 0 || _file.Acknowledged[index] == sequence);
        _findings += new ReplayFindings { Reordered = reordered ? 1 : 0, Altered = same ? 0 : 1, Verified = same && !reordered ? 1 : 0 };
    }

    /// <summary>The log has been read to its end.</summary>
    public ReplayFindings Finish() => _findings + new ReplayFindings { Lost = _seen.LongCount(static seen => !seen) };
}
