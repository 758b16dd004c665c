using System.Buffers.Binary;

using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.People;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>One defect of each kind is found as one problem; what follows from the rest of the store comes back byte for byte; what does not is left alone.</summary>
[CancelAfter(120_000)]
internal sealed class BrokerChecksTests
{
    private static readonly byte[] Stranger = new Membership(MemberRole.Member, 1).ToBytes();

    private StoreOnDisk _store = null!;
    private SortedDictionary<string, string> _sound = null!;

    [SetUp]
    public async Task WriteAsync()
    {
        _store = new StoreOnDisk();
        await _store.WriteAsync();
        _sound = _store.Dump();
    }

    [TearDown]
    public void Remove() => _store.Dispose();

    [Test]
    public void WhatFollowsFromTheRestIsFoundAndSetRight()
    {
        Assert.That(_store.Verify().Problems, Is.Empty, "the store before");
        List<string> expected = [];
        _store.Change(batch =>
        {
            PlantInNames(batch, expected);
            PlantInMembers(batch, expected);
            PlantInLists(batch, expected);
            PlantInBlocks(batch, expected);
            PlantInCouncil(batch, expected);
        });
        VerifyResult found = _store.Verify();
        AssertFound(found, expected);

        VerifyResult rebuilt = _store.Verify(rebuild: true);
        Assert.That(rebuilt.Problems, Is.Empty);
        Assert.That(rebuilt.Repaired, Is.GreaterThanOrEqualTo(expected.Count));
        Assert.That(_store.Verify().Problems, Is.Empty);
        Assert.That(_store.Dump(), Is.EqualTo(_sound));
    }

    [TestCase(Table.State, "n")]
    [TestCase(Table.State, "m")]
    [TestCase(Table.State, "l")]
    [TestCase(Table.State, "b")]
    [TestCase(Table.Dedupe, "")]
    public void WholeIndexComesBack(Table table, string prefix)
    {
        _store.RemoveAll(table, System.Text.Encoding.ASCII.GetBytes(prefix));
        Assert.That(_store.Verify().ProblemCount, Is.GreaterThanOrEqualTo(4));
        Assert.That(_store.Verify(rebuild: true).ProblemCount, Is.Zero);
        Assert.That(_store.Dump(), Is.EqualTo(_sound));
    }

    [Test]
    public void ListMayBeBehindByWhatIsOwed()
    {
        // The membership that record 1 made, and its end by record 2, have not come to their lists; the owner of the lists will get both.
        _store.Change(batch =>
        {
            batch.Delete(Table.State, List(2, 0));
            Owe(batch, 1, Added(2, 0));
            batch.Put(Table.State, List(3, 1), new Membership(MemberRole.Member, 0).ToBytes());
            Owe(batch, 2, new StateEntry(List(3, 1), null));

            // Added, removed and added again: the last one counts.
            Owe(batch, 3, Added(2, 2));
            Owe(batch, 4, new StateEntry(List(2, 2), null));
            Owe(batch, 5, Added(2, 2));
        });
        Assert.That(_store.Verify().Problems, Is.Empty);
        Assert.That(_store.Verify(rebuild: true).Repaired, Is.Zero, "what is owed is no defect");

        _store.RemoveAll(Table.State, "o"u8.ToArray());
        Assert.That(_store.Verify().ProblemCount, Is.EqualTo(2), "now nobody will bring it");
        Assert.That(_store.Verify(rebuild: true).ProblemCount, Is.Zero);
        Assert.That(_store.Dump(), Is.EqualTo(_sound));
    }

    [Test]
    public void ABlockMayBeBehindByWhatIsOwedAndAnEffectThatWouldSpoilItIsDropped()
    {
        byte[] block = null!;
        _store.Change(batch =>
        {
            block = Convert.FromHexString(_sound[$"State {Convert.ToHexStringLower(DirectBlock(1))}"]);
            batch.Delete(Table.State, DirectBlock(1));
            Owe(batch, 1, new StateEntry(DirectBlock(1), block));
        });
        Assert.That(_store.Verify().Problems, Is.Empty);
        _store.RemoveAll(Table.State, "o"u8.ToArray());
        AssertFound(_store.Verify(), [$"lacks the block of user {_store.Users[1]}."]);

        _store.Change(batch =>
        {
            batch.Put(Table.State, DirectBlock(1), block);
            Owe(batch, 2, new StateEntry(DirectBlock(2), null));
        });
        AssertFound(_store.Verify(), [$"lacks the block of user {_store.Users[2]}."]);
        Assert.That(_store.Verify(rebuild: true).ProblemCount, Is.Zero);
        Assert.That(_store.Dump(), Is.EqualTo(_sound));
    }

