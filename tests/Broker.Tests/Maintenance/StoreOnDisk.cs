using System.Buffers;

using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Maintenance;
using FastChat.Broker.People;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>
/// A store as the broker's own parts wrote it, brought to disk for <see cref="StoreVerifier"/>, which tests then damage: accounts and an imported person, a named public conversation, and groups
/// whose members were there from the beginning, were added, and were removed.
/// </summary>
internal sealed class StoreOnDisk : IDisposable
{
    /// <summary>Groups of the same make, so that each defect has one of its own: head 4, of which record 1 added a member, 2 removed one of the beginning, and 3 and 4 are messages.</summary>
    public const int Groups = 16;

    private readonly string _directory = Directory.CreateTempSubdirectory("fastchat-maintenance-").FullName;

    public ConversationId Lobby { get; } = new(Id128.WithPlacement(900, 3));

    /// <summary>Registered accounts: 0 makes everything, 1 is a member of every group from the beginning, 2 was added to each, 3 was removed from each, 4 belongs to none.</summary>
    public UserId[] Users { get; } = new UserId[5];

    public UserId Imported { get; private set; }

    /// <summary>A service account that is confined to the last two groups.</summary>
    public UserId Service { get; private set; }

    /// <summary>
    /// A conversation in which every new kind of record stands: 1 makes user 1 a moderator, 2 invites user 2 as a reader, 3 mutes user 3, 4 bans user 4, 5 and 6 change what it is. Open, so it is restricted; it has a join link
    /// and a time of slow mode.
    /// </summary>
    public ConversationId Council { get; } = new(Id128.WithPlacement(901, 5));

    public static ConversationId Group(int number) => new(Id128.WithPlacement((UInt128)(1000 + number), (ushort)number));

    public async Task WriteAsync()
    {
        using RouterBench bench = new();
        Random random = new(7);
        RandomSource source = new(random.NextBytes);
        using PasswordHasher passwords = new(source);
        Accounts accounts = new(bench.Router, bench.Log, passwords, source, isRegistrationOpen: true);
        for (int i = 0; i < Users.Length; i++)
        {
            Users[i] = (await accounts.SignInAsync(new Hello { Name = $"User{i}", Password = "correct horse", Register = true }, CancellationToken.None)).User!.Actor.User;
        }

        Imported = (await accounts.ImportAsync(["née [away]"], CancellationToken.None))[0];
        ConversationMeta lobby = new(ConversationKind.Public, Users[0], 1, "Lobby", "come in");
        await bench.ExecuteAsync(CommandKind.CreateConversation, Users[0], Lobby, new CreateConversationCommand(Lobby, lobby, false, []).ToBytes());
        TestPeer peer = bench.Connect(Users[0]);
        for (int i = 0; i < Groups; i++)
        {
            await bench.CreateAsync(Group(i), ConversationKind.Group, Users[0], Users[1], Users[3], Imported);
            await bench.ExecuteAsync(CommandKind.ChangeMembers, Users[0], Group(i), new ChangeMembersCommand(Group(i), MemberRole.Member, [Users[2]]).ToBytes());
            await bench.RemoveAsync(Group(i), Users[0], Users[3]);
            await peer.AnswerAsync(peer.Publish(Group(i), 1, "three"u8.ToArray()));
            await peer.AnswerAsync(peer.Publish(Group(i), 2, "four"u8.ToArray()));
        }

        await WritePeopleAsync(bench, accounts, source);
        await MakeCouncilAsync(bench);
        while (HasAny(bench.Log, "o"u8.ToArray()))
        {
            await Task.Delay(5);
        }

        Copy(bench.Log);
    }

    /// <summary>A profile of each account; every account but 0 has blocked account 0; and a service.</summary>
    private async Task WritePeopleAsync(RouterBench bench, Accounts accounts, RandomSource source)
    {
        foreach (UserId user in Users)
        {
            List<PersonCommand> commands = [new PersonCommand.SetProfile(new ProfileChange { DisplayName = "somebody", Fields = new ProfileFields([new("a", "1")]) })];
            if (user != Users[0])
            {
                commands.Add(new PersonCommand.SetBlock(Users[0], IsBlocked: true));
            }

            foreach (PersonCommand command in commands)
            {
                await bench.Router.ExecuteAsync(CommandKind.ChangePerson, ShardBench.ActorOf(user), bench.Router.Map.ShardOf(user.Value), command.ToBytes(), CancellationToken.None);
            }
        }

        ServiceAccounts services = new(bench.Router, bench.Log, accounts, source);
        Service = (await services.CreateAsync(ShardBench.ActorOf(Users[0]), "bot", "bot", ServiceRights.Publish, [Group(14), Group(15)])).User;
    }

