using System.Diagnostics;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Publishes some of the logs over one connection with a number of publishes unanswered: a line of each log in turn, so that the conversations grow side by side as they did when people wrote
/// them, and each log's lines in their order, which the system has to keep. Until it is told to begin it publishes filling to a conversation that nobody reads back. Generator thread only.
/// </summary>
/// <param name="logs">All logs.</param>
/// <param name="mine">Indexes of those that are this connection's: also their conversations.</param>
/// <param name="outstanding">Publishes that may be unanswered.</param>
internal sealed class CorpusWriter(IReadOnlyList<CorpusLog> logs, int[] mine, int outstanding) : Member
{
    private readonly int[] _next = new int[mine.Length];
    private int _turn;
    private int _unanswered;
    private int _left = mine.Sum(log => logs[log].Count);

    /// <summary>What is published to when an answer has come.</summary>
    public CorpusPhase Phase { get; private set; } = CorpusPhase.Waiting;

    /// <summary>Goes on to another phase.</summary>
    public void Enter(CorpusPhase phase)
    {
        Phase = phase;
        Fill();
    }

    public override void OnAcknowledged(long number)
    {
        base.OnAcknowledged(number);
        _unanswered--;
        Fill();
    }

    private void Fill()
    {
        while (_unanswered < outstanding && (Phase == CorpusPhase.WarmingUp || (Phase == CorpusPhase.Replaying && _left > 0)))
        {
            _unanswered++;
            if (Phase == CorpusPhase.WarmingUp)
            {
                Publish(logs.Count, Stopwatch.GetTimestamp());
            }
            else
            {
                PublishLine();
            }
        }
    }

    private void PublishLine()
    {
        for (; _next[_turn] == logs[mine[_turn]].Count; _turn = (_turn + 1) % mine.Length)
        {
        }

        int log = mine[_turn];
        _ = Fleet.Payloads.Make(Stopwatch.GetTimestamp(), out long number);
        Link.Wire.Publish(log, number, logs[log][_next[_turn]++], Link.Output);
        _left--;
        _turn = (_turn + 1) % mine.Length;
    }
}

/// <summary>What a <see cref="CorpusWriter"/> does.</summary>
internal enum CorpusPhase
{
    /// <summary>Nothing: answers come in.</summary>
    Waiting,

    /// <summary>Filling, so that the server's code is compiled and its caches are full.</summary>
    WarmingUp,

    /// <summary>The logs.</summary>
    Replaying,
}
