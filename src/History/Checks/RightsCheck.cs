using FastChat.Protocol;

namespace FastChat.History;

/// <summary>
/// P15 beyond removals: nobody receives what lies before the first record that any membership of theirs lets them read; a reader and the banned write nothing behind the record that made them that; and in a
/// direct conversation nothing is accepted from who was blocked when it was sent, unless the block was taken back meanwhile; but one's own words one may always take back.
/// </summary>
internal sealed class RightsCheck : Check
{
    private readonly Dictionary<(int Conversation, int User), (ulong Sequence, Place Place)> _lowest = [];
    private readonly HashSet<(int Conversation, int User)> _fromBeginning = [];
    private readonly HashSet<(int Process, ulong Request)> _logReadings = [];
    private readonly Dictionary<int, List<int>> _members = [];
    private readonly Dictionary<(int Blocker, int Blocked), Block> _blocks = [];
    private readonly Dictionary<(int Process, int Message), (Block Block, int Changes)> _sent = [];

    public RightsCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    public override void See(in HistoryEvent e, in Seen seen)
    {
        switch (e.Op)
        {
            case HistoryOp.Member:
                int first = World.NumberOf(e.Member);
                _fromBeginning.Add((seen.Conversation!.Index, first));
                if (!_members.TryGetValue(seen.Conversation.Index, out List<int>? members))
                {
                    _members[seen.Conversation.Index] = members = [];
                }

                members.Add(first);
                break;

            case HistoryOp.ReadLog when e.Phase == HistoryPhase.Invoke:
                _logReadings.Add((seen.Process!.Index, e.Request));
                break;

            case HistoryOp.Deliver or HistoryOp.Record when seen is { Process.User: >= 0, Conversation.IsClosedToOthers: true } && !_logReadings.Contains((seen.Process.Index, e.Request)):
                (int Conversation, int User) key = (seen.Conversation.Index, seen.Process.User);
                if (!_lowest.TryGetValue(key, out (ulong Sequence, Place Place) lowest) || e.Sequence < lowest.Sequence)
                {
                    _lowest[key] = (e.Sequence, seen.Place);
                }

                break;

            case HistoryOp.Block when seen.Process!.User >= 0:
                BlockOf(seen.Process.User, World.NumberOf(e.Member)).See(e, seen.Place);
                break;

            case HistoryOp.Publish when seen is { Message: >= 0, Conversation.Kind: HistoryKind.Direct }:
                SeeDirect(e, seen);
                break;
        }
    }

    public override void Finish()
    {
        foreach (ConversationState conversation in World.Conversations)
        {
            JudgeFirsts(conversation);
            JudgeWriters(conversation);
        }
    }

    private Block BlockOf(int blocker, int blocked)
    {
        if (!_blocks.TryGetValue((blocker, blocked), out Block? block))
        {
            _blocks[(blocker, blocked)] = block = new Block();
        }

        return block;
    }

    /// <summary>A retry of what is stored is answered whatever has become of the right since: only messages that were sent once are judged.</summary>
    private void SeeDirect(in HistoryEvent e, in Seen seen)
    {
        int user = seen.Process!.User;
        if (e.Phase == HistoryPhase.Invoke)
        {
            int peer = _members.TryGetValue(seen.Conversation!.Index, out List<int>? two) ? two.Find(member => member != user) : user;
            if (peer != user && e.Kind != MessageKind.Delete && World.Messages[seen.Message].Invoked == 0)
            {
                Block block = BlockOf(peer, user);
                _sent[(seen.Process.Index, seen.Message)] = (block, block.IsInForce ? block.Changes : -1);
            }
        }
        else if (_sent.Remove((seen.Process.Index, seen.Message), out (Block Block, int Changes) sent) && e.Phase == HistoryPhase.Ok && sent.Changes >= 0)
        {
            Findings.Judge(Promise.Membership);
            if (sent.Block.IsInForce && sent.Block.Changes == sent.Changes && !e.Duplicate)
            {
                Findings.Report(Promise.Membership, $"{e.Process} wrote {e.Epoch}:{e.Sequence} to who had blocked it, in conversation {e.Conversation}", sent.Block.Place, seen.Place);
            }
        }
    }