    [Test]
    public void EffectThatWouldSpoilAListIsFoundAndDropped()
    {
        _store.Change(batch => Owe(batch, 1, new StateEntry(List(2, 0), null)));
        AssertFound(_store.Verify(), [$"The list of user {_store.Users[2]} lacks conversation {StoreOnDisk.Group(0)}"]);
        Assert.That(_store.Verify(rebuild: true).ProblemCount, Is.Zero);
        Assert.That(_store.Dump(), Is.EqualTo(_sound));
    }

    [Test]
    public void WhatFollowsFromNothingIsReportedAndLeftAlone()
    {
        List<string> expected = [];
        _store.Change(batch => PlantWithoutRemedy(batch, expected));
        SortedDictionary<string, string> damaged = _store.Dump();
        AssertFound(_store.Verify(), expected);
        AssertFound(_store.Verify(rebuild: true), expected);
        Assert.That(_store.Dump(), Is.EqualTo(damaged));
    }

    [Test]
    public void MembershipsAreNotMadeToAgreeWithALogThatLostItsEnd()
    {
        byte[] chunk = [.. ControlMap.IdBytes(StoreOnDisk.Group(0).Value), .. new byte[7], 1];
        _store.Change(batch => batch.Delete(Table.Log, chunk));
        VerifyResult rebuilt = _store.Verify(rebuild: true);
        Assert.That(rebuilt.Problems, Has.Some.Contains($"user {_store.Users[2]} in conversation {StoreOnDisk.Group(0)} was made by record 1, which is not there"));
        Assert.That(_store.Dump().Where(entry => !entry.Key.StartsWith("Dedupe", StringComparison.Ordinal)), Is.EqualTo(_sound.Where(entry => !entry.Key.StartsWith("Dedupe", StringComparison.Ordinal))));
    }

    [Test]
    public void NobodyIsMadeAMemberAgainByAStoreThatMissesCommits()
    {
        // Somebody was removed by a record that is gone with the end of the journal; the table knows of it.
        _store.Change(batch =>
        {
            batch.Delete(Table.State, Member(2, 0));
            batch.Delete(Table.State, List(2, 0));
        });
        _store.LoseTheWitness();
        Assert.That(_store.Verify(rebuild: true).Problems, Has.One.Contains("The witness file is missing"));
        Assert.That(_store.Dump().ContainsKey($"State {Convert.ToHexStringLower(Member(2, 0))}"), Is.False);
    }

    private static void AssertFound(VerifyResult found, IReadOnlyCollection<string> expected)
    {
        foreach (string problem in expected)
        {
            Assert.That(found.Problems, Has.Exactly(1).Contains(problem));
        }

        Assert.That(found.Problems.Where(problem => !expected.Any(known => problem.Contains(known, StringComparison.Ordinal))), Is.Empty);
        Assert.That(found.ProblemCount, Is.EqualTo(expected.Count));
    }

    private void PlantInNames(CommitBatch batch, List<string> expected)
    {
        batch.Delete(Table.State, Name("user1"));
        expected.Add($"The account {_store.Users[1]} is not found by its name.");
        batch.Put(Table.State, Name("user2"), ControlMap.IdBytes(_store.Users[4].Value));
        expected.Add($"The name of the account {_store.Users[2]} leads to {_store.Users[4]}.");
        batch.Delete(Table.State, ConversationKeys.Name("lobby"));
        expected.Add($"The conversation {_store.Lobby} is not found by its name.");
        batch.Put(Table.State, Name("ghost"), ControlMap.IdBytes(_store.Users[1].Value));
        expected.Add($"leads to {_store.Users[1]}, which does not have it.");
        batch.Delete(Table.State, IdentityKeys.Name(StateKeys.ExternalNames, "née [away]"));
        expected.Add($"The account {_store.Imported} is not found by its name.");
    }

