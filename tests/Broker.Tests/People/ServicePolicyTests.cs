using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>
/// What programs may do, cell by cell, asked of the one policy function. Per operation, one letter for public/none, public/member, public/owner, group/none, group/member, group/owner; a = allowed, f = forbidden,
/// n = no such conversation.
/// </summary>
internal sealed class ServicePolicyTests
{
    private const AccountRights Publishes = AccountRights.Service | AccountRights.ServicePublish;
    private const AccountRights Reads = AccountRights.Service | AccountRights.ServiceRead;
    private const AccountRights Imports = AccountRights.Service | AccountRights.Import;
    private const AccountRights Everything = Publishes | Reads | Imports;
    private const AccountRights Outside = Everything | AccountRights.Confined;
    private const AccountRights Inside = Outside | AccountRights.InScope;

    [TestCase(ConversationOperation.See, AccountRights.Service, "aaanaa")]
    [TestCase(ConversationOperation.Read, AccountRights.Service, "fffnff")]
    [TestCase(ConversationOperation.Publish, AccountRights.Service, "fffnff")]
    [TestCase(ConversationOperation.See, Publishes, "aaanaa")]
    [TestCase(ConversationOperation.Read, Publishes, "fffnff")]
    [TestCase(ConversationOperation.ListMembers, Publishes, "fffnff")]
    [TestCase(ConversationOperation.Publish, Publishes, "aaanaa")]
    [TestCase(ConversationOperation.PublishOnBehalf, Publishes, "aaanaa")]
    [TestCase(ConversationOperation.Read, Reads, "aaanaa")]
    [TestCase(ConversationOperation.ListMembers, Reads, "aaanaa")]
    [TestCase(ConversationOperation.Publish, Reads, "fffnff")]
    [TestCase(ConversationOperation.PublishOnBehalf, Reads, "fffnff")]
    [TestCase(ConversationOperation.Read, Imports, "fffnff")]
    [TestCase(ConversationOperation.Publish, Imports, "fffnff")]
    [TestCase(ConversationOperation.PublishOnBehalf, Imports, "fffnff")]
    [TestCase(ConversationOperation.AddMembers, Everything, "fffnff")]
    [TestCase(ConversationOperation.RemoveMember, Everything, "fffnff")]
    [TestCase(ConversationOperation.Leave, Everything, "faanaa")]
    [TestCase(ConversationOperation.See, Outside, "nnnnnn")]
    [TestCase(ConversationOperation.Read, Outside, "nnnnnn")]
    [TestCase(ConversationOperation.ListMembers, Outside, "nnnnnn")]
    [TestCase(ConversationOperation.Publish, Outside, "nnnnnn")]
    [TestCase(ConversationOperation.PublishOnBehalf, Outside, "nnnnnn")]
    [TestCase(ConversationOperation.AddMembers, Outside, "nnnnnn")]
    [TestCase(ConversationOperation.RemoveMember, Outside, "nnnnnn")]
    [TestCase(ConversationOperation.Leave, Outside, "nnnnnn")]
    [TestCase(ConversationOperation.See, Inside, "aaaaaa")]
    [TestCase(ConversationOperation.Read, Inside, "aaaaaa")]
    [TestCase(ConversationOperation.ListMembers, Inside, "aaaaaa")]
    [TestCase(ConversationOperation.Publish, Inside, "aaaaaa")]
    [TestCase(ConversationOperation.PublishOnBehalf, Inside, "aaaaaa")]
    [TestCase(ConversationOperation.AddMembers, Inside, "ffffff")]
    [TestCase(ConversationOperation.RemoveMember, Inside, "ffffff")]
    [TestCase(ConversationOperation.Leave, Inside, "faafaa")]
    [TestCase((ConversationOperation)200, Inside, "ffffff")]
    [TestCase(ConversationOperation.AddMembers, Inside | AccountRights.Operator, "ffffff", Description = "an operator's right is nothing to a service")]
    public void TheTable(object operation, object rights, string expected)
    {
        char[] decided = (
            from kind in new[] { ConversationKind.Public, ConversationKind.Group }
            from role in new[] { MemberRole.None, MemberRole.Member, MemberRole.Owner }
            select ConversationPolicy.Decide((ConversationOperation)operation, new ConversationFacts((AccountRights)rights, kind, role)) switch
            {
                ErrorCode.None => 'a',
                ErrorCode.Forbidden => 'f',
                ErrorCode.NoSuchConversation => 'n',
                _ => '?',
            }).ToArray();
        Assert.That(new string(decided), Is.EqualTo(expected));
    }

    [Test]
    public void AConfinedServiceIsLetInWhereItsScopeSaysAndNowhereElse()
    {
        InMemoryConversationLog log = new();
        UserId bot = new(0xB07);
        ConversationId other = new(0x2002);
        CommitBatch batch = new(log.Epoch);
        batch.Put(Table.State, IdentityKeys.Service(bot, default), [1]);
        batch.Put(Table.State, IdentityKeys.Service(bot, ShardBench.Room), [1]);
        log.Commit([batch]);
        ServiceScopes scopes = new(log);
        Actor confined = ShardBench.ActorOf(bot, rights: Outside);
        Assert.That(scopes.Narrow(confined, ShardBench.Room).Rights, Is.EqualTo(Inside));
        Assert.That(scopes.Narrow(confined, other), Is.EqualTo(confined));
        Assert.That(scopes.Narrow(confined, default), Is.EqualTo(confined), "the account's own entry is no conversation");
        Assert.That(scopes.Narrow(ShardBench.ActorOf(ShardBench.Alice, rights: Outside), ShardBench.Room).Rights, Is.EqualTo(Outside), "another's scope");
        Actor free = ShardBench.ActorOf(bot, rights: Everything);
        Assert.That(scopes.Narrow(free, ShardBench.Room), Is.EqualTo(free));
    }

    [Test]
    public void TheShardGoesByTheCommandsBytes()
    {
        ShardBench bench = new();
        UserId bot = new(0xB07);
        bench.Create(ShardBench.Room, ConversationKind.Group, null, ShardBench.Alice);
        byte[] own = ShardBench.PublishBody(ShardBench.Room, 1, "beep");
        byte[] behalf = ShardBench.PublishBody(ShardBench.Room, 2, "hello", onBehalfOf: ShardBench.Bob);
        Assert.That(bench.Apply(CommandKind.Publish, ShardBench.ActorOf(bot, rights: Outside), own), Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(bench.Apply(CommandKind.Publish, ShardBench.ActorOf(bot, rights: Inside), own), Is.EqualTo(ErrorCode.None));
        Assert.That(bench.Apply(CommandKind.Publish, ShardBench.ActorOf(bot, rights: Inside), behalf), Is.EqualTo(ErrorCode.None));
        Assert.That(
            bench.Apply(CommandKind.Publish, ShardBench.ActorOf(bot, rights: Reads | AccountRights.Confined | AccountRights.InScope), ShardBench.PublishBody(ShardBench.Room, 3, "x")),
            Is.EqualTo(ErrorCode.Forbidden));
        bench.Commit();
        Assert.That(bench.Read(ShardBench.Room).Select(record => (record.Sender, record.Publisher)), Is.EqualTo(new[] { (bot, bot), (ShardBench.Bob, bot) }));
    }
}
