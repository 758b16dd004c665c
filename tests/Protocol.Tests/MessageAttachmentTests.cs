namespace FastChat.Protocol.Tests;

/// <summary>Attachments among the attributes of a message: written as they are read, and refused when they are ill-formed.</summary>
public sealed class MessageAttachmentTests
{
    private static readonly AttachmentId Id = AttachmentId.Of("Grüße"u8);

    [Test]
    public void Attachments_come_back_as_they_were_written()
    {
        MessageAttributes attributes = new()
        {
            ReplyTo = 7,
            Attachments = [new MessageAttachment(Id, ulong.MaxValue, "grüße.txt", "text/plain"), new MessageAttachment(new AttachmentId(1, 2), 0, new string('é', 127) + "x")],
        };
        byte[] bytes = attributes.ToBytes();
        Assert.That(MessageAttributes.TryRead(bytes, skipsUnknown: false, out MessageAttributes? read, out _), Is.True);
        Assert.That(read!.Attachments, Is.EqualTo(attributes.Attachments));
        Assert.That(read.ReplyTo, Is.EqualTo(7));
        Assert.That(MessageAttributes.HaveAttachments(bytes), Is.True);
        Assert.That(MessageAttributes.HaveAttachments(new MessageAttributes { ReplyTo = 7, MentionsAll = true }.ToBytes()), Is.False);
        Assert.That(MessageAttributes.HaveAttachments([]), Is.False);
        for (int size = 1; size < bytes.Length; size++)
        {
            Assert.That(() => MessageAttributes.HaveAttachments(bytes.AsSpan(0, size)), Throws.Nothing);
        }
    }

    [TestCase("a", "text/plain", true)]
    [TestCase("", "", false)]
    [TestCase("a\nb", "", false)]
    [TestCase("a\u007Fb", "", false)]
    [TestCase("a", "text plain", false)]
    [TestCase("a", "text/plain\n", false)]
    public void A_name_and_a_media_type_have_rules(string name, string mediaType, bool isWellFormed)
    {
        MessageAttachment attachment = new(Id, 1, name, mediaType);
        Assert.That(attachment.IsWellFormed, Is.EqualTo(isWellFormed));
        Assert.That(MessageAttributes.TryRead(new MessageAttributes { Attachments = [attachment] }.ToBytes(), skipsUnknown: false, out _, out _), Is.EqualTo(isWellFormed));
    }

    [Test]
    public void Ten_are_read_and_eleven_are_not()
    {
        MessageAttachment[] all = [.. Enumerable.Range(1, 11).Select(number => new MessageAttachment(new AttachmentId(1, (UInt128)number), 1, "a"))];
        Assert.That(MessageAttributes.TryRead(new MessageAttributes { Attachments = all[..10] }.ToBytes(), skipsUnknown: false, out _, out _), Is.True);
        Assert.That(MessageAttributes.TryRead(new MessageAttributes { Attachments = all }.ToBytes(), skipsUnknown: false, out _, out _), Is.False);
        Assert.That(MessageAttributes.TryRead(new MessageAttributes { Attachments = [all[0], all[0]] }.ToBytes(), skipsUnknown: false, out _, out _), Is.False);
    }

    [Test]
    public void An_id_is_64_digits()
    {
        Assert.That(AttachmentId.Of([]).ToString(), Is.EqualTo("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
        Assert.That(AttachmentId.TryParse(Id.ToString(), out AttachmentId parsed) && parsed == Id, Is.True);
        Assert.That(AttachmentId.TryParse(Id.ToString()[1..], out _), Is.False);
        Assert.That(AttachmentId.TryParse(null, out _), Is.False);
    }
}
