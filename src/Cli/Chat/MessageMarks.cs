using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What later records have made of a message, beside its text. Immutable; the many messages of which there is nothing to say share <see cref="None"/>.</summary>
internal sealed record MessageMarks
{
    /// <summary>Nothing.</summary>
    public static MessageMarks None { get; } = new();

    /// <summary>It is gone for everyone.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>It is gone because its time was over.</summary>
    public bool IsExpired { get; init; }

    /// <summary>The reader does not want to see it.</summary>
    public bool IsHidden { get; init; }

    /// <summary>True when nothing of what it says is shown.</summary>
    public bool IsGone => IsDeleted || IsHidden;

    /// <summary>It is pinned.</summary>
    public bool IsPinned { get; init; }

    /// <summary>It says something else than at first.</summary>
    public bool IsEdited { get; init; }

    /// <summary>Messages in its thread that are not deleted.</summary>
    public uint InThread { get; init; }

    /// <summary>Reactions, in the order in which they first came.</summary>
    public IReadOnlyList<MessageReaction> Reactions { get; init; } = [];

    /// <summary>What the broker says of a message.</summary>
    public static MessageMarks Of(MessageState state) => new()
    {
        IsDeleted = state.DeletedBy != 0,
        IsPinned = state.PinnedBy != 0,
        IsEdited = state.Edits > 0,
        InThread = state.InThread,
        Reactions = state.Reactions,
    };

    /// <summary>The marks behind a change. What it says of the text is the entry's.</summary>
    public MessageMarks After(ChatChange change) => change.Kind switch
    {
        ChangeKind.Edit => this with { IsEdited = true },
        ChangeKind.Delete => Gone(isExpired: false),
        ChangeKind.Expire => Gone(isExpired: true),
        ChangeKind.React => this with { Reactions = Added(change.Text, change.IsOwn) },
        ChangeKind.Unreact => this with { Reactions = TakenBack(change.Text, change.IsOwn) },
        ChangeKind.Pin => this with { IsPinned = true },
        ChangeKind.Unpin => this with { IsPinned = false },
        _ => this,
    };

    // Its thread goes on: what others answered is theirs.
    private MessageMarks Gone(bool isExpired) => new() { IsDeleted = true, IsExpired = isExpired, IsHidden = IsHidden, InThread = InThread };

    private List<MessageReaction> Added(string reaction, bool isOwn)
    {
        List<MessageReaction> reactions = [.. Reactions];
        int at = reactions.FindIndex(one => one.Reaction == reaction);
        if (at >= 0)
        {
            reactions[at] = reactions[at] with { Count = reactions[at].Count + 1, IsOwn = reactions[at].IsOwn || isOwn };
        }
        else if (reactions.Count < ProtocolLimits.ReactionKindsMax)
        {
            reactions.Add(new MessageReaction(reaction, 1, isOwn));
        }

        return reactions;
    }

    private List<MessageReaction> TakenBack(string reaction, bool isOwn)
    {
        List<MessageReaction> reactions = [.. Reactions];
        int at = reactions.FindIndex(one => one.Reaction == reaction);
        if (at >= 0)
        {
            MessageReaction less = reactions[at] with { Count = reactions[at].Count - 1, IsOwn = reactions[at].IsOwn && !isOwn };
            if (less.Count == 0)
            {
                reactions.RemoveAt(at);
            }
            else
            {
                reactions[at] = less;
            }
        }

        return reactions;
    }
}