    private void PlantInMembers(CommitBatch batch, List<string> expected)
    {
        batch.Delete(Table.State, Member(2, 0));
        expected.Add($"{Of(2, 0)} is missing: record 1 made it.");
        batch.Put(Table.State, Member(3, 1), new Membership(MemberRole.Member, 0).ToBytes());
        expected.Add($"{Of(3, 1)} is there, though record 2 ended it.");
        batch.Put(Table.State, Member(2, 2), new Membership(MemberRole.Owner, 1).ToBytes());
        expected.Add($"{Of(2, 2)} is not the one that record 1 made");
        batch.Delete(Table.State, Member(0, 3));
        expected.Add($"{Of(0, 3)} is missing: they made it.");
        batch.Put(Table.State, Member(0, 4), new Membership(MemberRole.Member, 0).ToBytes());
        expected.Add($"{Of(0, 4)} is not that of who made it");
        batch.Delete(Table.State, Member(1, 5));
        expected.Add($"{Of(1, 5)} is missing: their list has it from the beginning.");
        batch.Put(Table.State, Member(1, 6), new Membership(MemberRole.Owner, 0).ToBytes());
        expected.Add($"{Of(1, 6)} is made by no record");
        batch.Put(Table.State, Member(4, 7), Stranger);
        expected.Add($"{Of(4, 7)} is made by no record");
        batch.Put(Table.State, "mxyz"u8, Stranger);
        expected.Add("The membership entry 6d78797a has no place.");
    }

    private void PlantInLists(CommitBatch batch, List<string> expected)
    {
        batch.Delete(Table.State, List(2, 8));
        expected.Add($"The list of user {_store.Users[2]} lacks conversation {StoreOnDisk.Group(8)}");
        batch.Put(Table.State, List(2, 9), new Membership(MemberRole.Owner, 1).ToBytes());
        expected.Add($"The list of user {_store.Users[2]} has another entry for conversation {StoreOnDisk.Group(9)}");
        batch.Put(Table.State, List(4, 10), Stranger);
        expected.Add($"The list of user {_store.Users[4]} has conversation {StoreOnDisk.Group(10)}, of which they are no member.");
        batch.Put(Table.State, List(3, 11), new Membership(MemberRole.Member, 0).ToBytes());
        expected.Add($"The list of user {_store.Users[3]} has conversation {StoreOnDisk.Group(11)}, of which they are no member.");
        batch.Put(Table.State, "lxyz"u8, Stranger);
        expected.Add("The list entry 6c78797a has no place.");
        batch.Put(Table.State, ConversationKeys.Effect(1, 77), [1, 2, 3]);
        expected.Add("The outgoing effect 6f0001000000000000004d is none that a shard owes.");
        Owe(batch, 78, Added(2, 12), elsewhere: 1);
        expected.Add("The outgoing effect 6f0000000000000000004e is none that a shard owes.");
    }

    private void PlantInBlocks(CommitBatch batch, List<string> expected)
    {
        batch.Delete(Table.State, DirectBlock(1));
        expected.Add($"lacks the block of user {_store.Users[1]}.");
        batch.Put(Table.State, DirectBlock(2), new StoredBlock(7).ToBytes());
        expected.Add($"has another entry for the block of user {_store.Users[2]}.");
        batch.Put(Table.State, PeopleKeys.DirectBlock(DirectConversations.IdOf(_store.Users[0], _store.Users[1]), _store.Users[0]), new StoredBlock(7).ToBytes());
        expected.Add($"has a block of user {_store.Users[0]}, who has blocked nobody there.");
        batch.Put(Table.State, "bxyz"u8, new StoredBlock(7).ToBytes());
        expected.Add("The block entry 6278797a has no place.");
    }

    private byte[] DirectBlock(int user) => PeopleKeys.DirectBlock(DirectConversations.IdOf(_store.Users[0], _store.Users[user]), _store.Users[user]);

