using System.Globalization;

using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>
/// What somebody publishes from a device. What has no answer when its program dies is published again by the next one. Each attempt and each outcome goes into the history.
/// </summary>
internal sealed class TownPosts(Town town, Chance chance)
{
    private const int RememberedMax = 8;

    private readonly SortedDictionary<long, Post> _open = [];
    private readonly List<Post> _answered = [];
    private readonly List<Post> _waiting = [];
    private long _tag;
    private int _later;

    /// <summary>Messages that have no outcome.</summary>
    public int Open => _open.Count;

    /// <summary>Publishes a new message of any kind.</summary>
    /// <returns>Where it stands; null when it was refused, or nobody knows.</returns>
    public Task<PublishReceipt?> SendAsync(
        FastChatClient client, string process, string deed, ConversationId conversation, MessageKind kind, byte[] body, ulong? ifHead = null, UserId onBehalfOf = default) =>
        PublishAsync(client, new Post(process, deed, conversation, NewId(), kind, body, ifHead, onBehalfOf));

    /// <summary>Publishes something once more that was answered: it has its place already.</summary>
    public async Task SendAgainAsync(FastChatClient client, string process)
    {
        if (_answered.Count > 0)
        {
            Post before = chance.Of(_answered);
            _answered.Remove(before);
            await PublishAsync(client, before with { Process = process, Deed = "again" });
        }
    }

    /// <summary>A new program begins by repeating what the one before had no answer to, in its order.</summary>
    public async Task RepeatUnknownAsync(FastChatClient client, string process)
    {
        Post[] unknown = [.. _open.Values];
        _open.Clear();
        foreach (Post post in unknown)
        {
            if (post.Forward is { } from)
            {
                await ForwardAsync(client, post with { Process = process }, from);
            }
            else
            {
                await PublishAsync(client, post with { Process = process });
            }
        }
    }

    /// <summary>Publishes a message of one conversation in another one. What exactly its bytes are, the broker decides.</summary>
    public Task ForwardAsync(FastChatClient client, string process, ConversationId from, ulong sequence, ConversationId to) =>
        ForwardAsync(client, new Post(process, "forward", to, NewId(), MessageKind.Rich, [], null, default) { Forward = (from, sequence) }, (from, sequence));

    /// <summary>
    /// Has a message published later. For the history it is sent by a program of its own, which never hears of it again: when it stands in the log is not in the order of what the device says itself. What is taken
    /// back is a publish that failed, and must never appear.
    /// </summary>
    public async Task ScheduleAsync(FastChatClient client, string process, ConversationId conversation, byte[] body, DateTimeOffset at)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{process}-later-{++_later}");
        Post post = new(name, "schedule", conversation, NewId(), MessageKind.Text, body, null, default) { Attempt = 1 };
        town.History.Write(new HistoryEvent { Process = name, Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke });
        town.History.Write(new HistoryEvent { Process = name, Op = HistoryOp.Connect, Phase = HistoryPhase.Ok, Connection = 1, User = client.User, Device = client.Device });
        town.History.Write(Of(post, HistoryPhase.Invoke) with { User = client.User, Kind = post.Kind, Hash = BodyHash.Of(body) });
        try
        {
            ScheduledReceipt receipt = await client.ScheduleAsync(conversation, post.Kind, body, at, new PublishOptions { ClientMessageId = post.Id });
            town.Count(post.Deed);
            if (receipt.Sent.Sequence > 0)
            {
                town.History.Write(Of(post, HistoryPhase.Ok) with { Epoch = receipt.Sent.Epoch, Sequence = receipt.Sent.Sequence });
            }
            else
            {
                _waiting.Add(post);
            }
        }
        catch (RequestException refused)
        {
            town.Count($"{post.Deed} refused");
            town.History.Write(Of(post, HistoryPhase.Fail) with { Code = (ushort)refused.Code });
        }
    }

    /// <summary>Takes a message back that may wait still.</summary>
    public async Task UnscheduleAsync(FastChatClient client)
    {
        if (_waiting.Count == 0)
        {
            return;
        }

        Post post = chance.Of(_waiting);
        _waiting.Remove(post);
        try
        {
            bool isTakenBack = await client.CancelScheduledAsync(post.Conversation, post.Id);
            town.Count(isTakenBack ? "unschedule" : "unschedule in vain");
            if (isTakenBack)
            {
                town.History.Write(Of(post, HistoryPhase.Fail) with { Code = (ushort)ErrorCode.Conflict });
            }
        }
        catch (RequestException refused)
        {
            // No room on the disk, say: it waits on.
            town.Count($"unschedule refused {refused.Code}");
            _waiting.Add(post);
        }
    }

    private async Task ForwardAsync(FastChatClient client, Post message, (ConversationId From, ulong Sequence) from)
    {
        (long tag, Post post) = Begin(client, message, hash: 0);
        try
        {
            LogPosition position = await client.ForwardAsync(from.From, from.Sequence, post.Conversation, post.Id);
            End(tag, post, HistoryPhase.Ok, position);
        }
        catch (RequestException refused)
        {
            Refuse(tag, post, refused);
        }
    }

    private async Task<PublishReceipt?> PublishAsync(FastChatClient client, Post message)
    {
        (long tag, Post post) = Begin(client, message, BodyHash.Of(message.Body));
        try
        {
            PublishReceipt receipt = await client.PublishAsync(
                post.Conversation, post.Kind, post.Body, new PublishOptions { ClientMessageId = post.Id, IfHead = post.IfHead, OnBehalfOf = post.OnBehalfOf });
            End(tag, post, HistoryPhase.Ok, receipt.Position, receipt.IsDuplicate);
            if (_answered.Count < RememberedMax)
            {
                _answered.Add(post);
            }
            else
            {
                _answered[chance.Below(RememberedMax)] = post;
            }

            return receipt;
        }
        catch (RequestException refused)
        {
            Refuse(tag, post, refused);
            return null;
        }
    }

    private (long Tag, Post Post) Begin(FastChatClient client, Post message, ulong hash)
    {
        Post post = message with { Attempt = message.Attempt + 1 };
        long tag = ++_tag;
        _open[tag] = post;
        town.History.Write(Of(post, HistoryPhase.Invoke) with { User = post.OnBehalfOf.IsNone ? client.User : post.OnBehalfOf, Kind = post.Kind, Hash = hash });
        return (tag, post);
    }

    private void Refuse(long tag, Post post, RequestException refused)
    {
        town.Count($"{post.Deed} refused");
        town.Count($"refusal {refused.Code}");
        End(tag, post, refused.Code == ErrorCode.Internal ? HistoryPhase.Info : HistoryPhase.Fail, default, code: refused.Code);
    }

    private void End(long tag, Post post, HistoryPhase phase, LogPosition position, bool isDuplicate = false, ErrorCode code = ErrorCode.None)
    {
        if (phase == HistoryPhase.Ok)
        {
            town.Acknowledged++;
            town.Count(post.Deed);
        }

        _open.Remove(tag);
        town.History.Write(Of(post, phase) with { Epoch = position.Epoch, Sequence = position.Sequence, Duplicate = isDuplicate, Code = (ushort)code });
    }

    private ClientMessageId NewId() => new(new UInt128(chance.Next() | 1, chance.Next()));

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
    private sealed record Post(string Process, string Deed, ConversationId Conversation, ClientMessageId Id, MessageKind Kind, byte[] Body, ulong? IfHead, UserId OnBehalfOf)
    {
        public uint Attempt { get; init; }

        public (ConversationId From, ulong Sequence)? Forward { get; init; }
    }
}
