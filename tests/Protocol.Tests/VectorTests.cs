using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

using FastChat.TestSupport;

namespace FastChat.Protocol.Tests;

/// <summary>The specification's bytes against the code: every vector is read into the fields it names, and made of them again.</summary>
public sealed class VectorTests
{
    private static IEnumerable<Vector> Frames() => VectorFile.ReadFrames();

    private static IEnumerable<Vector> Canonical() => VectorFile.ReadFrames().Where(vector => vector.IsCanonical);

    private static IEnumerable<Vector> Records() => VectorFile.Read("record");

    private static IEnumerable<Vector> Typed() => VectorFile.ReadFrames().Where(vector => vector.IsCanonical && vector.File is "hello" or "welcome" or "challenge" or "proof" or "reply" or "set-profile");

    [TestCaseSource(nameof(Frames))]
    public void The_bytes_are_read_as_the_fields(Vector vector)
    {
        Frame frame = ReadWhole(new ReadOnlySequence<byte>(vector.Bytes));

        JsonObject expected = vector.Fields.DeepClone().AsObject();
        expected.Remove("canonical");
        expected.Remove("to");
        Assert.That(Text(FrameFields.Describe(frame)), Is.EqualTo(Text(expected)));
    }

    [TestCaseSource(nameof(Canonical))]
    public void The_fields_are_written_as_the_bytes(Vector vector) =>
        Assert.That(Convert.ToHexStringLower(FrameFields.Encode(vector.Fields)), Is.EqualTo(Convert.ToHexStringLower(vector.Bytes)));

    [TestCaseSource(nameof(Records))]
    public void A_record_is_read_as_its_fields(Vector vector)
    {
        ReadOnlySpan<byte> source = vector.Bytes;
        Assert.That(MessageRecord.TryRead(ref source, out MessageRecord record), Is.True);
        Assert.That(source.IsEmpty, Is.True);
        Assert.That(record.ChecksumMatches, Is.True);
        Assert.That(Text(FrameFields.Describe(record)), Is.EqualTo(Text(vector.Fields)));
    }

    [TestCaseSource(nameof(Records))]
    public void The_fields_are_written_as_a_record(Vector vector) =>
        Assert.That(Convert.ToHexStringLower(FrameFields.EncodeRecord(vector.Fields)), Is.EqualTo(Convert.ToHexStringLower(vector.Bytes)));

    [Test]
    public void An_erased_record_holds_the_hash_of_the_body_it_had()
    {
        Vector vector = VectorFile.Read("record").Single(vector => vector.Name.StartsWith("erased: ", StringComparison.Ordinal));
        Assert.That(VectorValues.ToBytes(vector.Fields["body"]), Is.EqualTo(SHA256.HashData("hello"u8)));
    }

