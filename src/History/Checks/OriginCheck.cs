using FastChat.Protocol;

namespace FastChat.History;

/// <summary>
/// P3: every record was sent, in this conversation, with these bytes, by whom it names, before anybody saw it. P4: what was refused is in no log; P22 when it was refused for want
/// of room. A record of a device that writes no history says nothing, unless the conversation is declared closed or its position is older than the history.
/// </summary>
internal sealed class OriginCheck : Check
{
    public OriginCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    /// <summary>Records whose publishers write no history.</summary>
    public long Foreign { get; private set; }

    public override void Finish()
    {
        for (int i = 0; i < World.Messages.Count; i++)
        {
            ref Message message = ref World.Messages[i];
            bool isRefused = message.Invoked > 0 && message.Failed >= message.Invoked && message.Succeeded == 0;
            if (isRefused)
            {
                Findings.Judge(PromiseOf(message.RefusalCode));
            }

            if (message.Record.IsNone)
            {
                continue;
            }

            if (message.Invoked == 0)
            {
                JudgeStranger(message);
            }
            else if (isRefused && (message.RecordHash == message.Hash || message.Hash == 0) && !IsGone(message))
            {
                Findings.Report(
                    PromiseOf(message.RefusalCode), $"publish {message.Id} was refused with {(ErrorCode)message.RefusalCode} and is in the log", message.Refusal, message.Record);
            }
            else
            {
                JudgeOrigin(i, message);
            }
        }
    }

    /// <summary>It was seen in a log that a restored backup has replaced: the refusal came from the new one, which need not have it.</summary>
    private bool IsGone(in Message message) => World.WasRestored && message.RecordPosition.Epoch < World.Conversations[message.Conversation].Known.Epoch;

    private static Promise PromiseOf(ushort code) =>
        (ErrorCode)code is ErrorCode.Overloaded or ErrorCode.StoreUnavailable or ErrorCode.TooMany ? Promise.Overload : Promise.NoAborted;

    private void JudgeStranger(in Message message)
    {
        ConversationState conversation = World.Conversations[message.Conversation];
        if ((!World.IsRecorded(message.Author) && !conversation.IsClosed) || conversation.IsBefore(message.RecordPosition))
        {
            Foreign++;
            return;
        }

        Findings.Judge(Promise.NoPhantom);
        Findings.Report(Promise.NoPhantom, $"record {message.RecordPosition} of conversation {conversation.Id} (id {message.Id}) was sent by nobody", message.Record);
    }

    private void JudgeOrigin(int index, in Message message)
    {
        Findings.Judge(Promise.NoPhantom);
        if (message.RecordSender != message.Sender)
        {
            Findings.Report(
                Promise.NoPhantom,
                $"message {message.Id} was sent as {World.Users[message.Sender]} and is stamped {World.Users[message.RecordSender]}",
                message.Invoke,
                message.Record);
        }
        else if (message.RecordAt < message.InvokedAt && !World.Messages.Retried.ContainsKey(index))
        {
            Findings.Report(Promise.NoPhantom, $"message {message.Id} was seen before it was sent", message.Record, message.Invoke);
        }
        else if (message.Hash != 0 && message.RecordHash != message.Hash)
        {
            // Without a hash the broker makes the body: a forwarded message.
            JudgeBytes(index, message);
        }
    }

    private void JudgeBytes(int index, in Message message)
    {
        ulong hash = message.RecordHash;
        List<Attempt>? attempts = World.Messages.Retried.TryGetValue(index, out List<Attempt>? known) ? known.FindAll(attempt => attempt.Hash == hash) : null;
        if (attempts is null || attempts.Count == 0)
        {
            // Of an acknowledged message that is a broken promise to its sender (P1), and DurabilityCheck says so; of any other it is a forgery.
            if (message.Ack.IsNone)
            {
                Findings.Report(Promise.NoPhantom, $"record {message.RecordPosition} (id {message.Id}) has bytes that nobody sent", message.Invoke, message.Record);
            }
        }
        else if (attempts.TrueForAll(static attempt => attempt.Failed >= attempt.Invoked))
        {
            Findings.Report(PromiseOf(attempts[0].RefusalCode), $"a refused body of id {message.Id} is in the log", attempts[0].Answer, message.Record);
        }
    }
}
