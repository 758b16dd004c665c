using System.Runtime.InteropServices;

using FastChat.Protocol;

namespace FastChat.History;

/// <summary>What a log has made of one message.</summary>
public sealed record MessageNote
{
    /// <summary>The record that deleted it; 0 = it is there.</summary>
    public ulong DeletedBy { get; set; }

    /// <summary>The record that pinned it; 0 = it is not pinned.</summary>
    public ulong PinnedBy { get; set; }

    /// <summary>How often it was edited.</summary>
    public uint Edits { get; set; }

    /// <summary>The last edit.</summary>
    public ulong EditedBy { get; set; }

    /// <summary>Hash of what it says since.</summary>
    public ulong Content { get; set; }

    /// <summary>Messages that answer it and are there.</summary>
    public uint Replies { get; set; }

    /// <summary>Messages in its thread that are there.</summary>
    public uint InThread { get; set; }

    /// <summary><see cref="ReactionDigest"/>.</summary>
    public ulong Reactions { get; set; }
}

/// <summary>
/// What follows from the records of a conversation, read in their order: a model of its own of what the broker keeps beside the log, for who compares the two. It believes that the records are allowed;
/// whether they are is another question. One thread.
/// </summary>
public sealed class LogState
{
    private readonly Dictionary<ulong, MessageNote> _notes = [];
    private readonly Dictionary<ulong, (ulong ReplyTo, ulong Thread)> _answers = [];
    private readonly Dictionary<ulong, Dictionary<ulong, uint>> _reactions = [];

    /// <summary>What each record of a reaction said, and which one stands for whom: erasing one that stands no more changes no count.</summary>
    private readonly Dictionary<ulong, (ulong Target, UInt128 User, ulong Reaction)> _reacted = [];
    private readonly Dictionary<(ulong Target, UInt128 User, ulong Reaction), ulong> _standing = [];

    /// <summary>What there is to say, by sequence.</summary>
    public IReadOnlyDictionary<ulong, MessageNote> Notes => _notes;

    /// <summary>What there is to say about a message; an empty note when there is nothing.</summary>
    public MessageNote Of(ulong sequence) => _notes.TryGetValue(sequence, out MessageNote? note) ? note : new MessageNote();

    /// <summary>Takes in the next record.</summary>
    public void Apply(in HistoryEvent e) =>
        Apply(e.Sequence, e.Kind, e.User.Value, e.Target, e.Erases is { } body && ErasedBody.TryRead(body, out IReadOnlyList<ulong> erased) ? erased : [], e.ReplyTo, e.Thread, e.TakenBack, e.Content);

    internal void Apply(ulong sequence, RecordDetail record) =>
        Apply(sequence, record.Kind, (UInt128)(uint)record.User, record.Target, record.Erases, record.ReplyTo, record.Thread, record.IsTakenBack, record.Content);

    private void Apply(
        ulong sequence, MessageKind kind, UInt128 user, ulong target, IReadOnlyList<ulong> erased, ulong replyTo, ulong thread, bool isTakenBack, ulong content)
    {
        switch (kind)
        {
            case MessageKind.Rich:
                _answers[sequence] = (replyTo, thread);
                Answer(replyTo, thread, 1);
                break;

            case MessageKind.Edit when target != 0:
                MessageNote edited = NoteOf(target);
                edited.Edits++;
                edited.EditedBy = sequence;
                edited.Content = content;
                break;

            case MessageKind.Delete or MessageKind.Expired when target != 0:
                Delete(target, sequence);
                break;

            case MessageKind.Erased:
                foreach (ulong one in erased)
                {
                    Erase(one, sequence);
                }

                break;

            case MessageKind.Reaction when target == 0:
                // Erased before anybody saw what it was: that it was a reaction is known, and what it changed is not.
                _reacted[sequence] = default;
                break;

            case MessageKind.Reaction:
                _reacted[sequence] = (target, user, content);
                if (isTakenBack)
                {
                    _standing.Remove((target, user, content));
                }
                else
                {
                    _standing[(target, user, content)] = sequence;
                }

                React(target, content, isTakenBack);
                break;

            case MessageKind.Pin when target != 0:
                NoteOf(target).PinnedBy = isTakenBack ? 0 : sequence;
                break;
        }
    }

    /// <summary>Its thread stays a thread, and nothing else of it is left.</summary>
    private void Delete(ulong target, ulong by)
    {
        (ulong replyTo, ulong thread) = _answers.GetValueOrDefault(target);
        Answer(replyTo, thread, -1);
        _reactions.Remove(target);
        _notes[target] = new MessageNote { DeletedBy = by, InThread = NoteOf(target).InThread };
    }

    /// <summary>A message ends; a reaction is not counted any more, if it still was.</summary>
    private void Erase(ulong sequence, ulong by)
    {
        if (!_reacted.TryGetValue(sequence, out (ulong Target, UInt128 User, ulong Reaction) reacted))
        {
            Delete(sequence, by);
        }
        else if (_standing.GetValueOrDefault(reacted) == sequence)
        {
            _standing.Remove(reacted);
            if (_reactions.ContainsKey(reacted.Target))
            {
                React(reacted.Target, reacted.Reaction, isTakenBack: true);
            }
        }
    }

    private void Answer(ulong replyTo, ulong thread, int change)
    {
        // Who answered a message that is gone since is not counted any more.
        if (replyTo != 0 && NoteOf(replyTo) is { DeletedBy: 0 } answered)
        {
            answered.Replies = (uint)(answered.Replies + change);
        }

        if (thread != 0)
        {
            MessageNote root = NoteOf(thread);
            root.InThread = (uint)(root.InThread + change);
        }
    }

    private void React(ulong target, ulong reaction, bool isTakenBack)
    {
        if (!_reactions.TryGetValue(target, out Dictionary<ulong, uint>? counts))
        {
            _reactions[target] = counts = [];
        }

        ref uint count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, reaction, out _);
        count = isTakenBack ? Math.Max(count, 1) - 1 : count + 1;
        if (count == 0)
        {
            counts.Remove(reaction);
        }

        NoteOf(target).Reactions = ReactionDigest.Of(counts.Select(static one => (one.Key, one.Value)));
    }

    private MessageNote NoteOf(ulong sequence)
    {
        if (!_notes.TryGetValue(sequence, out MessageNote? note))
        {
            _notes[sequence] = note = new MessageNote();
        }

        return note;
    }
}
