namespace FastChat.Cli;

/// <summary>What a record does to an earlier message.</summary>
internal enum ChangeKind
{
    Edit,
    Delete,
    Expire,
    React,
    Unreact,
    Pin,
    Unpin,
}

/// <summary>A record that changes an earlier message (protocol.md §5.2): it is not shown itself, what it changes is.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Sequence">Its own place in the log.</param>
/// <param name="Target">The message.</param>
/// <param name="IsOwn">True when the signed-in user did it.</param>
/// <param name="Text">The new text as it was sent, or the reaction; empty otherwise.</param>
internal sealed record ChatChange(ChangeKind Kind, ulong Sequence, ulong Target, bool IsOwn, string Text = "");

/// <summary>A record of the log as a room takes it: something to show, or a change of what is shown; a record that is neither only moves the end.</summary>
/// <param name="Sequence">Its place in the log.</param>
/// <param name="Entry">What is to be shown; null for the others.</param>
/// <param name="Change">What is to be changed; null for the others.</param>
/// <param name="Topic">What the conversation is about from here on, harmless; null when the record does not say.</param>
internal readonly record struct ChatItem(ulong Sequence, ChatEntry? Entry = null, ChatChange? Change = null, string? Topic = null);
