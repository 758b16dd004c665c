using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>What the limit's server does with what it receives; the loop does the rest. The loop's thread only.</summary>
internal abstract class LimitWork
{
    /// <summary>Takes a publish; the frame is valid during the call only.</summary>
    /// <param name="from">Who waits for the answer.</param>
    /// <param name="request">What the answer repeats.</param>
    /// <param name="frame">The frame with its header.</param>
    public abstract void Publish(LimitConnection from, uint request, ReadOnlySpan<byte> frame);

    /// <summary>Takes a subscription and answers it.</summary>
    public virtual void Subscribe(LimitConnection from, uint request, in Subscribe subscribe) =>
        FrameWriter.WriteError(from.Output, request, ErrorCode.Unsupported, "nothing is delivered here");

    /// <summary>Everything that was ready has been received: answers are sent when this returns.</summary>
    public abstract void EndRound();

    /// <summary>A connection is gone.</summary>
    public virtual void Forget(LimitConnection connection)
    {
    }
}
