namespace FastChat.History.Tests;

/// <summary>Whom the broker's own records are about.</summary>
public sealed class SystemRecordTests
{
    [TestCase(MessageKind.MemberAdded, true)]
    [TestCase(MessageKind.MemberRemoved, true)]
    [TestCase(MessageKind.MemberChanged, true)]
    [TestCase(MessageKind.ConversationChanged, false)]
    [TestCase(MessageKind.Text, false)]
    public void Only_membership_records_name_a_member(MessageKind kind, bool isNamed)
    {
        byte[] body = new byte[MembershipBody.SizeMax];
        new MembershipBody(new UserId(7), MemberRole.Moderator, 5, 6, 7).Write(body);
        HistoryEvent read = RecordEvents.Of(new ConversationId(1), new LogPosition(1, 9), new UserId(2), new UserId(2), default, new ClientMessageId(9), kind, body, isErased: false);
        Assert.That(read.Member, Is.EqualTo(isNamed ? new UserId(7) : default));
    }
}
