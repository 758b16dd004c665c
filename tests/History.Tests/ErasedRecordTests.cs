namespace FastChat.History.Tests;

/// <summary>Records of kind 133, each of which takes the bodies of many away: who is erased is no loss, and nothing of them comes back.</summary>
public sealed class ErasedRecordTests
{
    private static readonly ConversationId s_room = new(0x77);
    private static readonly UserId s_user = new(0xA);
    private static readonly byte[] s_erases = ErasedBody.ToBytes([1, 2]);

    [Test]
    public void What_it_names_is_no_loss() => Assert.That(Check(s_erases, isBack: false).Details, Is.Empty);

    [Test]
    public void What_it_does_not_name_is_one() =>
        Assert.That(Of(Check(ErasedBody.ToBytes([2]), isBack: false), Promise.Durable).Violations, Is.EqualTo(1));

    [Test]
    public void A_body_that_comes_back_is_a_violation() => Assert.That(Of(Check(s_erases, isBack: true), Promise.Erasure).Violations, Is.EqualTo(1));

    [Test]
    public void It_is_written_and_read_again()
    {
        HistoryEvent e = Record(5, 1, 3, MessageKind.Erased, isErased: false) with { Erases = s_erases };
        using HistoryReader reader = new(new MemoryStream(WrittenHistory.Write([e])), "file");
        HistoryEvent read = default;
        while (reader.TryRead(out HistoryEvent next))
        {
            read = next;
        }

        Assert.That(read.Erases, Is.EqualTo(s_erases));
        string text = System.Text.Encoding.UTF8.GetString(WrittenHistory.Write([e]));
        foreach (string wrong in new[] { "00", "0x", string.Empty, new string('f', 5000) })
        {
            using HistoryReader refused = new(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text.Replace(Convert.ToHexStringLower(s_erases), wrong, StringComparison.Ordinal))), "file");
            Assert.That(
                () =>
                {
                    while (refused.TryRead(out _))
                    {
                        // To the end.
                    }
                },
                Throws.TypeOf<HistoryFormatException>(),
                wrong);
        }
    }

    [Test]
    public void The_model_ends_messages_and_takes_back_reactions_that_stand()
    {
        LogState state = new();
        UserId other = new(0xB);
        Apply(1, s_user, new HistoryEvent { Kind = MessageKind.Text });
        Apply(2, other, new HistoryEvent { Kind = MessageKind.Text });
        Apply(3, s_user, new HistoryEvent { Kind = MessageKind.Rich, ReplyTo = 2 });
        Apply(4, s_user, new HistoryEvent { Kind = MessageKind.Reaction, Target = 2, Content = 7 });
        Apply(5, other, new HistoryEvent { Kind = MessageKind.Reaction, Target = 2, Content = 7 });
        Apply(6, s_user, new HistoryEvent { Kind = MessageKind.Reaction, Target = 2, Content = 8 });
        Apply(7, s_user, new HistoryEvent { Kind = MessageKind.Reaction, Target = 2, Content = 8, TakenBack = true });
        Apply(8, s_user, new HistoryEvent { Kind = MessageKind.Erased, Erases = ErasedBody.ToBytes([1, 3, 4, 6, 7]) });
        Assert.That((state.Of(1).DeletedBy, state.Of(2).DeletedBy, state.Of(3).DeletedBy), Is.EqualTo((8ul, 0ul, 8ul)));
        Assert.That((state.Of(2).Replies, state.Of(2).Reactions), Is.EqualTo((0u, ReactionDigest.Of([(7ul, 1u)]))));
        Assert.That(state.Notes.Keys, Is.EquivalentTo(new[] { 1ul, 2ul, 3ul }), "a reaction is no message");

        void Apply(ulong sequence, UserId user, HistoryEvent e) => state.Apply(e with { Op = HistoryOp.Record, Sequence = sequence, User = user });
    }

    private static PromiseReport Of(CheckReport report, Promise promise) => report.Promises.Single(one => one.Promise == promise);

    private static CheckReport Check(byte[] erases, bool isBack) => WrittenHistory.Check(
    [
        [
            new HistoryEvent { TimeNs = 1, Op = HistoryOp.Conversation, Conversation = s_room, ConversationKind = HistoryKind.Public, Epoch = 1 },
            new HistoryEvent { TimeNs = 2, Process = "p", Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke },
            new HistoryEvent { TimeNs = 3, Process = "p", Op = HistoryOp.Connect, Phase = HistoryPhase.Ok, Connection = 1, User = new UserId(0xC), Device = new DeviceId(1) },
            .. Read(10, 1, Record(11, 1, 1, MessageKind.Text, isErased: false), Record(12, 1, 2, MessageKind.Text, isErased: false)),
            .. Read(20, 2, Record(21, 2, 1, MessageKind.Text, isErased: true), Record(22, 2, 2, MessageKind.Text, isErased: true), Record(23, 2, 3, MessageKind.Erased, isErased: false) with { Erases = erases }),
            .. isBack
                ? Read(30, 3, Record(31, 3, 1, MessageKind.Text, isErased: false), Record(32, 3, 2, MessageKind.Text, isErased: true), Record(33, 3, 3, MessageKind.Erased, isErased: false) with { Erases = erases })
                : [],
        ],
    ]);

    private static HistoryEvent[] Read(long time, ulong request, params HistoryEvent[] records)
    {
        HistoryEvent reading = new() { TimeNs = time, Process = "p", Op = HistoryOp.ReadLog, Phase = HistoryPhase.Invoke, Conversation = s_room, Request = request };
        return [reading, .. records, reading with { TimeNs = time + 9, Phase = HistoryPhase.Ok, Epoch = 1, Head = (ulong)records.Length }];
    }

    private static HistoryEvent Record(long time, ulong request, ulong sequence, MessageKind kind, bool isErased) => new()
    {
        TimeNs = time,
        Process = "p",
        Op = HistoryOp.Record,
        Conversation = s_room,
        Request = request,
        Epoch = 1,
        Sequence = sequence,
        User = s_user,
        Device = new DeviceId(5),
        ClientMessageId = new ClientMessageId(sequence),
        Kind = kind,
        Hash = 100 + sequence,
        Erased = isErased,
    };
}