    private void PlantInCouncil(CommitBatch batch, List<string> expected)
    {
        // What records of kind 130 say, read by nobody before.
        PlantMember(1, new Membership(MemberRole.Owner, 1), "record 1");
        PlantMember(2, new Membership(MemberRole.Member, 2), "record 2");
        PlantMember(3, new Membership(MemberRole.Member, 3), "record 3");
        PlantMember(4, new Membership(MemberRole.Member, 4), "record 4");
        batch.Put(Table.State, ConversationKeys.JoinLink(new ConversationId(83), new byte[32]), new JoinLink(MemberRole.Member, 1, 1, 1, _store.Users[0]).ToBytes());
        expected.Add($"is of conversation {new ConversationId(83)}, which does not exist.");
        batch.Put(Table.State, ConversationKeys.JoinLink(_store.Council, [1, 2, 3]), [1]);
        expected.Add("010203 cannot be read.");
        batch.Put(Table.State, ConversationKeys.LastWritten(_store.Council, _store.Users[1]), [1]);
        expected.Add("The slow mode entry 77");

        void PlantMember(int user, Membership membership, string by)
        {
            batch.Put(Table.State, ConversationKeys.Member(_store.Council, _store.Users[user]), membership.ToBytes());
            expected.Add($"The membership of user {_store.Users[user]} in conversation {_store.Council} is not the one that {by} made");
        }
    }

    private static readonly TestCaseData[] Contradictions =
    [
        new((Func<ConversationMeta, ConversationMeta>)(meta => meta with { Title = "one" })) { TestName = "an older title" },
        new((Func<ConversationMeta, ConversationMeta>)(meta => meta with { Topic = "gone soon" })) { TestName = "a topic that was taken away" },
        new((Func<ConversationMeta, ConversationMeta>)(meta => meta with { SlowModeSeconds = 0 })) { TestName = "no slow mode" },
        new((Func<ConversationMeta, ConversationMeta>)(meta => meta with { IsRestricted = false })) { TestName = "nobody held back" },
    ];

    [TestCaseSource(nameof(Contradictions))]
    public void ConversationIsWhatItsRecordsSay(Func<ConversationMeta, ConversationMeta> contradict)
    {
        ConversationMeta sound = Council();
        Assert.That((sound.Title, sound.Topic, sound.SlowModeSeconds, sound.Avatar, sound.IsRestricted), Is.EqualTo(("two", (string?)null, 9u, "a.png", true)));
        _store.Change(batch => batch.Put(Table.State, ConversationKeys.Meta(_store.Council), contradict(sound).ToBytes()));
        VerifyResult found = _store.Verify();
        Assert.That(found.ProblemCount, Is.EqualTo(1), string.Join('\n', found.Problems));
        Assert.That(found.Problems[0], Does.Contain(_store.Council.ToString()));
        Assert.That(_store.Verify(rebuild: true).ProblemCount, Is.Zero);
        Assert.That(_store.Dump(), Is.EqualTo(_sound));
    }

    [Test]
    public void WhatNoRecordNamesMayBeAsItWasMade()
    {
        ConversationMeta meta = Council();
        _store.Change(batch =>
        {
            batch.Put(Table.State, ConversationKeys.Meta(_store.Council), (meta with { Avatar = "b.png", History = HistoryVisibility.Joined }).ToBytes());
            batch.Put(Table.State, ConversationKeys.Meta(_store.Lobby), (new ConversationMeta(ConversationKind.Public, _store.Users[0], 1, "Lobby", "come in") { IsRestricted = true }).ToBytes());
        });
        Assert.That(_store.Verify().Problems, Is.Empty, "nobody else knows of the picture, and restricted without a reason is no worse");
    }

    private ConversationMeta Council() => ConversationMeta.Parse(Convert.FromHexString(_sound[$"State {Convert.ToHexStringLower(ConversationKeys.Meta(_store.Council))}"]));

