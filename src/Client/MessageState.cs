using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>What later records have made of a message (protocol.md §4.6, GetAnnotations).</summary>
public sealed record MessageState
{
    /// <summary>The message.</summary>
    public ulong Sequence { get; init; }

    /// <summary>The record that deleted it, or says that its time was over; 0 = it is there.</summary>
    public ulong DeletedBy { get; init; }

    /// <summary>The record that pinned it; 0 = it is not pinned.</summary>
    public ulong PinnedBy { get; init; }

    /// <summary>How often it was edited.</summary>
    public int Edits { get; init; }

    /// <summary>The last edit; 0 = none.</summary>
    public ulong EditedBy { get; init; }

    /// <summary>What it says since the last edit, as text; null when it was not edited, or is no text.</summary>
    public string? Text { get; init; }

    /// <summary>Messages that answer it.</summary>
    public uint Replies { get; init; }

    /// <summary>Messages in its thread.</summary>
    public uint InThread { get; init; }

    /// <summary>Reactions, in the order in which they first came.</summary>
    public IReadOnlyList<MessageReaction> Reactions { get; init; } = [];

    internal static MessageState Parse(ControlMap map) => new()
    {
        Sequence = map.Number("sequence", 0),
        DeletedBy = map.Number("deleted_by", 0),
        PinnedBy = map.Number("pinned_by", 0),
        Edits = (int)map.Number("edits", 0, ProtocolLimits.EditsMax),
        EditedBy = map.Number("edited_by", 0),
        Text = map.Bytes("content", ProtocolLimits.ServerFrameSizeMax) is { } content ? MessageContent.TextOf((MessageKind)map.Number("kind", 0, byte.MaxValue), content) : null,
        Replies = (uint)map.Number("replies", 0, uint.MaxValue),
        InThread = (uint)map.Number("in_thread", 0, uint.MaxValue),
        Reactions = (map.Maps("reactions") ?? []).OfType<ControlMap>()
            .Select(one => new MessageReaction(one.Text("reaction", ProtocolLimits.ReactionSizeMax) ?? string.Empty, (uint)one.Number("count", 0, uint.MaxValue), one.Flag("own"))).ToArray(),
    };
}

/// <summary>A reaction to a message.</summary>
/// <param name="Reaction">The reaction.</param>
/// <param name="Count">How many people's it is.</param>
/// <param name="IsOwn">True when the asking user is one of them.</param>
public readonly record struct MessageReaction(string Reaction, uint Count, bool IsOwn);

/// <summary>What became of the messages of a stretch of history, as it is at a head: what is behind it comes as records.</summary>
/// <param name="States">Those of which there is something to say, in ascending order.</param>
/// <param name="Epoch">The log's epoch.</param>
/// <param name="Head">The head.</param>
/// <param name="Next">Where to go on; 0 = this was all.</param>
public sealed record MessageStatePage(IReadOnlyList<MessageState> States, uint Epoch, ulong Head, ulong Next)
{
    /// <summary>Those that the asking user does not want to see, in ascending order.</summary>
    public IReadOnlyList<ulong> Hidden { get; init; } = [];
}

/// <summary>A page of a thread, or of the pinned messages.</summary>
/// <param name="Messages">The messages, oldest first.</param>
/// <param name="IsComplete">True on the last page; otherwise go on after the last message.</param>
/// <param name="Head">The conversation's head.</param>
public sealed record MessagePage(IReadOnlyList<ChatMessage> Messages, bool IsComplete, ulong Head);
