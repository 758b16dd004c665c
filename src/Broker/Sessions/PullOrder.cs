using FastChat.Protocol;

namespace FastChat.Broker.Sessions;

/// <summary>
/// Work for a connection's write loop: read records from the log and send them, as fast as the peer takes them. Catching up after a reconnect, falling
/// behind and fetching history are all this. Made by a shard loop, then owned by the write loop; the shard afterwards uses only
/// <see cref="Through"/>, <see cref="Release"/> and <see cref="End"/>. The write loop keeps an order that it has reported until the shard releases
/// or ends it, so that exactly one side answers an Unsubscribe that crosses the report.
/// </summary>
internal sealed class PullOrder
{
    private const long NotEnded = -1;

    private ulong _through = ulong.MaxValue;
    private long _end = NotEnded;
    private bool _isReleased;

    /// <summary>The conversation to read.</summary>
    public required ConversationId Conversation { get; init; }

    /// <summary>The epoch that the frames name.</summary>
    public required uint Epoch { get; init; }

    /// <summary>Identifies the subscription to its shard; 0 for a fetch.</summary>
    public uint Subscription { get; init; }

    /// <summary>The request that the chunks answer; 0 for a subscription.</summary>
    public uint Request { get; init; }

    /// <summary>Forward: the last sequence that was sent. Backward: the page begins before it.</summary>
    public ulong After { get; set; }

    /// <summary>The last sequence that may be sent: a removed member's subscription ends there.</summary>
    public ulong Through
    {
        get => Volatile.Read(ref _through);
        set => Volatile.Write(ref _through, value);
    }

    /// <summary>True once the write loop has told the shard that it found nothing more. Write loop only.</summary>
    public bool IsReported { get; set; }

    /// <summary>True when the shard has taken the subscription over again: the write loop forgets the order.</summary>
    public bool IsReleased => Volatile.Read(ref _isReleased);

    /// <summary>The shard takes the subscription over again.</summary>
    public void Release() => Volatile.Write(ref _isReleased, true);

    /// <summary>
    /// The subscription has ended while it was pulling: the write loop drops the order and answers the request itself, because only it knows that no chunk follows.
    /// </summary>
    public void End(uint request) => Volatile.Write(ref _end, request);

    /// <summary>True when the subscription has ended; <paramref name="request"/> is what Unsubscribed answers.</summary>
    public bool HasEnded(out uint request)
    {
        long end = Volatile.Read(ref _end);
        request = (uint)end;
        return end != NotEnded;
    }

    /// <summary>The first sequence that the reader may see, at least 1: a backward page that reaches it is complete.</summary>
    public ulong OldestVisible { get; init; } = 1;

    /// <summary>Which way a fetch reads.</summary>
    public FetchDirection Direction { get; init; }

    /// <summary>Records that a fetch may still send.</summary>
    public int CountLeft { get; set; } = int.MaxValue;

    /// <summary>Bytes of records that a fetch may still send.</summary>
    public int BytesLeft { get; set; } = int.MaxValue;

    /// <summary>True when a page did not bring its end: more pages follow, and it pays to keep the place between them. Write loop only.</summary>
    public bool IsLong { get; set; }

    /// <summary>What a backward page found out about its completeness; null for a forward one, whose last chunk tells.</summary>
    public bool? IsCompleteAtEnd { get; set; }

    /// <summary>Records sent so far (fetch).</summary>
    public uint Count { get; private set; }

    /// <summary>Sequence of the first record sent (fetch); 0 = none yet.</summary>
    public ulong First { get; private set; }

    /// <summary>Sequence of the last record sent (fetch); 0 = none yet.</summary>
    public ulong Last { get; private set; }

    /// <summary>A fetch sent records.</summary>
    public void Advance(ulong first, ulong last, int count, int bytes)
    {
        First = First == 0 ? first : First;
        Last = last;
        After = last;
        Count += (uint)count;
        CountLeft -= count;
        BytesLeft -= bytes;
    }
}
