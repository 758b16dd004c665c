namespace FastChat.History;

/// <summary>
/// P21: an attempt has one outcome, and there is one only for what was sent. P22: whoever ended in order had every answer. And the part of P2 that answers show: every retry is
/// answered with the position of the first, says that it is one, and another body under the same id is refused.
/// </summary>
internal sealed class OutcomeCheck : Check
{
    public OutcomeCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    public override void See(in HistoryEvent e, in Seen seen)
    {
        if (e.Op != HistoryOp.Publish || e.Phase is HistoryPhase.Invoke or HistoryPhase.Info || seen.Message < 0)
        {
            return;
        }

        ref Message message = ref World.Messages[seen.Message];
        Attempt? attempt = World.Messages.AttemptOf(seen.Message, Math.Max(1, e.Attempt));
        JudgeOutcome(e, seen, message, attempt);
        if (e.Phase == HistoryPhase.Ok && !message.Ack.IsNone)
        {
            JudgeRepeatedAnswer(e, seen, message, attempt);
        }
    }

    public override void Finish()
    {
        for (int i = 0; i < World.Messages.Count; i++)
        {
            ref Message message = ref World.Messages[i];
            if (message.Invoked > 0 && message.Process >= 0 && !World.Processes[message.Process].End.IsNone)
            {
                Findings.Judge(Promise.Overload);
                if (message.Succeeded + message.Failed + message.Unknown < message.Invoked)
                {
                    Findings.Report(
                        Promise.Overload,
                        $"publish {message.Id} was never answered, though its process ended in order",
                        message.LastInvoke,
                        World.Processes[message.Process].End);
                }
            }
        }

        foreach ((int index, List<Attempt> attempts) in World.Messages.Retried)
        {
            JudgeBodies(World.Messages[index], attempts);
        }
    }

    private void JudgeOutcome(in HistoryEvent e, in Seen seen, in Message message, Attempt? attempt)
    {
        Findings.Judge(Promise.HonestErrors);
        bool isSole = attempt is null;
        int invoked = isSole ? message.Invoked : attempt!.Invoked;
        int succeeded = isSole ? message.Succeeded : attempt!.Succeeded;
        int failed = isSole ? message.Failed : attempt!.Failed;
        if (invoked == 0 || (isSole && Math.Max(1, e.Attempt) != 1))
        {
            Findings.Report(Promise.HonestErrors, $"publish {e.ClientMessageId} is answered and was not sent", seen.Place);
        }
        else if (succeeded + failed >= invoked)
        {
            Place first = isSole ? (failed > 0 ? message.Refusal : message.Ack) : attempt!.Answer;
            string before = failed > 0 ? "refused" : "acknowledged";
            string now = e.Phase == HistoryPhase.Ok ? "acknowledged" : "refused";
            Findings.Report(Promise.HonestErrors, $"publish {e.ClientMessageId} was {before} and is now {now}: one attempt has one outcome", first, seen.Place);
        }
    }

    private void JudgeRepeatedAnswer(in HistoryEvent e, in Seen seen, in Message message, Attempt? attempt)
    {
        Findings.Judge(Promise.ExactlyOnce);
        Position position = new(e.Epoch, e.Sequence);
        bool isSame = position == message.AckPosition ||
            (position.Epoch != message.AckPosition.Epoch && (position.Sequence == message.AckPosition.Sequence || World.WasRestored));
        if (!isSame)
        {
            Findings.Report(Promise.ExactlyOnce, $"publish {e.ClientMessageId} was acknowledged at {message.AckPosition} and its retry at {position}", message.Ack, seen.Place);
        }
        else if (!e.Duplicate && attempt is not null && attempt.InvokedAt > message.AckedAt && position.Epoch == message.AckPosition.Epoch)
        {
            Findings.Report(Promise.ExactlyOnce, $"publish {e.ClientMessageId} was acknowledged before it was sent again, and the answer does not say so", message.Ack, seen.Place);
        }
    }

    private void JudgeBodies(in Message message, List<Attempt> attempts)
    {
        Attempt? accepted = null;
        ulong stored = message.RecordHash;
        bool isStoredSent = !message.Record.IsNone && attempts.Exists(attempt => attempt.Hash == stored);
        foreach (Attempt attempt in attempts)
        {
            if (attempt.Succeeded == 0)
            {
                continue;
            }

            Findings.Judge(Promise.ExactlyOnce);
            if (accepted is not null && accepted.AckEpoch == attempt.AckEpoch && accepted.Hash != attempt.Hash)
            {
                Findings.Report(Promise.ExactlyOnce, $"id {message.Id} was acknowledged with two bodies", accepted.Invoke, accepted.Answer, attempt.Invoke, attempt.Answer);
            }
            else if (isStoredSent && attempt.Hash != 0 && stored != attempt.Hash && message.RecordPosition.Epoch == attempt.AckEpoch)
            {
                Findings.Report(Promise.ExactlyOnce, $"id {message.Id} was acknowledged with a body that is not the stored one", attempt.Invoke, attempt.Answer, message.Record);
            }

            accepted = attempt;
        }
    }
}
