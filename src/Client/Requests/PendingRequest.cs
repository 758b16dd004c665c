using System.Buffers;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>
/// A control request, from the moment it is made until it is answered, given up, or lost with a connection. The read loop answers it; the write loop writes it, at most
/// once per connection. <see cref="IsAbandoned"/> is set when its caller stopped waiting: the answer is still awaited, because it counts against the broker's limits.
/// </summary>
internal abstract class PendingRequest
{
    private readonly SemaphoreSlim? _slots;
    private bool _isAbandoned;
    private int _isFinished;

    protected PendingRequest(FrameType type, SemaphoreSlim? slots)
    {
        Type = type;
        _slots = slots;
    }

    public FrameType Type { get; }

    /// <summary>The request number, given by the table.</summary>
    public uint Number { get; set; }

    /// <summary>Number of the connection that it was last written to; 0 = none. Write loop only.</summary>
    public int SentOn { get; set; }

    /// <summary>The only connection that it may be written to; 0 = any.</summary>
    public int BoundTo { get; init; }

    public bool IsAbandoned => Volatile.Read(ref _isAbandoned);

    public void Abandon() => Volatile.Write(ref _isAbandoned, true);

    /// <summary>Writes the whole frame.</summary>
    public abstract void Write(IBufferWriter<byte> target);

    /// <summary>Takes an answer other than Error; true when it was the last one.</summary>
    /// <exception cref="ProtocolViolationException">It does not answer this request.</exception>
    public abstract bool TakeAnswer(in Frame frame);

    /// <summary>The request failed, or its connection or client ended.</summary>
    public abstract void Fail(ClientException error);

    /// <summary>The connection that it was written to broke. True when it is to be sent again; then it has forgotten what had been answered.</summary>
    public abstract bool TrySurviveBreak();

    /// <summary>Gives the slot back; the table calls it when it lets go of the request.</summary>
    public void Finish()
    {
        if (Interlocked.Exchange(ref _isFinished, 1) == 0)
        {
            _slots?.Release();
        }
    }

    protected ProtocolViolationException Unexpected(in Frame frame) =>
        new(CloseCode.BadFrame, $"{frame.Type} does not answer {Type}");
}

/// <summary>A request whose caller awaits a result.</summary>
internal abstract class PendingRequest<TResult> : PendingRequest
{
    private readonly TaskCompletionSource<TResult> _completion = new(Continuation.Asynchronously);

    protected PendingRequest(FrameType type, SemaphoreSlim? slots)
        : base(type, slots)
    {
    }

    public Task<TResult> Completion => _completion.Task;

    public override void Fail(ClientException error) => _completion.TrySetException(error);

    protected void Complete(TResult result) => _completion.TrySetResult(result);
}

/// <summary>A request whose body and reply are control maps.</summary>
internal sealed class MapRequest<TResult> : PendingRequest<TResult>
{
    private readonly ControlMap _body;
    private readonly Func<ControlMap, TResult> _parse;
    private readonly bool _isIdempotent;

    public MapRequest(FrameType type, ControlMap body, bool isIdempotent, Func<ControlMap, TResult> parse, SemaphoreSlim? slots)
        : base(type, slots)
    {
        _body = body;
        _parse = parse;
        _isIdempotent = isIdempotent;
    }

    public override void Write(IBufferWriter<byte> target) => FrameWriter.Write(target, Type, Number, _body);

    public override bool TakeAnswer(in Frame frame)
    {
        if (frame.Type != FrameType.Reply)
        {
            throw Unexpected(frame);
        }

        if (!ControlMap.TryParse(frame.Body, out ControlMap? reply, out string reason))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, $"Reply to {Type}: {reason}");
        }

        try
        {
            Complete(_parse(reply));
        }
        catch (ControlFormatException failure)
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, $"Reply to {Type}: {failure.Message}");
        }

        return true;
    }

    public override bool TrySurviveBreak() => _isIdempotent;
}

/// <summary>A Ping that the application sent.</summary>
internal sealed class PingRequest : PendingRequest<TimeSpan>
{
    private readonly TimeProvider _time;
    private long _startedAt;

    public PingRequest(TimeProvider time, SemaphoreSlim slots)
        : base(FrameType.Ping, slots) => _time = time;

    public override void Write(IBufferWriter<byte> target)
    {
        _startedAt = _time.GetTimestamp();
        FrameWriter.Write(target, FrameType.Ping, Number, ReadOnlySpan<byte>.Empty);
    }

    public override bool TakeAnswer(in Frame frame)
    {
        if (frame.Type != FrameType.Pong)
        {
            throw Unexpected(frame);
        }

        Complete(_time.GetElapsedTime(_startedAt));
        return true;
    }

    public override bool TrySurviveBreak() => false;
}