    [Test]
    public void Membership_bodies_are_read_and_written()
    {
        Vector vector = VectorFile.Read("record").Single(vector => vector.Name == "member added");
        byte[] bytes = VectorValues.ToBytes(vector.Fields["body"]);
        Assert.That(MembershipBody.TryRead(bytes, out MembershipBody body), Is.True);
        byte[] written = new byte[MembershipBody.SizeMin];
        Array.Fill(written, (byte)0xEE);
        body.Write(written);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(body.User.ToString(), Is.EqualTo("b0b1b2b3b4b5b6b7b8b9babbbcbdbebf"));
            Assert.That(body.Role, Is.EqualTo(MemberRole.Member));
            Assert.That(written, Is.EqualTo(bytes));
            Assert.That(MembershipBody.TryRead(bytes.AsSpan(0, MembershipBody.SizeMin - 1), out _), Is.False);
        }
    }

    [TestCase("member banned", MemberRole.Banned, 0ul, 0L, 0ul)]
    [TestCase("member changed: a moderator since 5, muted, who reads from 5 on", MemberRole.Moderator, 5ul, 1_700_000_600_000_000L, 5ul)]
    [TestCase("member changed: invited as a member", MemberRole.Invited, 0ul, 1L, 0ul)]
    public void Membership_bodies_of_both_lengths_are_read_and_written(string name, MemberRole role, ulong visibleFrom, long mutedUntil, ulong since)
    {
        byte[] bytes = VectorValues.ToBytes(VectorFile.Read("record").Single(vector => vector.Name == name).Fields["body"]);
        Assert.That(MembershipBody.TryRead(bytes, out MembershipBody body), Is.True);
        byte[] written = new byte[MembershipBody.SizeMax];
        Array.Fill(written, (byte)0xEE);
        int size = body.Write(written);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(body, Is.EqualTo(new MembershipBody(body.User, role, visibleFrom, mutedUntil, since)));
            Assert.That(written[..size], Is.EqualTo(bytes));
            Assert.That(MembershipBody.TryRead([.. bytes, 1, 2], out MembershipBody longer) && longer == body, Is.True, "what a later version adds is ignored");
        }
    }

    [Test]
    public void A_changed_conversation_is_read_and_written()
    {
        byte[] bytes = VectorValues.ToBytes(VectorFile.Read("record").Single(vector => vector.Name == "conversation changed").Fields["body"]);
        Assert.That(ControlMap.TryParse(new ReadOnlySequence<byte>(bytes), out ControlMap? map, out string reason), Is.True, reason);
        ConversationChanges changes = ConversationChanges.Parse(map!);
        Assert.That(changes, Is.EqualTo(new ConversationChanges
        {
            Title = "Lobby",
            Topic = string.Empty,
            IsArchived = false,
            SlowMode = TimeSpan.FromSeconds(30),
            History = HistoryVisibility.Joined,
        }));
        ArrayBufferWriter<byte> written = new();
        changes.ToMap().Write(written);
        Assert.That(written.WrittenSpan.ToArray(), Is.EqualTo(bytes));
    }

    [TestCaseSource(nameof(Typed))]
    public void A_typed_control_body_keeps_every_key(Vector vector)
    {
        ControlMap map = ParseMap(vector);
        Assert.That(Text(VectorValues.FromMap(Reparse(RoundTrip(vector, map)))), Is.EqualTo(Text(vector.Fields["map"]!)));
    }

    [Test]
    public void Unknown_keys_and_nil_change_nothing_in_Hello()
    {
        Hello hello = Hello.Parse(ParseMap(VectorFile.Read("hello").Single(vector => vector.Name == "unknown keys and nil")));
        Assert.That(hello, Is.EqualTo(new Hello { Token = "fct_0123456789abcdefghijklmnopqrstuvwxyzABCD" }));
    }

    [Test]
    public void Hello_and_Welcome_keep_secrets_to_themselves()
    {
        Hello hello = new() { Token = "secret-token", Name = "ada", Password = "secret-password", Scram = "secret-scram" };
        Welcome welcome = new() { Token = "secret-token" };
        Assert.That(hello.ToString() + welcome, Does.Not.Contain("secret"));
    }

    /// <summary>Through the typed form where the protocol library has one, so that no key of the specification is forgotten in it.</summary>
    private static ControlMap RoundTrip(Vector vector, ControlMap map) => vector.File switch
    {
        "hello" => Hello.Parse(map).ToMap(),
        "welcome" => Welcome.Parse(map).ToMap(),
        "challenge" => Challenge.Parse(map).ToMap(),
        "proof" => Proof.Parse(map).ToMap(),
        "set-profile" => ProfileChange.Parse(map).ToMap(),
        _ => vector.Text("to") switch
        {
            "CreateConversation" or "ResolveConversation" => ConversationInfo.Parse(map).ToMap(),
            "ListMembers" => new ControlMap()
                .Set("members", map.Maps("members")!.Select(member => MemberInfo.Parse(member!).ToMap()).ToArray())
                .Set("complete", map.Flag("complete"))
                .Set("next", map["next"] is null ? null : ControlMap.IdBytes(map.Id("next"))),
            "ListConversations" => new ControlMap()
                .Set("conversations", map.Maps("conversations")!.Select(conversation => ConversationInfo.Parse(conversation!).ToMap()).ToArray())
                .Set("complete", map.Flag("complete")),
            "ResolveUsers" => new ControlMap().Set("users", map.Maps("users")!.Select(user => user is null ? null : UserInfo.Parse(user).ToMap()).ToArray()),
            "ImportUsers" => new ControlMap().Set("users", map.Ids("users")!.Select(ControlMap.IdBytes).ToArray()),
            "Backup" => BackupStatus.Parse(map).ToMap(),
            "GetProfiles" => new ControlMap().Set("profiles", map.Maps("profiles")!.Select(profile => profile is null ? null : Profile.Parse(profile).ToMap()).ToArray()),
            "SearchUsers" => new ControlMap()
                .Set("users", map.Maps("users")!.Select(user => FoundUser.Parse(user!).ToMap()).ToArray())
                .Set("more", map.Flag("more"))
                .Set("complete", map.Flag("complete")),
            "ListBlocks" => new ControlMap()
                .Set("blocks", map.Maps("blocks")!.Select(block => BlockInfo.Parse(block!).ToMap()).ToArray())
                .Set("complete", map.Flag("complete")),
            "ListServices" => new ControlMap()
                .Set("services", map.Maps("services")!.Select(service => ServiceInfo.Parse(service!).ToMap()).ToArray())
                .Set("complete", map.Flag("complete")),
            "SetPresence" => PresenceSetting.Parse(map).ToMap(),
            "WatchPresence" => PresenceSnapshot.Parse(map).ToMap(),
            "ListJoinLinks" => new ControlMap().Set("links", map.Maps("links")!.Select(link => JoinLinkInfo.Parse(link!).ToMap()).ToArray()),
            _ => map,
        },
    };

    private static ControlMap ParseMap(Vector vector)
    {
        Frame frame = ReadWhole(new ReadOnlySequence<byte>(vector.Bytes));
        Assert.That(ControlMap.TryParse(frame.Body, out ControlMap? map, out string reason), Is.True, reason);
        return map!;
    }

    private static ControlMap Reparse(ControlMap map)
    {
        ArrayBufferWriter<byte> bytes = new();
        map.Write(bytes);
        Assert.That(ControlMap.TryParse(new ReadOnlySequence<byte>(bytes.WrittenMemory), out ControlMap? parsed, out string reason), Is.True, reason);
        return parsed!;
    }

    private static Frame ReadWhole(ReadOnlySequence<byte> buffer)
    {
        FrameReadStatus status = FrameReader.TryRead(ref buffer, ProtocolLimits.ServerFrameSizeMax, out Frame frame, out _);
        Assert.That(status, Is.EqualTo(FrameReadStatus.Done));
        Assert.That(buffer.IsEmpty, Is.True);
        return frame;
    }

    private static string Text(JsonNode fields) => fields.ToJsonString();
}