    /// <summary>Changes entries past the broker.</summary>
    public void Change(Action<CommitBatch> change)
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(Options);
        CommitBatch batch = new(log.Epoch);
        change(batch);
        log.Commit([batch]);
    }

    /// <summary>Removes every entry whose key begins so.</summary>
    public void RemoveAll(Table table, byte[] prefix)
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(Options);
        CommitBatch batch = new(log.Epoch);
        log.Scan(table, prefix, [], (key, _) =>
        {
            batch.Delete(table, key);
            return true;
        });
        Assert.That(batch.Count, Is.Positive);
        log.Commit([batch]);
    }

    /// <summary>Every entry of both side tables, but the log's own count of commits.</summary>
    public SortedDictionary<string, string> Dump()
    {
        SortedDictionary<string, string> all = new(StringComparer.Ordinal);
        using RocksDbConversationLog log = RocksDbConversationLog.Open(Options);
        foreach (Table table in new[] { Table.State, Table.Dedupe })
        {
            log.Scan(table, [], [], (key, value) =>
            {
                if (key is not [0, 1])
                {
                    all.Add($"{table} {Convert.ToHexStringLower(key)}", Convert.ToHexStringLower(value));
                }

                return true;
            });
        }

        return all;
    }

    /// <summary>Nobody can tell any more whether commits are missing; what looks at the store next accepts that.</summary>
    public void LoseTheWitness() => File.Delete(Path.Combine(_directory, "witness"));

    public VerifyResult Verify(bool rebuild = false) => StoreVerifier.Verify(Options, rebuild, further: BrokerChecks.All());

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private async Task MakeCouncilAsync(RouterBench bench)
    {
        ConversationMeta meta = new(ConversationKind.Public, Users[0], 1, "Council", null) { Avatar = "a.png" };
        await bench.ExecuteAsync(CommandKind.CreateConversation, Users[0], Council, new CreateConversationCommand(Council, meta, false, [Users[1], Users[3]]).ToBytes());
        await ChangeAsync(Users[1], MemberChange.SetRole, MemberRole.Moderator);
        await ChangeAsync(Users[2], MemberChange.Invite, MemberRole.Reader);
        await ChangeAsync(Users[3], MemberChange.Mute, mutedUntil: long.MaxValue / 2);
        await ChangeAsync(Users[4], MemberChange.Ban);
        await SettleAsync(new ConversationChanges { Title = "one", Topic = "gone soon", SlowMode = TimeSpan.FromSeconds(9) });
        await SettleAsync(new ConversationChanges { Title = "two", Topic = string.Empty });
        JoinLink link = new(MemberRole.Member, JoinLink.Unlimited, long.MaxValue, 1, Users[0]);
        await ExecuteAsync(CommandKind.ChangeLink, new ChangeLinkCommand(Council, new byte[32], link).ToBytes());
        TestPeer peer = bench.Connect(Imported);
        await peer.AnswerAsync(peer.Publish(Council, 1, "slowly"u8.ToArray()));

        Task ChangeAsync(UserId user, MemberChange change, MemberRole role = MemberRole.None, long mutedUntil = 0) =>
            ExecuteAsync(CommandKind.ChangeMember, new ChangeMemberCommand(Council, user, change, role, mutedUntil).ToBytes());

        Task SettleAsync(ConversationChanges changes) => ExecuteAsync(CommandKind.ChangeConversation, new ChangeConversationCommand(Council, changes).ToBytes());

        async Task ExecuteAsync(CommandKind kind, byte[] command)
        {
            CommandResult result = await bench.ExecuteAsync(kind, Users[0], Council, command);
            Assert.That((result.Error, result.Count), Is.EqualTo((ErrorCode.None, 1)), result.Reason);
        }
    }

    private StorageOptions Options => new() { Directory = _directory, JournalFileBytesMin = 1 << 20, JournalFileBytesMax = 1 << 20, AcceptLoss = true };

    private static bool HasAny(IConversationLog log, byte[] prefix)
    {
        bool any = false;
        log.Scan(Table.State, prefix, [], (_, _) => !(any = true));
        return any;
    }

    private void Copy(InMemoryConversationLog source)
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(Options);
        CommitBatch batch = new(log.Epoch);
        batch.Put(Table.State, StateKeys.ShardCount, [4, 0]);
        foreach (Table table in new[] { Table.State, Table.Dedupe })
        {
            source.Scan(table, [], [], (key, value) =>
            {
                batch.Put(table, key, value);
                return true;
            });
        }

        foreach (ConversationId conversation in Enumerable.Range(0, Groups).Select(Group).Append(Council))
        {
            LogHead head = source.ReadHead(conversation);
            ArrayBufferWriter<byte> records = new();
            source.ReadForward(conversation, 0, head.Sequence, int.MaxValue, int.MaxValue, records);
            batch.AppendChunk(conversation, 1, (uint)head.Sequence, head.Chain, records.WrittenSpan);
        }

        log.Commit([batch]);
    }
}
