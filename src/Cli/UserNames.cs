using System.Buffers;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Names of users by id, asked for in batches and remembered. A user that the broker does not know keeps its id as name. One caller at a time.</summary>
internal sealed class UserNames
{
    private readonly FastChatClient _client;
    private readonly Dictionary<UserId, string> _known = [];

    /// <summary>Asks <paramref name="client"/>.</summary>
    public UserNames(FastChatClient client)
    {
        _client = client;
        _known[client.User] = client.UserName;
    }

    /// <summary>Learns the names that <paramref name="messages"/> need, with as few questions as possible.</summary>
    public async ValueTask LearnAsync(IReadOnlyList<ChatMessage> messages, CancellationToken cancellation)
    {
        HashSet<UserId>? missing = null;
        foreach (ChatMessage message in messages)
        {
            Note(message.Sender, ref missing);
            Note(message.Publisher, ref missing);
            if (TryMembership(message, out MembershipBody membership))
            {
                Note(membership.User, ref missing);
            }

            if (message.Kind == MessageKind.Rich && message.Attributes?.Forwarded is { } forwarded)
            {
                Note(forwarded.Sender, ref missing);
            }
        }

        if (missing is null)
        {
            return;
        }

        UserId[] asked = [.. missing];
        IReadOnlyList<UserInfo?> users = await _client.ResolveUsersAsync(asked, cancellation).ConfigureAwait(false);
        for (int i = 0; i < asked.Length; i++)
        {
            _known[asked[i]] = users[i]?.Name ?? asked[i].ToString();
        }
    }

    /// <summary>A name that was learned.</summary>
    public string NameOf(UserId user) => _known.TryGetValue(user, out string? name) ? name : user.ToString();

    /// <summary>A message with its names.</summary>
    public MessageView View(ChatMessage message)
    {
        bool isMembership = TryMembership(message, out MembershipBody membership);
        return new MessageView
        {
            Conversation = message.Conversation,
            Position = message.Position,
            Sender = NameOf(message.Sender),
            Via = message.Publisher == message.Sender ? null : NameOf(message.Publisher),
            SentAtMicros = (message.SentAt - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
            Kind = message.Kind,
            IsErased = message.IsErased,
            Body = message.Body,
            Member = isMembership ? NameOf(membership.User) : null,
            Role = isMembership ? membership.Role : MemberRole.None,
            MutedUntilMicros = isMembership ? membership.MutedUntil : 0,
            Changes = ChangesOf(message),
        };
    }

    /// <summary>What a record about the conversation says; null for another kind, and for one that cannot be read.</summary>
    private static ConversationChanges? ChangesOf(ChatMessage message)
    {
        if (message.Kind != MessageKind.ConversationChanged || message.IsErased || !ControlMap.TryParse(new ReadOnlySequence<byte>(message.Body), out ControlMap? map, out _))
        {
            return null;
        }

        try
        {
            return ConversationChanges.Parse(map);
        }
        catch (ControlFormatException)
        {
            // A later broker's values: shown as an unsupported message, like a kind that is not known.
            return null;
        }
    }

    private static bool TryMembership(ChatMessage message, out MembershipBody membership)
    {
        membership = default;
        return message.Kind is MessageKind.MemberAdded or MessageKind.MemberRemoved or MessageKind.MemberChanged && !message.IsErased &&
            MembershipBody.TryRead(message.Body.Span, out membership);
    }

    private void Note(UserId user, ref HashSet<UserId>? missing)
    {
        if (!_known.ContainsKey(user))
        {
            (missing ??= []).Add(user);
        }
    }
}
