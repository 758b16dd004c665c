namespace FastChat.History;

/// <summary>
/// P16: when the end of an account or a token was acknowledged, nobody signs in with it any more; a second later nothing that its sessions send is accepted, and nothing that was sent by then reaches them. What was
/// on its way to them before may still arrive.
/// </summary>
internal sealed class RevocationCheck : Check
{
    private const long GraceNs = 1_000_000_000;

    private readonly Dictionary<int, (long At, Place Place)> _revoked = [];
    private readonly Dictionary<(int Process, int Message), long> _sent = [];
    private readonly Dictionary<int, long> _connecting = [];
    private readonly HashSet<int> _signedIn = [];
    private readonly List<(int User, int Message, Place Place)> _delivered = [];

    public RevocationCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    public override void See(in HistoryEvent e, in Seen seen)
    {
        switch (e.Op)
        {
            case HistoryOp.Revoke when e.Phase == HistoryPhase.Ok:
                int revoked = World.NumberOf(e.Member);
                if (_revoked.TryAdd(revoked, (e.TimeNs, seen.Place)) && _signedIn.Contains(revoked))
                {
                    Findings.Judge(Promise.Revocation);
                }

                break;

            case HistoryOp.Connect when e.Phase == HistoryPhase.Invoke:
                _connecting[seen.Process!.Index] = e.TimeNs;
                break;

            case HistoryOp.Connect when e.Phase == HistoryPhase.Ok:
                int user = World.NumberOf(e.User);
                _signedIn.Add(user);
                if (_revoked.TryGetValue(user, out (long At, Place Place) end) && _connecting.GetValueOrDefault(seen.Process!.Index) > end.At)
                {
                    Findings.Report(Promise.Revocation, $"{e.Process} signed in, and its account had ended", end.Place, seen.Place);
                }

                break;

            case HistoryOp.Publish when _revoked.Count > 0 && seen is { Message: >= 0, Process: { } process } && _revoked.TryGetValue(process.User, out (long At, Place Place) ended):
                SeePublish(e, seen, ended);
                break;

            case HistoryOp.Deliver when _revoked.Count > 0 && seen is { Message: >= 0, Process: { } reader } && _revoked.ContainsKey(reader.User):
                _delivered.Add((reader.User, seen.Message, seen.Place));
                break;
        }
    }

    public override void Finish()
    {
        foreach ((int user, int index, Place place) in _delivered)
        {
            // Sent later than the end: so it was delivered later too, however slow the network is.
            if (World.Messages[index] is { Invoked: > 0 } message && message.InvokedAt > _revoked[user].At + GraceNs)
            {
                Findings.Report(Promise.Revocation, $"message {message.Id} was sent when the account of {World.Users[user]} had ended, and reached it", _revoked[user].Place, message.Invoke, place);
            }
        }
    }

    private void SeePublish(in HistoryEvent e, in Seen seen, (long At, Place Place) ended)
    {
        (int, int) key = (seen.Process!.Index, seen.Message);
        if (e.Phase == HistoryPhase.Invoke)
        {
            _sent[key] = e.TimeNs;
        }
        else if (_sent.Remove(key, out long at) && e.Phase == HistoryPhase.Ok && at > ended.At + GraceNs)
        {
            Findings.Report(Promise.Revocation, $"{e.Process} published {e.Epoch}:{e.Sequence} of conversation {e.Conversation}, and its account had ended", ended.Place, seen.Place);
        }
    }
}
