using FastChat.Broker.Conversations;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>What a conversation's records say about its messages, folded in the plainest way; what the broker stores is held against it.</summary>
internal sealed class AnnotationModel
{
    private sealed class Message
    {
        public List<ulong> Edits { get; set; } = [];

        public List<(string Reaction, List<UserId> Users)> Reactions { get; } = [];

        public uint Replies { get; set; }

        public uint InThread { get; set; }

        public ulong DeletedBy { get; set; }

        public ulong PinnedBy { get; set; }

        public ulong ReplyTo { get; set; }

        public ulong Thread { get; set; }
    }

    private readonly SortedDictionary<ulong, Message> _messages = [];

    /// <summary>By sequence, printed; those of which there is nothing to say are left out.</summary>
    public Dictionary<ulong, string> Annotations => _messages.Select(one => (one.Key, Text: Print(ToAnnotation(one.Value)))).Where(one => one.Text != Print(new Annotation())).ToDictionary(one => one.Key, one => one.Text);

    public IEnumerable<ulong> Pinned => _messages.Where(one => one.Value.PinnedBy != 0).Select(one => one.Key);

    public int InThreads => _messages.Values.Count(one => one.Thread != 0 && one.DeletedBy == 0);

    public int Reactions => _messages.Values.Sum(one => one.Reactions.Sum(reaction => reaction.Users.Count));

    public static AnnotationModel Of(IEnumerable<StoredRecord> records)
    {
        AnnotationModel model = new();
        foreach (StoredRecord record in records)
        {
            model.Add(record);
        }

        return model;
    }

    public static string Print(Annotation one) =>
        $"edits {string.Join(',', one.Edits)} reactions {string.Join(',', one.Reactions)} replies {one.Replies} thread {one.InThread} deleted {one.DeletedBy} pinned {one.PinnedBy}";

    private void Add(StoredRecord record)
    {
        byte[] body = Convert.FromHexString(record.BodyHex);
        switch (record.Kind)
        {
            case MessageKind.Text or MessageKind.Opaque:
                _messages.Add(record.Sequence, new Message());
                break;
            case MessageKind.Rich when record.IsErased:
                // What it answered and belonged to is gone with it; what deleted it is still to come.
                _messages.Add(record.Sequence, new Message());
                break;
            case MessageKind.Rich:
                AddRich(record.Sequence, body);
                break;
            case MessageKind.Edit when record.IsErased:
                break;
            case MessageKind.Edit:
                EditBody.TryRead(body, out EditBody edit);
                _messages[edit.Target].Edits.Add(record.Sequence);
                break;
            case MessageKind.Delete:
                DeleteBody.TryRead(body, out DeleteBody deletion);
                Delete(_messages[deletion.Target], record.Sequence);
                break;
            case MessageKind.Reaction:
                ReactionBody.TryRead(body, out ReactionBody? reaction);
                React(_messages[reaction!.Target], reaction, record.Sender);
                break;
            case MessageKind.Pin:
                PinBody.TryRead(body, out PinBody pin);
                _messages[pin.Target].PinnedBy = pin.IsPinned ? record.Sequence : 0;
                break;
        }
    }

    private void AddRich(ulong sequence, byte[] body)
    {
        RichBody.TryRead(body, out RichBody rich);
        MessageAttributes.TryRead(rich.Attributes, skipsUnknown: false, out MessageAttributes? attributes, out _);
        _messages.Add(sequence, new Message { ReplyTo = attributes!.ReplyTo, Thread = attributes.Thread });
        if (attributes.ReplyTo != 0)
        {
            _messages[attributes.ReplyTo].Replies++;
        }

        if (attributes.Thread != 0)
        {
            _messages[attributes.Thread].InThread++;
        }
    }

    private void Delete(Message message, ulong by)
    {
        if (message.ReplyTo != 0 && _messages[message.ReplyTo] is { Replies: > 0 } answered)
        {
            answered.Replies--;
        }

        if (message.Thread != 0)
        {
            _messages[message.Thread].InThread--;
        }

        message.Edits = [];
        message.Reactions.Clear();
        (message.Replies, message.PinnedBy, message.DeletedBy) = (0, 0, by);
    }

    private static void React(Message message, ReactionBody reaction, UserId user)
    {
        int index = message.Reactions.FindIndex(one => one.Reaction == reaction.Reaction);
        if (index < 0)
        {
            message.Reactions.Add((reaction.Reaction, [user]));
        }
        else if (reaction.IsAdded)
        {
            message.Reactions[index].Users.Add(user);
        }
        else
        {
            message.Reactions[index].Users.Remove(user);
            if (message.Reactions[index].Users.Count == 0)
            {
                message.Reactions.RemoveAt(index);
            }
        }
    }

    private static Annotation ToAnnotation(Message message) => new()
    {
        Edits = message.Edits,
        Reactions = [.. message.Reactions.Select(one => new ReactionCount(one.Reaction, (uint)one.Users.Count))],
        Replies = message.Replies,
        InThread = message.InThread,
        DeletedBy = message.DeletedBy,
        PinnedBy = message.PinnedBy,
    };
}
