using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>
/// Somebody's messages: those that were sent and have no answer, which survive their program, and some that were answered, for sending them again. Each outcome goes into the history.
/// </summary>
internal sealed class Posts(Community community, Chance chance) : IPublishObserver
{
    private const int RememberedMax = 16;

    private readonly SortedDictionary<long, Post> _open = [];
    private readonly List<Post> _answered = [];
    private readonly Dictionary<ClientMessageId, uint> _attempts = [];
    private long _tag;

    /// <summary>Messages that have no outcome.</summary>
    public int Open => _open.Count;

    /// <summary>Publishes that were acknowledged.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>Sends a new message.</summary>
    public ValueTask SendNewAsync(FastChatClient client, string process, ConversationId conversation) =>
        SendAsync(client, new Post(process, conversation, NewId(), NewBody()));

    /// <summary>Sends a new message twice in a row, without an answer in between: it is stored once.</summary>
    public async ValueTask SendTwiceAsync(FastChatClient client, string process, ConversationId conversation)
    {
        Post post = new(process, conversation, NewId(), NewBody());
        await SendAsync(client, post);
        await SendAsync(client, post);
    }

    /// <summary>Sends a message again that was answered: the same answer is due. With another body an error is.</summary>
    public async ValueTask SendAgainAsync(FastChatClient client, string process, bool withOtherBody)
    {
        if (_answered.Count > 0)
        {
            Post before = chance.Of(_answered);
            _answered.Remove(before);
            await SendAsync(client, before with { Process = process, Body = withOtherBody ? NewBody() : before.Body });
        }
    }

    /// <summary>A new program begins by repeating what the one before had no answer to, in its order.</summary>
    public async ValueTask RepeatUnknownAsync(FastChatClient client, string process)
    {
        // One that was under way twice is repeated once.
        Post[] unknown = [.. _open.Values.DistinctBy(post => post.Id)];
        _open.Clear();
        foreach (Post post in unknown)
        {
            await SendAsync(client, post with { Process = process });
        }
    }

    void IPublishObserver.OnPublished(long tag, in PublishReceipt receipt)
    {
        if (_open.Remove(tag, out Post? post))
        {
            Acknowledged++;
            community.Count(receipt.IsDuplicate ? "answered again" : "answered");
            community.History.Write(Of(post, HistoryPhase.Ok) with { Epoch = receipt.Epoch, Sequence = receipt.Sequence, Duplicate = receipt.IsDuplicate });
            if (_answered.Count < RememberedMax)
            {
                _answered.Add(post);
            }
            else
            {
                _answered[chance.Below(RememberedMax)] = post;
            }
        }
    }

    void IPublishObserver.OnFailed(long tag, ClientException error)
    {
        ErrorCode code = error is RequestException refused ? refused.Code : ErrorCode.None;
        bool isRefused = code is not (ErrorCode.None or ErrorCode.Internal);
        if (_open.TryGetValue(tag, out Post? post))
        {
            community.History.Write(Of(post, isRefused ? HistoryPhase.Fail : HistoryPhase.Info) with { Code = (ushort)code });
            if (isRefused)
            {
                community.Count($"refused {code}");
                _open.Remove(tag);
            }
        }
    }

    private ValueTask SendAsync(FastChatClient client, Post message)
    {
        Post post = message with { Attempt = _attempts[message.Id] = _attempts.GetValueOrDefault(message.Id) + 1 };
        long tag = ++_tag;
        _open[tag] = post;
        community.History.Write(Of(post, HistoryPhase.Invoke) with { User = client.User, Kind = MessageKind.Opaque, Hash = BodyHash.Of(post.Body) });
        return client.PostAsync(post.Conversation, post.Id, MessageKind.Opaque, post.Body, default, this, tag, CancellationToken.None);
    }

    private ClientMessageId NewId() => new(new UInt128(chance.Next() | 1, chance.Next()));

    private byte[] NewBody()
    {
        byte[] body = new byte[chance.OneIn(50) ? chance.Between(2000, 30_000) : chance.Between(16, 200)];
        chance.Fill(body);
        return body;
    }

    private static HistoryEvent Of(Post post, HistoryPhase phase) => new()
    {
        Process = post.Process,
        Op = HistoryOp.Publish,
        Phase = phase,
        Conversation = post.Conversation,
        ClientMessageId = post.Id,
        Attempt = post.Attempt,
    };

    /// <summary>A message, and with its number an attempt at it.</summary>
    private sealed record Post(string Process, ConversationId Conversation, ClientMessageId Id, byte[] Body)
    {
        public uint Attempt { get; init; }
    }
}