    private void JudgeFirsts(ConversationState conversation)
    {
        Dictionary<int, (ulong From, Place Place)> visible = [];
        foreach (RecordDetail record in conversation.Details.Values)
        {
            if (record.Kind == MessageKind.MemberAdded && record.Member >= 0)
            {
                ulong from = Math.Max(1, record.VisibleFrom);
                bool isLower = !visible.TryGetValue(record.Member, out (ulong From, Place Place) known) || from < known.From;
                visible[record.Member] = isLower ? (from, record.Place) : known;
            }
        }

        foreach ((int user, (ulong from, Place place)) in visible)
        {
            if (!conversation.IsClosedToOthers || _fromBeginning.Contains((conversation.Index, user)) || !_lowest.TryGetValue((conversation.Index, user), out (ulong Sequence, Place Place) lowest))
            {
                continue;
            }

            Findings.Judge(Promise.Membership);
            if (lowest.Sequence < from && !World.WasRestored)
            {
                Findings.Report(Promise.Membership, $"{World.Users[user]} got record {lowest.Sequence} of conversation {conversation.Id} and may read it from {from} on", place, lowest.Place);
            }
        }
    }

    private void JudgeWriters(ConversationState conversation)
    {
        Dictionary<(int User, uint Epoch), List<(ulong Sequence, RecordDetail Record)>> standings = [];
        foreach ((Position position, RecordDetail record) in conversation.Details.OrderBy(static detail => detail.Key))
        {
            if (record.Kind is MessageKind.MemberAdded or MessageKind.MemberRemoved or MessageKind.MemberChanged && record.Member >= 0)
            {
                if (!standings.TryGetValue((record.Member, position.Epoch), out List<(ulong Sequence, RecordDetail Record)>? own))
                {
                    standings[(record.Member, position.Epoch)] = own = [];
                }

                own.Add((position.Sequence, record));
            }
        }

        if (standings.Count == 0)
        {
            return;
        }

        LogReading? log = conversation.Readings.Count == 0 ? null : conversation.Readings[^1];
        for (ulong sequence = 1; log is not null && sequence <= log.Last; sequence++)
        {
            RecordEntry entry = conversation.Records(log.Epoch)[sequence];
            bool isPlain = !conversation.Details.TryGetValue(new Position(log.Epoch, sequence), out RecordDetail? detail) || detail.Kind == MessageKind.Rich;
            if (entry.Message < 0 || !isPlain)
            {
                continue;
            }

            ref Message message = ref World.Messages[entry.Message];
            if (message.RecordSender == World.UserOf(message.Author) && standings.TryGetValue((message.RecordSender, log.Epoch), out List<(ulong Sequence, RecordDetail Record)>? own))
            {
                ulong place = sequence;
                int last = own.FindLastIndex(standing => standing.Sequence < place);
                Judge(conversation, sequence, entry, last < 0 ? null : own[last].Record);
            }
        }
    }

    private void Judge(ConversationState conversation, ulong sequence, in RecordEntry entry, RecordDetail? standing)
    {
        if (standing?.Role is MemberRole.Reader or MemberRole.Banned)
        {
            Findings.Report(
                Promise.Membership,
                $"record {sequence} of conversation {conversation.Id} was written by {World.Users[standing.Member]}, who was {MemberRoles.NameOf(standing.Role)}",
                standing.Place,
                entry.Place);
        }
        else if (standing is not null)
        {
            Findings.Judge(Promise.Membership);
        }
    }

    /// <summary>Whether somebody is certainly blocked: the last request about it was answered, and none is under way.</summary>
    private sealed class Block
    {
        private int _open;

        public bool IsInForce { get; private set; }

        /// <summary>Counts the requests.</summary>
        public int Changes { get; private set; }

        public Place Place { get; private set; }

        public void See(in HistoryEvent e, Place place)
        {
            if (e.Phase == HistoryPhase.Invoke)
            {
                _open++;
                Changes++;
                IsInForce = false;
                return;
            }

            // What nobody knows of may be done at any time later.
            _open -= e.Phase == HistoryPhase.Info ? 0 : 1;
            if (e.Phase == HistoryPhase.Ok && _open == 0 && !e.TakenBack)
            {
                IsInForce = true;
                Changes++;
                Place = place;
            }
        }
    }
}
