namespace FastChat.Protocol.Tests.Scram;

/// <summary>What is no SCRAM message, and what must be refused although it could be read.</summary>
public sealed class ScramMessageTests
{
    private const string Nonce = "fyko+d2lbbFgONRv9qkx";
    private static readonly string LongNonce = new('x', 128);

    [TestCase("n,,n=ada,r=" + Nonce)]
    [TestCase("y,,n=ada,r=" + Nonce + ",x=an extension that may be ignored")]
    [TestCase("p=tls-server-end-point,,n=a=2Cb=3Dc,r=" + Nonce)]
    [TestCase("p=tls-exporter,,n=*,r=!#$%&'()*+-./0123456789:;<=>?@[]^_`{|}~")]
    public void A_first_message_is_read(string text)
    {
        Assert.That(ScramClientFirst.TryParse(text, out ScramClientFirst? message, out ScramFault fault), Is.True);
        Assert.That((message!.ToString(), fault), Is.EqualTo((text, ScramFault.None)));
    }

    [Test]
    public void Names_with_commas_and_equals_signs_come_back_as_they_were()
    {
        foreach (string name in new[] { "ada", "a,b", "a=b", "=2C", "=,=", "naïve – 名前" })
        {
            string text = new ScramClientFirst(ScramBinding.None, null, name, Nonce).ToString();
            Assert.That(ScramClientFirst.TryParse(text, out ScramClientFirst? message, out _), Is.True, text);
            Assert.That(message!.Name, Is.EqualTo(name));
        }
    }

    [TestCase("")]
    [TestCase("n")]
    [TestCase("n,")]
    [TestCase("n,,")]
    [TestCase("n,,n=ada")]
    [TestCase("n,,r=" + Nonce)]
    [TestCase("n,,n=,r=" + Nonce)]
    [TestCase("n,,n=ada,r=")]
    [TestCase("n,,n=ada,r=tooshort")]
    [TestCase("n,,n=ada,r=has a blank in it, has it")]
    [TestCase("n,,n=ada,r=not-\u00E4-ascii-nonce-at-all")]
    [TestCase("n,,r=" + Nonce + ",n=ada")]
    [TestCase("n,,n=ada,,r=" + Nonce)]
    [TestCase("n,,n=ada,r=" + Nonce + ",")]
    [TestCase("n,,n=ada,r=" + Nonce + ",xx")]
    [TestCase("n,,n=ada,r=" + Nonce + ",m=x")]
    [TestCase("n,,n=a=41,r=" + Nonce)]
    [TestCase("n,,n=a=2c,r=" + Nonce)]
    [TestCase("n,,n=a\0b,r=" + Nonce)]
    [TestCase("x,,n=ada,r=" + Nonce)]
    [TestCase("N,,n=ada,r=" + Nonce)]
    [TestCase("p,,n=ada,r=" + Nonce)]
    [TestCase("p=,,n=ada,r=" + Nonce)]
    [TestCase("p=tls_unique,,n=ada,r=" + Nonce)]
    [TestCase("n,ada,n=ada,r=" + Nonce)]
    public void A_first_message_that_is_none_is_not_read(string text)
    {
        Assert.That(ScramClientFirst.TryParse(text, out _, out ScramFault fault), Is.False);
        Assert.That(fault, Is.EqualTo(ScramFault.Malformed));
    }

    [Test]
    public void What_is_longer_than_it_may_be_is_not_read()
    {
        Assert.That(ScramClientFirst.TryParse($"n,,n=ada,r={LongNonce}", out _, out _), Is.True);
        Assert.That(ScramClientFirst.TryParse($"n,,n=ada,r={LongNonce}x", out _, out _), Is.False);
        Assert.That(ScramClientFirst.TryParse($"n,,n={new string('a', 1024)},r={Nonce}", out _, out _), Is.False);
        Assert.That(ScramServerFirst.TryParse($"r={Nonce},s=AAAA,i=1,x={new string('a', 1024)}", out _), Is.False);
        Assert.That(ScramServerFirst.TryParse($"r={LongNonce}{LongNonce}x,s=AAAA,i=1", out _), Is.False);
        Assert.That(ScramServerFirst.TryParse($"r={Nonce},s={Convert.ToBase64String(new byte[65])},i=1", out _), Is.False);
        Assert.That(ScramServerFinal.TryParse($"v={Convert.ToBase64String(new byte[32])},x={new string('a', 1024)}", out _), Is.False);
    }

    [TestCase("n,a=root,n=ada,r=" + Nonce)]
    [TestCase("n,,m=ext,n=ada,r=" + Nonce)]
    [TestCase("n,,m=,n=ada,r=" + Nonce)]
    public void What_RFC_5802_says_must_fail_fails_and_is_told_from_nonsense(string text)
    {
        Assert.That(ScramClientFirst.TryParse(text, out _, out ScramFault fault), Is.False);
        Assert.That(fault, Is.EqualTo(ScramFault.NotSpoken));
    }

    [TestCase("r=abc,s=AAAA,i=0")]
    [TestCase("r=abc,s=AAAA,i=01")]
    [TestCase("r=abc,s=AAAA,i=-1")]
    [TestCase("r=abc,s=AAAA,i=+1")]
    [TestCase("r=abc,s=AAAA,i= 1")]
    [TestCase("r=abc,s=AAAA,i=1e3")]
    [TestCase("r=abc,s=AAAA,i=2147483648")]
    [TestCase("r=abc,s=AAAA,i=")]
    [TestCase("r=abc,s=AAAA")]
    [TestCase("r=abc,s=,i=1")]
    [TestCase("r=abc,s=AAA,i=1")]
    [TestCase("r=abc,s=AA==AAAA,i=1")]
    [TestCase("r=abc,s=AA\tAA,i=1")]
    [TestCase("r=abc,s=AB==,i=1")]
    [TestCase("r=abc,s=AAAA,i=1,m=x")]
    [TestCase("r=,s=AAAA,i=1")]
    public void A_challenge_that_is_none_is_not_read(string text) => Assert.That(ScramServerFirst.TryParse(text, out _), Is.False);

    [TestCase("c=biws,r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", true)]
    [TestCase("c=biws,r=abc,x=1,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", true)]
    [TestCase("c=biws,r=abc,m=1,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false)]
    [TestCase("c=biws,r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,x=1", false)]
    [TestCase("c=biws,r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", false)]
    [TestCase("c=biws,r=abc,p=", false)]
    [TestCase("c=biws,r=abc", false)]
    [TestCase("c=,r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false)]
    [TestCase("r=abc,c=biws,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false)]
    [TestCase("r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false)]
    [TestCase(",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false)]
    [TestCase("", false)]
    public void A_proof_is_read_or_not(string text, bool isOne) => Assert.That(ScramClientFinal.TryParse(text, out _), Is.EqualTo(isOne));

    [TestCase("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", true)]
    [TestCase("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,x=1", true)]
    [TestCase("v=AAAA", false)]
    [TestCase("e=invalid-proof", false)]
    [TestCase("v=", false)]
    [TestCase("", false)]
    [TestCase(null, false)]
    public void A_signature_is_read_or_not(string? text, bool isOne) => Assert.That(ScramServerFinal.TryParse(text, out _), Is.EqualTo(isOne));
}
