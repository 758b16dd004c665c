namespace FastChat.Bench.Load.Scenarios;

/// <summary>Reads conversations from their beginnings over one connection, one after the other, and keeps every message of each. Generator thread only.</summary>
/// <param name="conversations">Conversations 0 … n−1 are read.</param>
internal sealed class CorpusReader(int conversations) : Member
{
    private readonly List<byte[]>[] _read = Enumerable.Range(0, conversations).Select(_ => new List<byte[]>()).ToArray();
    private int _reading;

    /// <summary>True when all were read to their ends.</summary>
    public bool IsDone => _reading == conversations;

    /// <summary>What each of them held.</summary>
    public IReadOnlyList<IReadOnlyList<byte[]>> Read => _read;

    public override void OnReady()
    {
        base.OnReady();
        Link.Wire.ReadAll(0, Link.Output);
    }

    /// <summary>Some systems read by subscribing; this one was ready before.</summary>
    public override void OnSubscribed(int conversation)
    {
    }

    public override void OnDelivered(ReadOnlySpan<byte> payload)
    {
        base.OnDelivered(payload);
        _read[Math.Min(_reading, conversations - 1)].Add(payload.ToArray());
    }

    public override void OnReadToEnd(int conversation)
    {
        _reading++;
        if (!IsDone)
        {
            Link.Wire.ReadAll(_reading, Link.Output);
        }
    }
}
