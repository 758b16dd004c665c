using FastChat.Broker.Conversations;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>
/// The policy, cell by cell. The expected table is written out and not computed: per operation, one letter for public/none, public/member, public/owner,
/// group/none, group/member, group/owner; a = allowed, f = forbidden, n = no such conversation.
/// </summary>
internal sealed class ConversationPolicyTests
{
    [TestCase(ConversationOperation.See, AccountRights.None, "aaanaa")]
    [TestCase(ConversationOperation.Read, AccountRights.None, "aaanaa")]
    [TestCase(ConversationOperation.ListMembers, AccountRights.None, "aaanaa")]
    [TestCase(ConversationOperation.Publish, AccountRights.None, "aaanaa")]
    [TestCase(ConversationOperation.PublishOnBehalf, AccountRights.None, "fffnff")]
    [TestCase(ConversationOperation.AddMembers, AccountRights.None, "ffanfa")]
    [TestCase(ConversationOperation.RemoveMember, AccountRights.None, "ffanfa")]
    [TestCase(ConversationOperation.Leave, AccountRights.None, "faanaa")]
    [TestCase(ConversationOperation.WatchPresence, AccountRights.None, "faanaa")]
    [TestCase(ConversationOperation.WatchPresence, AccountRights.Operator, "faafaa")]
    [TestCase(ConversationOperation.WatchPresence, AccountRights.Import, "faanaa")]
    [TestCase(ConversationOperation.See, AccountRights.Operator, "aaaaaa")]
    [TestCase(ConversationOperation.Read, AccountRights.Operator, "aaaaaa")]
    [TestCase(ConversationOperation.ListMembers, AccountRights.Operator, "aaaaaa")]
    [TestCase(ConversationOperation.Publish, AccountRights.Operator, "aaafaa")]
    [TestCase(ConversationOperation.PublishOnBehalf, AccountRights.Operator, "ffffff")]
    [TestCase(ConversationOperation.AddMembers, AccountRights.Operator, "aaaaaa")]
    [TestCase(ConversationOperation.RemoveMember, AccountRights.Operator, "aaaaaa")]
    [TestCase(ConversationOperation.Leave, AccountRights.Operator, "faafaa")]
    [TestCase(ConversationOperation.See, AccountRights.Import, "aaanaa")]
    [TestCase(ConversationOperation.Read, AccountRights.Import, "aaanaa")]
    [TestCase(ConversationOperation.ListMembers, AccountRights.Import, "aaanaa")]
    [TestCase(ConversationOperation.Publish, AccountRights.Import, "aaanaa")]
    [TestCase(ConversationOperation.PublishOnBehalf, AccountRights.Import, "aaanaa")]
    [TestCase(ConversationOperation.AddMembers, AccountRights.Import, "ffanfa")]
    [TestCase(ConversationOperation.RemoveMember, AccountRights.Import, "ffanfa")]
    [TestCase(ConversationOperation.Leave, AccountRights.Import, "faanaa")]
    [TestCase((ConversationOperation)200, AccountRights.None, "fffnff")]
    [TestCase((ConversationOperation)200, AccountRights.Operator | AccountRights.Import, "ffffff")]
    public void TheTable(object operation, object rights, string expected)
    {
        char[] decided = (
            from kind in new[] { ConversationKind.Public, ConversationKind.Group }
            from role in new[] { MemberRole.None, MemberRole.Member, MemberRole.Owner }
            select ConversationPolicy.Decide((ConversationOperation)operation, (AccountRights)rights, kind, role) switch
            {
                ErrorCode.None => 'a',
                ErrorCode.Forbidden => 'f',
                ErrorCode.NoSuchConversation => 'n',
                _ => '?',
            }).ToArray();
        Assert.That(new string(decided), Is.EqualTo(expected));
    }

    [Test]
    public void EveryOperationIsInTheTable() => Assert.That(
        Enum.GetValues<ConversationOperation>(),
        Has.Length.EqualTo(9), "a new operation needs its rows above");

    [Test]
    public void AKindNobodyKnowsIsInvisible() => Assert.That(
        ConversationPolicy.Decide(ConversationOperation.Read, AccountRights.None, (ConversationKind)99, MemberRole.None),
        Is.EqualTo(ErrorCode.NoSuchConversation));
}