    private void PlantWithoutRemedy(CommitBatch batch, List<string> expected)
    {
        batch.Delete(Table.State, ConversationKeys.Meta(StoreOnDisk.Group(0)));
        expected.Add($"The conversation {StoreOnDisk.Group(0)} has records and no entry that says what it is.");
        batch.Put(Table.State, Member(4, 1), new Membership(MemberRole.Member, 5).ToBytes());
        batch.Put(Table.State, List(4, 1), new Membership(MemberRole.Member, 5).ToBytes());
        expected.Add($"{Of(4, 1)} was made by record 5, which is not there.");
        UserId twin = new(Id128.WithPlacement(77, 7));
        batch.Put(Table.State, IdentityKeys.Account(twin), new AccountRecord("USER4", false, default, 1, null) { Scram = "SCRAM-SHA-256$600000:AAAA" }.ToBytes());
        expected.Add($"A password's verifier of the account {twin} cannot be read.");
        batch.Put(Table.State, StateKeys.SaltSecret.ToArray(), [1]);
        expected.Add("The secret that salts follow from has another size.");
        expected.Add($"The account {twin} has the name of {_store.Users[4]}.");
        batch.Put(Table.State, IdentityKeys.Account(new UserId(78)), [0, 0, 9]);
        expected.Add($"The account {new UserId(78)} cannot be read.");
        batch.Put(Table.State, ConversationKeys.Meta(new ConversationId(79)), [1, 2]);
        expected.Add($"The conversation {new ConversationId(79)} cannot be read.");
        batch.Put(Table.State, ConversationKeys.Member(new ConversationId(80), _store.Users[4]), Stranger);
        batch.Put(Table.State, ConversationKeys.ListEntry(_store.Users[4], new ConversationId(80)), Stranger);
        expected.Add("is of a conversation that does not exist.");
        batch.Put(Table.State, PeopleKeys.Profile(_store.Users[0]), [1, 2, 3]);
        expected.Add($"The profile {_store.Users[0]} cannot be read.");
        batch.Put(Table.State, PeopleKeys.Profile(new UserId(82)), new StoredProfile(1, "x", null, null, ProfileFields.Empty).ToBytes());
        expected.Add($"The profile {new UserId(82)} belongs to nobody.");
        batch.Put(Table.State, PeopleKeys.Block(_store.Users[0], new UserId(83)), [9]);
        expected.Add($"The block {Convert.ToHexStringLower(PeopleKeys.Block(_store.Users[0], new UserId(83)))} cannot be read.");
        batch.Put(Table.State, PeopleKeys.Block(_store.Users[0], new UserId(84)), new StoredBlock(1).ToBytes());
        batch.Put(Table.State, PeopleKeys.DirectBlock(DirectConversations.IdOf(_store.Users[0], new UserId(84)), _store.Users[0]), new StoredBlock(1).ToBytes());
        expected.Add($"User {_store.Users[0]} has blocked {new UserId(84)}: they are not two people who exist.");
        batch.Put(Table.State, IdentityKeys.Service(_store.Service, new ConversationId(85)), [1]);
        expected.Add($"Service {_store.Service} is confined to {new ConversationId(85)}: one of the two does not exist.");
        batch.Put(Table.State, IdentityKeys.Service(_store.Users[4], default), new StoredService(ServiceRights.Publish, null, 1, default, new byte[32]).ToBytes());
        expected.Add($"The service account {_store.Users[4]} is no account of a program.");
        batch.Put(Table.State, IdentityKeys.Token("fc1_lost"), new TokenRecord(new UserId(80), new DeviceId(1), 1, 0).ToBytes());
        expected.Add($"belongs to user {new UserId(80)}, who does not exist.");
        batch.Put(Table.State, IdentityKeys.Token("fc1_ended"), new TokenRecord(_store.Users[4], new DeviceId(99), 1, 0).ToBytes());
        batch.Put(Table.State, IdentityKeys.Family(Sha256Of("short")), [1]);
        expected.Add($"The token family {Convert.ToHexStringLower(IdentityKeys.Family(Sha256Of("short")))} cannot be read.");
        batch.Put(Table.State, IdentityKeys.Family(Sha256Of("nobody")), new StoredFamily(new UserId(79), new DeviceId(1), 1, 1).ToBytes());
        expected.Add($"belongs to user {new UserId(79)}, who does not exist.");
        batch.Put(Table.State, IdentityKeys.Device(_store.Users[4], new DeviceId(98)), new StoredDevice(SignInWay.Password, 1, "x") { Family = Sha256Of("none") }.ToBytes());
        expected.Add("names a token family that does not exist.");
        batch.Put(Table.State, IdentityKeys.Token("fc1_short"), [1]);
        batch.Put(Table.State, IdentityKeys.Device(new UserId(81), new DeviceId(1)), new byte[8]);
        expected.Add($"belongs to user {new UserId(81)}, who does not exist.");
        expected.Add($"The token entry {Convert.ToHexStringLower(IdentityKeys.Token("fc1_short"))} cannot be read.");
        PlantIdentities(batch, expected);
    }

