using System.Text;

namespace FastChat.Cli.Tests;

[TestFixture]
public sealed class KeyDecoderTests
{
    [TestCase("\e[A", KeyCode.Up)]
    [TestCase("\eOB", KeyCode.Down)]
    [TestCase("\e[1;5D", KeyCode.WordLeft)]
    [TestCase("\e[5~", KeyCode.PageUp)]
    [TestCase("\e[1;5A", KeyCode.PickUp)]
    [TestCase("\e[1;3B", KeyCode.PickDown)]
    [TestCase("\ek", KeyCode.PickUp)]
    [TestCase("\e[I", KeyCode.FocusIn)]
    [TestCase("\e[O", KeyCode.FocusOut)]
    [TestCase("\e[3~", KeyCode.Delete)]
    [TestCase("\e[H", KeyCode.Home)]
    [TestCase("\e[4~", KeyCode.End)]
    [TestCase("\eb", KeyCode.WordLeft)]
    [TestCase("\x01", KeyCode.Home)]
    [TestCase("\x15", KeyCode.KillToStart)]
    [TestCase("\x17", KeyCode.KillWord)]
    [TestCase("\x7f", KeyCode.Backspace)]
    [TestCase("\r", KeyCode.Enter)]
    public void SequencesAreKeysHoweverTheyAreCut(string bytes, object expected)
    {
        Assert.That(Decode(Encoding.UTF8.GetBytes(bytes), pieceSize: 100), Is.EqualTo(new[] { new Key((KeyCode)expected) }));
        Assert.That(Decode(Encoding.UTF8.GetBytes(bytes), pieceSize: 1), Is.EqualTo(new[] { new Key((KeyCode)expected) }));
    }

    [Test]
    public void TextArrivesWholeWhenARuneIsCut()
    {
        List<Key> keys = Decode(Encoding.UTF8.GetBytes("hé👍"), pieceSize: 1);

        Assert.That(string.Concat(keys.Select(key => key.Text)), Is.EqualTo("hé👍"));
    }

    [Test]
    public void APasteIsOneKeyWhateverIsInIt()
    {
        byte[] bytes = Encoding.UTF8.GetBytes("x\e[200~one\r\ntwo\e[Athree\e[201~\r");
        Key[] expected = [new(KeyCode.Text, "x"), new(KeyCode.Paste, "one\ntwo\e[Athree"), new(KeyCode.Enter)];

        for (int pieceSize = 1; pieceSize <= bytes.Length; pieceSize++)
        {
            Assert.That(Decode(bytes, pieceSize), Is.EqualTo(expected), $"in pieces of {pieceSize}");
        }
    }

    [Test]
    public void ALoneEscapeIsAKeyOnceNothingFollows()
    {
        KeyDecoder decoder = new();
        List<Key> keys = [];
        decoder.Feed("\e"u8, keys);
        Assert.That(keys, Is.Empty);
        Assert.That(decoder.IsPending, Is.True);

        decoder.Flush(keys);
        Assert.That(keys, Is.EqualTo(new[] { new Key(KeyCode.Escape) }));
        Assert.That(decoder.IsPending, Is.False);
    }

    [Test]
    public void UnknownSequencesAreSwallowedWhole() =>
        Assert.That(Decode(Encoding.UTF8.GetBytes("\e[99~\e[?1;2ca"), pieceSize: 3), Is.EqualTo(new[] { new Key(KeyCode.Text, "a") }));

    private static List<Key> Decode(byte[] bytes, int pieceSize)
    {
        KeyDecoder decoder = new();
        List<Key> keys = [];
        foreach (byte[] piece in bytes.Chunk(pieceSize))
        {
            decoder.Feed(piece, keys);
        }

        return keys;
    }
}
