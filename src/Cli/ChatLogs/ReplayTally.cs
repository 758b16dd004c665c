using FastChat.Client;

namespace FastChat.Cli;

/// <summary>
/// Counts what a replay's connections achieve. <see cref="IPublishObserver"/> calls come from one read loop per connection, so the shared numbers are counted with
/// interlocked operations; each slot of <see cref="ReplayFile.Acknowledged"/> has one writer.
/// </summary>
internal sealed class ReplayTally : IPublishObserver
{
    private readonly ReplayFile[] _files;
    private readonly TimeProvider _time;
    private readonly ReplayRecording? _recording;
    private long _acked;
    private long _refused;
    private long _lastAck;
    private string? _firstReason;

    /// <summary>Counts for <paramref name="files"/>, and writes the outcomes into a history when there is one to write.</summary>
    public ReplayTally(ReplayFile[] files, TimeProvider time, ReplayRecording? recording = null)
    {
        _recording = recording;
        _files = files;
        _time = time;
    }

    /// <summary>Messages that are durable.</summary>
    public long Acked => Interlocked.Read(ref _acked);

    /// <summary>Messages that the broker refused.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Why the first was refused; null when none was.</summary>
    public string? FirstReason => Volatile.Read(ref _firstReason);

    /// <summary>When the first message left, as a timestamp of the clock; 0 = none has.</summary>
    public long Started { get; private set; }

    /// <summary>From the first publish to the last acknowledgement.</summary>
    public TimeSpan Elapsed => Started == 0 || _lastAck == 0 ? TimeSpan.Zero : _time.GetElapsedTime(Started, Interlocked.Read(ref _lastAck));

    /// <summary>What a message is called among the acknowledgements.</summary>
    public static long TagOf(int file, int message) => ((long)file << 32) | (uint)message;

    /// <summary>The first message leaves now.</summary>
    public void Start() => Started = _time.GetTimestamp();

    /// <inheritdoc/>
    public void OnPublished(long tag, in PublishReceipt receipt)
    {
        _files[(int)(tag >> 32)].Acknowledged[(int)tag] = receipt.Sequence;
        Interlocked.Increment(ref _acked);
        Interlocked.Exchange(ref _lastAck, _time.GetTimestamp());
        _recording?.OnPublished((int)(tag >> 32), _files[(int)(tag >> 32)], (int)tag, receipt);
    }

    /// <inheritdoc/>
    public void OnFailed(long tag, ClientException error)
    {
        Interlocked.Increment(ref _refused);
        Interlocked.CompareExchange(ref _firstReason, FailureText.Of(error), null);
        _recording?.OnFailed((int)(tag >> 32), _files[(int)(tag >> 32)], (int)tag, error);
    }
}