    private void PlantIdentities(CommitBatch batch, List<string> expected)
    {
        StoredIdentity sound = new("issuer", "sound"), erased = new("issuer", "erased"), unfound = new("issuer", "unfound"), stolen = new("issuer", "stolen"), nobody = new("issuer", "nobody"), unread = new("issuer", "unread");
        batch.Put(Table.State, sound.PointerKey, StoredIdentity.Pointer(_store.Users[0]));
        batch.Put(Table.State, StoredIdentity.KeyOf(_store.Users[0]), sound.ToBytes());
        batch.Put(Table.State, erased.PointerKey, StoredIdentity.Pointer(default));
        batch.Put(Table.State, StoredIdentity.KeyOf(_store.Users[1]), unfound.ToBytes());
        expected.Add($"The identity of user {_store.Users[1]} is not found by its issuer and subject.");
        batch.Put(Table.State, stolen.PointerKey, StoredIdentity.Pointer(_store.Users[0]));
        expected.Add($"The identity entry {Convert.ToHexStringLower(stolen.PointerKey)} leads to user {_store.Users[0]}, who is somebody else.");
        batch.Put(Table.State, nobody.PointerKey, StoredIdentity.Pointer(new UserId(90)));
        batch.Put(Table.State, StoredIdentity.KeyOf(new UserId(90)), nobody.ToBytes());
        expected.Add($"belongs to user {new UserId(90)}, who does not exist.");
        batch.Put(Table.State, unread.PointerKey, [1]);
        expected.Add($"The identity entry {Convert.ToHexStringLower(unread.PointerKey)} cannot be read.");
        batch.Put(Table.State, StoredIdentity.KeyOf(_store.Users[2]), [9]);
        expected.Add($"The identity {Convert.ToHexStringLower(StoredIdentity.KeyOf(_store.Users[2]))} cannot be read.");

        const string Text = """{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}""";
        Assert.That(VerificationKey.TryParse(Text, out VerificationKey? key, out _), Is.True);
        batch.Put(Table.State, ServiceKeys.KeyOf(_store.Service, key!), ServiceKeys.ValueOf(key!, 1));
        batch.Put(Table.State, ServiceKeys.KeyOf(_store.Users[3], key!), ServiceKeys.ValueOf(key!, 1));
        expected.Add($"belongs to user {_store.Users[3]}, who is no service account.");
        byte[] other = ServiceKeys.KeyOf(_store.Service, key!);
        other[^1] ^= 1;
        batch.Put(Table.State, other, ServiceKeys.ValueOf(key!, 1));
        expected.Add($"The service key {Convert.ToHexStringLower(other)} cannot be read, or is another one.");
        batch.Put(Table.State, [.. other, 0], [7]);
        expected.Add($"The used assertion {Convert.ToHexStringLower([.. other, 0])} cannot be read.");
    }

    private static byte[] Sha256Of(string text) => IdentityKeys.HashOf(text);

    private string Of(int user, int group) => $"The membership of user {_store.Users[user]} in conversation {StoreOnDisk.Group(group)}";

    private static byte[] Name(string canonical) => IdentityKeys.Name(StateKeys.UserNames, canonical);

    private byte[] Member(int user, int group) => ConversationKeys.Member(StoreOnDisk.Group(group), _store.Users[user]);

    private byte[] List(int user, int group) => ConversationKeys.ListEntry(_store.Users[user], StoreOnDisk.Group(group));

    private StateEntry Added(int user, int group) => new(List(user, group), new Membership(MemberRole.Member, 1).ToBytes());

    /// <summary>What a shard of a store with four would owe.</summary>
    private static void Owe(CommitBatch batch, ulong counter, StateEntry entry, int elsewhere = 0)
    {
        byte[] write = new StateWriteCommand([entry]).ToBytes();
        byte[] effect = new byte[2 + write.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(effect, (ushort)(new ShardMap(4).ShardOf(UserId.Read(entry.Key.AsSpan(1)).Value) + elsewhere));
        write.CopyTo(effect, 2);
        batch.Put(Table.State, ConversationKeys.Effect(0, counter), effect);
    }
}
