namespace FastChat.History;

/// <summary>
/// P6: (conversation, epoch, sequence) is one function to (sender, publisher, device, id, kind, bytes), over all observers and times. And the part of P2 that the log itself shows:
/// an id stands at one position.
/// </summary>
internal sealed class AgreementCheck : Check
{
    public AgreementCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    public override void See(in HistoryEvent e, in Seen seen)
    {
        if (e.Op is not (HistoryOp.Deliver or HistoryOp.Record))
        {
            return;
        }

        ref RecordEntry entry = ref seen.Conversation!.Records(e.Epoch)[e.Sequence];
        if (entry.Fingerprint != 0)
        {
            Findings.Judge(Promise.Agreement);
            if (entry.Fingerprint != seen.Fingerprint)
            {
                Findings.Report(Promise.Agreement, $"conversation {e.Conversation} {e.Epoch}:{e.Sequence} is one record here and another there", entry.Place, seen.Place);
            }
        }

        if (seen.Message >= 0)
        {
            Findings.Judge(Promise.ExactlyOnce);
            ref Message message = ref World.Messages[seen.Message];
            Position position = new(e.Epoch, e.Sequence);
            if (!message.Record.IsNone && message.RecordPosition.Epoch == e.Epoch && message.RecordPosition != position)
            {
                Findings.Report(
                    Promise.ExactlyOnce, $"message {e.ClientMessageId} stands at {message.RecordPosition} and at {position} of conversation {e.Conversation}", message.Record, seen.Place);
            }
        }
    }
}
