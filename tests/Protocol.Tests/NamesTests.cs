namespace FastChat.Protocol.Tests;

/// <summary>Names of accounts, conversations and imported people (protocol.md §5.4).</summary>
public sealed class NamesTests
{
    [TestCase("a", "a")]
    [TestCase("Ada", "ada")]
    [TestCase("ADA.LOVELACE_1815-x", "ada.lovelace_1815-x")]
    [TestCase("0", "0")]
    public void Account_names_are_unique_without_case(string name, string canonical)
    {
        Assert.That(Names.TryCanonicalize(name, out string? result), Is.True);
        Assert.That(result, Is.EqualTo(canonical));
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase(" ")]
    [TestCase(".a")]
    [TestCase("_a")]
    [TestCase("-a")]
    [TestCase("#a")]
    [TestCase("a b")]
    [TestCase("a/b")]
    [TestCase("a\0")]
    [TestCase("a\n")]
    [TestCase("é")]
    [TestCase("аda", Description = "Cyrillic а")]
    [TestCase("Kelvin\u212A", Description = "the Kelvin sign lowers to k")]
    [TestCase("a\u0130", Description = "dotted capital I")]
    [TestCase("１")]
    public void Other_names_are_refused(string? name)
    {
        Assert.That(Names.TryCanonicalize(name, out string? canonical), Is.False);
        Assert.That(canonical, Is.Null);
    }

    [Test]
    public void Names_have_64_characters_at_the_most()
    {
        Assert.That(Names.TryCanonicalize(new string('a', 64), out _), Is.True);
        Assert.That(Names.TryCanonicalize(new string('a', 65), out _), Is.False);
    }

    [TestCase("[x]", true)]
    [TestCase("a b", true)]
    [TestCase("naïve", true)]
    [TestCase("", false)]
    [TestCase("a\u0007", false)]
    [TestCase("a\u007f", false)]
    [TestCase("a\u0085", false)]
    public void Imported_names_are_anything_printable(string name, bool accepted) => Assert.That(Names.IsExternalName(name), Is.EqualTo(accepted));

    [Test]
    public void Half_a_surrogate_pair_is_no_name()
    {
        // Not as a TestCase: attributes are stored as UTF-8 and would hold a replacement character instead.
        Assert.That(Names.IsExternalName("a\ud83d"), Is.False);
        Assert.That(Names.IsExternalName("\ude42a"), Is.False);
        Assert.That(Names.IsExternalName("a\ud83d\ude42"), Is.True);
    }

    [Test]
    public void Imported_names_have_64_bytes_at_the_most()
    {
        Assert.That(Names.IsExternalName(new string('é', 32)), Is.True);
        Assert.That(Names.IsExternalName(new string('é', 32) + "a"), Is.False);
    }
}
