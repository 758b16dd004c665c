using FastChat.Broker.Conversations;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>
/// The policy, cell by cell: every operation × every kind × every role. The expected table is written out and not computed. A word per kind: public, channel, group, direct; in each a letter per role: none,
/// reader, member, moderator, admin, owner, invited, banned; a = allowed, f = forbidden, n = no such conversation. Whom it concerns is a member, or what the operation is for, and becomes a member.
/// </summary>
internal sealed class ConversationPolicyTests
{
    private static readonly ConversationKind[] Kinds = [ConversationKind.Public, ConversationKind.Channel, ConversationKind.Group, ConversationKind.Direct];

    private static readonly MemberRole[] Roles =
    [
        MemberRole.None, MemberRole.Reader, MemberRole.Member, MemberRole.Moderator, MemberRole.Admin, MemberRole.Owner, MemberRole.Invited, MemberRole.Banned,
    ];

    [TestCase(ConversationOperation.See, AccountRights.None, "aaaaaaaa aaaaaaaa naaaaaan naaaaann")]
    [TestCase(ConversationOperation.Read, AccountRights.None, "aaaaaaaf aaaaaaaf naaaaafn naaaaann")]
    [TestCase(ConversationOperation.Publish, AccountRights.None, "afaaaaaf ffaaaaff nfaaaafn nfaaaann")]
    [TestCase(ConversationOperation.PublishOnBehalf, AccountRights.None, "ffffffff ffffffff nffffffn nfffffnn")]
    [TestCase(ConversationOperation.ListMembers, AccountRights.None, "aaaaaaaf aaaaaaaf naaaaafn naaaaann")]
    [TestCase(ConversationOperation.AddMembers, AccountRights.None, "ffffaaff ffffaaff nfffaafn nfffffnn")]
    [TestCase(ConversationOperation.RemoveMember, AccountRights.None, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.Leave, AccountRights.None, "faaaaaff faaaaaff naaaaafn nfffffnn")]
    [TestCase(ConversationOperation.Join, AccountRights.None, "afffffaf afffffaf nffffffn nfffffnn")]
    [TestCase(ConversationOperation.JoinByLink, AccountRights.None, "afffffaf afffffaf nfffffan nfffffnn")]
    [TestCase(ConversationOperation.Invite, AccountRights.None, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.AnswerInvitation, AccountRights.None, "ffffffaf ffffffaf nfffffan nfffffnn")]
    [TestCase(ConversationOperation.Uninvite, AccountRights.None, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.ChangeRole, AccountRights.None, "ffffaaff ffffaaff nfffaafn nfffffnn")]
    [TestCase(ConversationOperation.Mute, AccountRights.None, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.Ban, AccountRights.None, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.Unban, AccountRights.None, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.Describe, AccountRights.None, "ffffaaff ffffaaff nfffaafn nfffffnn")]
    [TestCase(ConversationOperation.Configure, AccountRights.None, "ffffaaff ffffaaff nfffaafn nfffffnn")]
    [TestCase(ConversationOperation.ManageLinks, AccountRights.None, "ffffaaff ffffaaff nfffaafn nfffffnn")]
    [TestCase(ConversationOperation.Retain, AccountRights.None, "fffffaff fffffaff nffffafn nfffffnn")]
    [TestCase(ConversationOperation.Erase, AccountRights.None, "fffffaff fffffaff nffffafn nfffffnn")]
    [TestCase(ConversationOperation.MentionAll, AccountRights.None, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.IgnoreSlowMode, AccountRights.None, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.React, AccountRights.None, "aaaaaaaf faaaaaff naaaaafn naaaaann")]
    [TestCase(ConversationOperation.EditOwn, AccountRights.None, "afaaaaaf ffaaaaff nfaaaafn nfaaaann")]
    [TestCase(ConversationOperation.DeleteOwn, AccountRights.None, "aaaaaaaf aaaaaaaf naaaaafn naaaaann")]
    [TestCase(ConversationOperation.DeleteOthers, AccountRights.None, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.Pin, AccountRights.None, "fffaaaff fffaaaff nffaaafn nfaaaann")]
    [TestCase(ConversationOperation.WatchPresence, AccountRights.None, "faaaaaff faaaaaff naaaaafn naaaaann")]
    [TestCase(ConversationOperation.WatchPresence, AccountRights.Operator, "faaaaaff faaaaaff faaaaaff faaaaaff")]
    [TestCase(ConversationOperation.See, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa")]
    [TestCase(ConversationOperation.Read, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa")]
    [TestCase(ConversationOperation.Publish, AccountRights.Operator, "afaaaaaf ffaaaaff ffaaaaff ffaaaaff")]
    [TestCase(ConversationOperation.PublishOnBehalf, AccountRights.Operator, "ffffffff ffffffff ffffffff ffffffff")]
    [TestCase(ConversationOperation.ListMembers, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa")]
    [TestCase(ConversationOperation.AddMembers, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.RemoveMember, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.Leave, AccountRights.Operator, "faaaaaff faaaaaff faaaaaff ffffffff")]
    [TestCase(ConversationOperation.Join, AccountRights.Operator, "afffffaf afffffaf ffffffff ffffffff")]
    [TestCase(ConversationOperation.JoinByLink, AccountRights.Operator, "afffffaf afffffaf afffffaf ffffffff")]
    [TestCase(ConversationOperation.Invite, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.AnswerInvitation, AccountRights.Operator, "ffffffaf ffffffaf ffffffaf ffffffaf")]
    [TestCase(ConversationOperation.Uninvite, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.ChangeRole, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.Mute, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.Ban, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.Unban, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.Describe, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.Configure, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.ManageLinks, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.Retain, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa")]
    [TestCase(ConversationOperation.Erase, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.MentionAll, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.IgnoreSlowMode, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.React, AccountRights.Operator, "aaaaaaaf faaaaaff faaaaaff faaaaaff")]
    [TestCase(ConversationOperation.EditOwn, AccountRights.Operator, "afaaaaaf ffaaaaff ffaaaaff ffaaaaff")]
    [TestCase(ConversationOperation.DeleteOwn, AccountRights.Operator, "aaaaaaaf aaaaaaaf aaaaaaaf aaaaaaaf")]
    [TestCase(ConversationOperation.DeleteOthers, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffffffff")]
    [TestCase(ConversationOperation.Pin, AccountRights.Operator, "aaaaaaaa aaaaaaaa aaaaaaaa ffaaaaff")]
    [TestCase(ConversationOperation.See, AccountRights.Import, "aaaaaaaa aaaaaaaa naaaaaan naaaaann")]
    [TestCase(ConversationOperation.Read, AccountRights.Import, "aaaaaaaf aaaaaaaf naaaaafn naaaaann")]
    [TestCase(ConversationOperation.Publish, AccountRights.Import, "afaaaaaf ffaaaaff nfaaaafn nfaaaann")]
    [TestCase(ConversationOperation.PublishOnBehalf, AccountRights.Import, "aaaaaaaa aaaaaaaa naaaaaan naaaaann")]
    [TestCase(ConversationOperation.ListMembers, AccountRights.Import, "aaaaaaaf aaaaaaaf naaaaafn naaaaann")]
    [TestCase(ConversationOperation.AddMembers, AccountRights.Import, "ffffaaff ffffaaff nfffaafn nfffffnn")]
    [TestCase(ConversationOperation.RemoveMember, AccountRights.Import, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.Leave, AccountRights.Import, "faaaaaff faaaaaff naaaaafn nfffffnn")]
    [TestCase(ConversationOperation.Join, AccountRights.Import, "afffffaf afffffaf nffffffn nfffffnn")]
    [TestCase(ConversationOperation.JoinByLink, AccountRights.Import, "afffffaf afffffaf nfffffan nfffffnn")]
    [TestCase(ConversationOperation.Invite, AccountRights.Import, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.AnswerInvitation, AccountRights.Import, "ffffffaf ffffffaf nfffffan nfffffnn")]
    [TestCase(ConversationOperation.Uninvite, AccountRights.Import, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.ChangeRole, AccountRights.Import, "ffffaaff ffffaaff nfffaafn nfffffnn")]
    [TestCase(ConversationOperation.Mute, AccountRights.Import, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.Ban, AccountRights.Import, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.Unban, AccountRights.Import, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.Describe, AccountRights.Import, "ffffaaff ffffaaff nfffaafn nfffffnn")]
    [TestCase(ConversationOperation.Configure, AccountRights.Import, "ffffaaff ffffaaff nfffaafn nfffffnn")]
    [TestCase(ConversationOperation.ManageLinks, AccountRights.Import, "ffffaaff ffffaaff nfffaafn nfffffnn")]
    [TestCase(ConversationOperation.MentionAll, AccountRights.Import, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.IgnoreSlowMode, AccountRights.Import, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.React, AccountRights.Import, "aaaaaaaf faaaaaff naaaaafn naaaaann")]
    [TestCase(ConversationOperation.EditOwn, AccountRights.Import, "afaaaaaf ffaaaaff nfaaaafn nfaaaann")]
    [TestCase(ConversationOperation.DeleteOwn, AccountRights.Import, "aaaaaaaf aaaaaaaf naaaaafn naaaaann")]
    [TestCase(ConversationOperation.DeleteOthers, AccountRights.Import, "fffaaaff fffaaaff nffaaafn nfffffnn")]
    [TestCase(ConversationOperation.Pin, AccountRights.Import, "fffaaaff fffaaaff nffaaafn nfaaaann")]
    [TestCase((ConversationOperation)200, AccountRights.None, "ffffffff ffffffff nffffffn nfffffnn")]
    [TestCase((ConversationOperation)200, AccountRights.Operator | AccountRights.Import, "ffffffff ffffffff ffffffff ffffffff")]
    public void TheTable(object operation, object rights, string expected) => Assert.That(TableOf((ConversationOperation)operation, (AccountRights)rights), Is.EqualTo(expected));

    [Test]
    public void EveryOperationIsInTheTable() => Assert.That(
        typeof(ConversationPolicyTests).GetMethod(nameof(TheTable))!.GetCustomAttributes(typeof(TestCaseAttribute), false).Cast<TestCaseAttribute>()
            .Where(row => row.Arguments[1] is AccountRights.None).Select(row => (ConversationOperation)row.Arguments[0]!),
        Is.SupersetOf(Enum.GetValues<ConversationOperation>()), "a new operation needs its rows above");

    [Test]
    public void AKindNobodyKnowsIsInvisibleEvenToItsOwner() => Assert.That(
        ConversationPolicy.Decide(ConversationOperation.Read, new ConversationFacts(AccountRights.Operator, (ConversationKind)99, MemberRole.Owner)), Is.EqualTo(ErrorCode.NoSuchConversation));

    /// <summary>Reading left to right: who may do it to whom. Rows: moderator, admin, owner, operator who is no member; columns: reader, member, moderator, admin, owner.</summary>
    [TestCase(ConversationOperation.RemoveMember, "aafff aaaff aaaaa aaaaa")]
    [TestCase(ConversationOperation.Mute, "aafff aaaff aaaaa aaaaa")]
    [TestCase(ConversationOperation.Ban, "aafff aaaff aaaaa aaaaa")]
    [TestCase(ConversationOperation.ChangeRole, "fffff aaaff aaaaa aaaaa")]
    public void NobodyTouchesThoseAboveThem(object operation, string expected) => Assert.That(RowsOf((ConversationOperation)operation, role => (role, MemberRole.Reader)), Is.EqualTo(expected));

    /// <summary>Rows as above; columns: the role that is given: reader, member, moderator, admin, owner.</summary>
    [TestCase(ConversationOperation.AddMembers, MemberRole.None, "fffff aaaff aaaaa aaaaa")]
    [TestCase(ConversationOperation.Invite, MemberRole.None, "aafff aaaff aaaaa aaaaa")]
    [TestCase(ConversationOperation.ChangeRole, MemberRole.Reader, "fffff aaaff aaaaa aaaaa")]
    [TestCase(ConversationOperation.AddMembers, MemberRole.Banned, "fffff fffff fffff fffff")]
    [TestCase(ConversationOperation.Invite, MemberRole.Banned, "fffff fffff fffff fffff")]
    public void NobodyGivesWhatTheyHaveNot(object operation, object target, string expected) =>
        Assert.That(RowsOf((ConversationOperation)operation, role => ((MemberRole)target, role)), Is.EqualTo(expected));

    [TestCase(ConversationOperation.Publish)]
    [TestCase(ConversationOperation.EditOwn)]
    [TestCase(ConversationOperation.React)]
    public void WhoIsHeldBackDoesNotWrite(object operation)
    {
        ConversationFacts facts = new(AccountRights.Operator, ConversationKind.Direct, MemberRole.Member);
        Assert.That(ConversationPolicy.Decide((ConversationOperation)operation, facts), Is.EqualTo(ErrorCode.None));
        foreach (ConversationFacts held in new[] { facts with { IsArchived = true }, facts with { IsMuted = true }, facts with { IsBlocked = true } })
        {
            Assert.That(ConversationPolicy.Decide((ConversationOperation)operation, held), Is.EqualTo(ErrorCode.Forbidden));
        }
    }

    private static string RowsOf(ConversationOperation operation, Func<MemberRole, (MemberRole Target, MemberRole NewRole)> column) => string.Join(' ', new[]
    {
        (AccountRights.None, MemberRole.Moderator), (AccountRights.None, MemberRole.Admin), (AccountRights.None, MemberRole.Owner), (AccountRights.Operator, MemberRole.None),
    }.Select(who => new string(new[] { MemberRole.Reader, MemberRole.Member, MemberRole.Moderator, MemberRole.Admin, MemberRole.Owner }.Select(role =>
        Letter(operation, new ConversationFacts(who.Item1, ConversationKind.Group, who.Item2) { Target = column(role).Target, NewRole = column(role).NewRole })).ToArray())));

    private static string TableOf(ConversationOperation operation, AccountRights rights) => string.Join(' ', Kinds.Select(kind => new string(Roles.Select(role => Letter(operation, new ConversationFacts(rights, kind, role)
    {
        Target = operation switch
        {
            ConversationOperation.AddMembers or ConversationOperation.Invite => MemberRole.None,
            ConversationOperation.Uninvite => MemberRole.Invited,
            ConversationOperation.Unban => MemberRole.Banned,
            _ => MemberRole.Member,
        },
        NewRole = MemberRole.Member,
    })).ToArray())));

    private static char Letter(ConversationOperation operation, in ConversationFacts facts) => ConversationPolicy.Decide(operation, facts) switch
    {
        ErrorCode.None => 'a',
        ErrorCode.Forbidden => 'f',
        ErrorCode.NoSuchConversation => 'n',
        _ => '?',
    };
}
