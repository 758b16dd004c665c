using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

using FastChat.Protocol;
using FastChat.TestSupport;

namespace FastChat.Repository.Tests;

/// <summary>protocol.md, the enums and the vectors say the same: numbers, names, senders, codes, limits.</summary>
public sealed class ProtocolDocumentTests
{
    private sealed record FrameRow(byte Id, string Name, string Sender, string Body)
    {
        public bool IsReserved => Body == "reserved";
    }

    private static readonly FrameRow[] FrameRows = ProtocolDocument.Table("4.1")
        .Select(cells => new FrameRow(byte.Parse(cells[0][2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture), cells[1], cells[2], cells[3]))
        .ToArray();

    // Rows of §2.3 whose limits are the broker's own options: no peer computes with them.
    private static readonly string[] BrokerOptions =
    [
        "from connect to Hello", "from the first to the last byte of a frame", "silence of the peer",
        "bytes waiting and none taken by the peer", "connections not signed in, per address",
        "names looked up", "ids looked up, and strangers' profiles", "profiles asked about", "changes of a profile, searches, changes of blocks",
        "conversations made by a user; own joins, leaves, acceptances and refusals; members added, removed or changed", "changes of presence by one user", "signals of a connection",
        "connections of an address; of a user", "connections from an address; sign-ins with a password, and new accounts", "wrong passwords and refused assertions from an address", "assertions that a service account signed itself: their life; used ones that still hold", "a Hello's wait for its turn",
        "messages published by a user, on all connections together", "messages published into a conversation, by everybody together", "control requests of a user, by what they cost: 1 for a look at an entry, 10 for a page",
        "bytes read from a connection, each frame counted with 1,024 more", "size of an attachment", "quota of a user, uploads under way",
        "devices of a user", "changes of the password, tried", "exports begun of one's own data",
    ];

    [Test]
    public void Frame_types_are_the_table()
    {
        Assert.That(FrameRows, Has.Length.GreaterThan(25));
        Assert.That(FrameRows.Select(row => (row.Id, row.Name)), Is.EqualTo(
            Enum.GetValues<FrameType>().Where(type => type != FrameType.None).Select(type => ((byte)type, type.ToString()))));
    }

    [Test]
    public void Senders_are_the_table()
    {
        foreach (FrameRow row in FrameRows)
        {
            (bool client, bool server) = row switch
            {
                { IsReserved: true } => (false, false),
                { Sender: "C→S" } => (true, false),
                { Sender: "S→C" } => (false, true),
                { Sender: "both" } => (true, true),
                _ => throw new AssertionException($"{row}: unknown sender"),
            };
            Assert.That((FrameTypes.IsFromClient((FrameType)row.Id), FrameTypes.IsFromServer((FrameType)row.Id)), Is.EqualTo((client, server)), row.Name);
        }

        byte[] unknown = Enumerable.Range(0, 256).Select(id => (byte)id).Except(FrameRows.Select(row => row.Id)).ToArray();
        Assert.That(unknown.Where(id => FrameTypes.IsFromClient((FrameType)id) || FrameTypes.IsFromServer((FrameType)id)), Is.Empty, "unknown types have no sender");
    }

    [Test]
    public void Every_frame_has_vectors_and_every_vector_file_a_frame()
    {
        string[] expected = [.. FrameRows.Where(row => !row.IsReserved).Select(row => ProtocolDocument.Kebab(row.Name)), "record", "invalid", "resume", "scram"];
        Assert.That(VectorFile.Names, Is.EquivalentTo(expected));
        foreach (FrameRow row in FrameRows.Where(row => !row.IsReserved))
        {
            IReadOnlyList<Vector> vectors = VectorFile.Read(ProtocolDocument.Kebab(row.Name));
            Assert.That(vectors, Is.Not.Empty, row.Name);
            Assert.That(vectors.Select(vector => vector.Text("frame")), Is.All.EqualTo(row.Name));
            Assert.That(vectors.Select(vector => vector.Bytes[3]), Is.All.EqualTo(row.Id), row.Name);
            Assert.That(vectors.Select(vector => vector.Fields.ContainsKey("map")), Is.All.EqualTo(row.Body.StartsWith("map", StringComparison.Ordinal)), row.Name);
        }
    }

    [Test]
    public void Error_codes_are_the_table()
    {
        IReadOnlyList<string[]> rows = ProtocolDocument.Table("8");
        Assert.That(rows.Select(cells => (cells[0], cells[1], cells[2])), Is.EqualTo(Enum.GetValues<ErrorCode>().Where(code => code != ErrorCode.None).Select(code =>
            (((ushort)code).ToString(CultureInfo.InvariantCulture), ProtocolDocument.Screaming(code.ToString()), ErrorCodes.IsRetryable(code) ? "yes" : "no"))));
        Assert.That(Enum.GetValues<ErrorCode>().Select(code => (ushort)code), Is.All.LessThan(1000), "error codes are never mistaken for close codes");
    }

    [Test]
    public void Close_codes_are_the_table_and_their_hundreds_the_advice()
    {
        CloseCode[] codes = Enum.GetValues<CloseCode>().Where(code => code != CloseCode.None).ToArray();
        Assert.That(ProtocolDocument.Table("9").Select(cells => (cells[0], cells[1])), Is.EqualTo(
            codes.Select(code => (((ushort)code).ToString(CultureInfo.InvariantCulture), ProtocolDocument.Screaming(code.ToString())))));
        foreach (CloseCode code in codes)
        {
            ReconnectAdvice advice = ((ushort)code / 100) switch
            {
                40 => ReconnectAdvice.Now,
                41 => ReconnectAdvice.Later,
                42 or 43 => ReconnectAdvice.Never,
                _ => throw new AssertionException($"{code}: protocol.md §9 says nothing about this hundred"),
            };
            Assert.That(CloseCodes.AdviceOf(code), Is.EqualTo(advice), code.ToString());
        }
    }

    [Test]
    public void Codes_in_the_text_and_in_the_vectors_exist()
    {
        HashSet<string> known =
        [
            .. Enum.GetNames<ErrorCode>().Select(ProtocolDocument.Screaming), .. Enum.GetNames<CloseCode>().Select(ProtocolDocument.Screaming),
            .. Enum.GetNames<SubscribeStatus>().Select(ProtocolDocument.Screaming),
        ];
        IEnumerable<string> written = Regex.Matches(ProtocolDocument.Text, "[A-Z]+(?:_[A-Z]+)+").Select(match => match.Value)
            .Concat(VectorFile.Read("invalid").Select(vector => vector.Text("code")).OfType<string>());
        Assert.That(written.Distinct().Except(known), Is.Empty);
    }

    [Test]
    public void Limits_are_the_table()
    {
        (string Row, long[] Values)[] limits =
        [
            ("frame body before Welcome", [ProtocolLimits.HelloSizeMax]),
            ("frame body from a client", [ProtocolLimits.ClientFrameSizeMax]),
            ("frame body from a broker", [ProtocolLimits.ServerFrameSizeMax]),
            ("message body", [ProtocolLimits.BodySizeMax]),
            ("unanswered publishes of a connection", [ProtocolLimits.InFlightMax]),
            ("subscriptions of a session", [ProtocolLimits.SubscriptionsMax]),
            ("unanswered fetches of a connection", [ProtocolLimits.FetchesInFlightMax]),
            ("records in one page", [ProtocolLimits.FetchCountMax, ProtocolLimits.FetchBytesMax]),
            ("control body: map entries, array elements, nesting", [ProtocolLimits.ControlMapMax, ProtocolLimits.ControlArrayMax, ProtocolLimits.ControlDepthMax]),
            ("custom status", [ProtocolLimits.StatusSizeMax]),
            ("conversations whose presence a connection watches", [ProtocolLimits.PresenceWatchesMax]),
            ("members up to which presence is told by name", [ProtocolLimits.PresenceMembersMax]),
            ("members up to which presence is told at all", [ProtocolLimits.PresenceCountedMax]),
            ("path of a directory", [ProtocolLimits.PathSizeMax]),
            ("profile: display name, avatar, locale, number of fields, key, value, all of it",
            [
                PeopleLimits.DisplayNameSizeMax, PeopleLimits.AvatarSizeMax, PeopleLimits.LocaleSizeMax, PeopleLimits.FieldsMax, PeopleLimits.FieldKeySizeMax, PeopleLimits.FieldValueSizeMax,
                PeopleLimits.ProfileSizeMax,
            ]),
            ("profiles asked about in one request, users in one page of a search", [PeopleLimits.ProfilesAskedMax, PeopleLimits.SearchCountMax]),
            ("users whom one has blocked", [PeopleLimits.BlocksMax]),
            ("a SCRAM message; one side's half of its nonce; iterations",
            [
                ProtocolLimits.ScramSizeMax, ProtocolLimits.ScramNonceSizeMin, ProtocolLimits.ScramNonceSizeMax, ProtocolLimits.ScramIterationsMin, ProtocolLimits.ScramIterationsMax,
            ]),
            ("name, title, password", [ProtocolLimits.NameSizeMax, ProtocolLimits.TitleSizeMax, ProtocolLimits.PasswordSizeMin, ProtocolLimits.PasswordSizeMax]),
            ("an assertion", [ProtocolLimits.AssertionSizeMax]),
            ("public keys of a service account; a key as text; a certificate's name", [ProtocolLimits.ServiceKeysMax, ProtocolLimits.PublicKeySizeMax, ProtocolLimits.CertificateNameSizeMax]),
            ("topic, avatar of a conversation", [ProtocolLimits.TopicSizeMax, ProtocolLimits.AvatarSizeMax]),
            ("slow mode", [ProtocolLimits.SlowModeSecondsMax]),
            ("retention of a conversation", [ProtocolLimits.RetentionSecondsMax]),
            ("a mute, the life of a join link", [ProtocolLimits.DurationDaysMax]),
            ("attributes of a message; mentions among them", [ProtocolLimits.AttributesSizeMax, ProtocolLimits.MentionsMax]),
            ("attachments of a message; an attachment's name, media type", [AttachmentLimits.CountMax, AttachmentLimits.NameSizeMax, AttachmentLimits.MediaTypeSizeMax]),
            ("chunk of an attachment, range that is read of one", [AttachmentLimits.ChunkSize]),
            ("chunks taken ahead of the first one that is missing", [AttachmentLimits.WindowMax]),
            ("chunks, and ranges, of one connection under way", [AttachmentLimits.ChunksInFlightMax]),
            ("reaction", [ProtocolLimits.ReactionSizeMax]),
            ("different reactions to a message; edits of one", [ProtocolLimits.ReactionKindsMax, ProtocolLimits.EditsMax]),
            ("messages scheduled by somebody in a conversation; days ahead", [ProtocolLimits.ScheduledMax, ProtocolLimits.ScheduledDaysMax]),
            ("messages that somebody has hidden", [ProtocolLimits.HiddenMax]),
            ("join links of a conversation", [ProtocolLimits.JoinLinksMax]),
            ("conversations that a user belongs to or is invited to", [ProtocolLimits.ConversationsOfUserMax]),
        ];
        Dictionary<string, string> table = ProtocolDocument.Table("2.3").ToDictionary(cells => cells[0], cells => cells[1]);
        Assert.That(table.Keys, Is.EquivalentTo(limits.Select(limit => limit.Row).Concat(BrokerOptions)), "every row belongs to a constant or to the broker's options");
        foreach ((string row, long[] values) in limits)
        {
            Assert.That(ProtocolDocument.Numbers(table[row]).Take(values.Length), Is.EqualTo(values), row);
        }

        Dictionary<string, string> hello = ProtocolDocument.Table("3.2").ToDictionary(cells => cells[0], cells => cells[1]);
        Assert.That(ProtocolDocument.Numbers(hello["`token`"]), Is.EqualTo(new[] { (long)ProtocolLimits.TokenSizeMax }));
        Assert.That(ProtocolDocument.Numbers(hello["`client`"]), Is.EqualTo(new[] { (long)ProtocolLimits.NameSizeMax }));
        Assert.That(FrameRows.Single(row => row.Name == "Ping").Body, Is.EqualTo($"0–{ProtocolLimits.PingSizeMax} bytes"));
    }

    [Test]
    public void Every_constant_among_the_limits_stands_in_the_document()
    {
        // A writer's choices, which no reader depends on.
        string[] own = [nameof(ProtocolLimits.ChunkSizeMax), nameof(ProtocolLimits.ReasonSizeMax)];
        string test = SourceTree.Read("tests/Repository.Tests/ProtocolDocumentTests.cs");
        string[] names = typeof(ProtocolLimits).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => field.Name).Except(own).ToArray();
        Assert.That(names.Where(name => !test.Contains($"ProtocolLimits.{name}", StringComparison.Ordinal)), Is.Empty, "compare it with its row of protocol.md above");
        string[] people = typeof(PeopleLimits).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => field.Name).ToArray();
        Assert.That(people.Where(name => !test.Contains($"PeopleLimits.{name}", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void The_version_is_the_documents() =>
        Assert.That(ProtocolDocument.Text, Does.StartWith($"# The FastChat protocol, version {ProtocolVersion.Current}\n"));
}
