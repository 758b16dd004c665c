namespace FastChat.Protocol.Tests;

/// <summary>Ids: one form in text, on the wire and in keys.</summary>
public sealed class IdTests
{
    private const string Digits = "000102030405060708090a0b0c0d0e0f";

    [Test]
    public void Text_reads_like_the_bytes()
    {
        byte[] bytes = Convert.FromHexString(Digits);
        byte[] written = new byte[16];
        Assert.That(ConversationId.TryParse(Digits, out ConversationId id), Is.True);
        id.Write(written);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(written, Is.EqualTo(bytes));
            Assert.That(id.ToString(), Is.EqualTo(Digits));
            Assert.That(ConversationId.Read(bytes), Is.EqualTo(id));
            Assert.That(UserId.Read(bytes).ToString(), Is.EqualTo(Digits));
            Assert.That(SessionId.Read(bytes).ToString(), Is.EqualTo(Digits));
            Assert.That(ClientMessageId.Read(bytes).ToString(), Is.EqualTo(Digits));
            Assert.That(Id128.TryParse(Digits.ToUpperInvariant(), out UInt128 value) && value == id.Value, Is.True);
            Assert.That(default(UserId).IsNone, Is.True);
            Assert.That(id.IsNone, Is.False);
            Assert.That(new DeviceId(0xABC).ToString(), Is.EqualTo("0000000000000abc"));
            Assert.That(new LogPosition(2, 41).ToString(), Is.EqualTo("2:41"));
        }
    }

    [TestCase("")]
    [TestCase("00")]
    [TestCase(Digits + "00")]
    [TestCase("00010203 405060708090a0b0c0d0e0f1")]
    [TestCase(" 00102030405060708090a0b0c0d0e0f")]
    [TestCase("0x0102030405060708090a0b0c0d0e0f")]
    [TestCase("g00102030405060708090a0b0c0d0e0f")]
    [TestCase("-00102030405060708090a0b0c0d0e0f")]
    public void Anything_but_32_digits_is_no_id(string text) => Assert.That(UserId.TryParse(text, out _), Is.False);

    [Test]
    public void The_first_two_bytes_are_the_placement()
    {
        Id128.TryParse(Digits, out UInt128 value);
        Assert.That(Id128.Placement(value), Is.EqualTo(0x0001));
        Assert.That(Id128.Format(Id128.WithPlacement(value, 0xBEEF)), Is.EqualTo("beef" + Digits[4..]));
    }
}
