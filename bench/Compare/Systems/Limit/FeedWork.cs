using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>
/// Fan-out and history at the machine's limit: a message becomes part of a Deliver frame once, and the same bytes go to every subscriber's socket, those of a round together. Nothing is stored on a disk. A feed that
/// is not kept begins anew when all subscribers have it; who is behind by a whole feed then is cut, so that nobody waits for him. The loop's thread only.
/// </summary>
/// <param name="loop">Sends.</param>
/// <param name="isKept">True: a subscription may begin with the first message, until the memory is full; false: every one begins with what comes next.</param>
internal sealed class FeedWork(LimitLoop loop, bool isKept) : LimitWork, IDisposable
{
    private const long KeptBytes = 1L << 30;
    private const long PassingBytes = 1L << 26;
    private const int FeedsMax = 100_000;

    private readonly Dictionary<ConversationId, Feed> _feeds = [];
    private readonly List<Feed> _grown = [];

    /// <inheritdoc/>
    public override void Publish(LimitConnection from, uint request, ReadOnlySpan<byte> frame)
    {
        if (!global::FastChat.Protocol.Publish.TryRead(frame[FrameHeader.Size..], out Publish publish) || FeedOf(publish.Conversation) is not { } feed)
        {
            FrameWriter.WriteError(from.Output, request, ErrorCode.BadRequest, "not a publish to one of so many conversations");
            return;
        }

        long now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        bool wasOpen = feed.IsOpen;
        if (!feed.TryAppend(publish, now))
        {
            if (!MakeRoom(feed) || !feed.TryAppend(publish, now))
            {
                FrameWriter.WriteError(from.Output, request, ErrorCode.TooMany, "the feed's memory is full");
                return;
            }
        }

        if (!wasOpen)
        {
            _grown.Add(feed);
        }

        // Not durable, and it says so: None is what a broker never sends.
        new Published(Courtesies.Epoch, feed.Head, Durability.None, false, now).Write(FrameWriter.Begin(from.Output, FrameType.Published, request, Published.Size));
    }

    /// <inheritdoc/>
    public override void Subscribe(LimitConnection from, uint request, in Subscribe subscribe)
    {
        if (FeedOf(subscribe.Conversation) is not { } feed)
        {
            FrameWriter.WriteError(from.Output, request, ErrorCode.TooMany, $"no more than {FeedsMax} conversations");
            return;
        }

        Flush(feed);
        ulong after = subscribe.After.Sequence == LogPosition.Latest ? feed.Head : subscribe.After.Sequence;
        bool isWhole = isKept && after == 0;
        bool isKnown = isWhole || after == feed.Head;
        Courtesies.WriteSubscribed(from.Output, request, isKnown ? SubscribeStatus.Resumed : SubscribeStatus.Truncated, (isWhole ? 0 : feed.Head) + 1, feed.Head);
        feed.Add(from, isWhole ? feed.Start : feed.End);
    }

    /// <inheritdoc/>
    public override void EndRound()
    {
        foreach (Feed feed in _grown)
        {
            // Nobody listens yet: the frame may grow with the next round's messages, as it would in a log.
            if (feed.Subscribers.Count > 0 || !isKept)
            {
                Flush(feed);
            }
        }

        _grown.RemoveAll(feed => !feed.IsOpen);
    }

    /// <inheritdoc/>
    public override void Forget(LimitConnection connection) => connection.Feed?.Remove(connection);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Feed feed in _feeds.Values)
        {
            feed.Dispose();
        }
    }

    private Feed? FeedOf(ConversationId conversation)
    {
        if (!_feeds.TryGetValue(conversation, out Feed? feed) && _feeds.Count < FeedsMax)
        {
            feed = new Feed(conversation, isKept ? KeptBytes : PassingBytes);
            _feeds.Add(conversation, feed);
        }

        return feed;
    }

    private void Flush(Feed feed)
    {
        feed.Close();
        int behind = 0;

        // From the last to the first: a connection that breaks leaves the list.
        for (int i = feed.Subscribers.Count - 1; i >= 0; i--)
        {
            LimitConnection subscriber = feed.Subscribers[i];
            loop.Send(this, subscriber);
            behind += subscriber.Socket >= 0 && subscriber.Position < feed.End ? 1 : 0;
        }

        if (behind == 0 && !isKept)
        {
            feed.Reset();
        }
    }

    private bool MakeRoom(Feed feed)
    {
        if (isKept)
        {
            return false;
        }

        Flush(feed);
        for (int i = feed.Subscribers.Count - 1; i >= 0; i--)
        {
            if (feed.Subscribers[i].Position < feed.End)
            {
                loop.Cut(this, feed.Subscribers[i]);
            }
        }

        feed.Reset();
        return true;
    }
}
