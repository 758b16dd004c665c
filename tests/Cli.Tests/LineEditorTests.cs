namespace FastChat.Cli.Tests;

[TestFixture]
public sealed class LineEditorTests
{
    private LineEditor _editor = null!;

    [SetUp]
    public void NewEditor() => _editor = new LineEditor();

    [Test]
    public void TextIsInsertedAtTheCursor()
    {
        Type("held", KeyCode.Left, "l", KeyCode.Left, KeyCode.Left, KeyCode.Delete, "l", KeyCode.End, "!", KeyCode.Home, ">");

        Assert.That(_editor.Text, Is.EqualTo(">helld!"));
    }

    [Test]
    public void AClusterIsOneStepAndOneBackspace()
    {
        Type("a👩‍👩‍👧e\u0301", KeyCode.Backspace);
        Assert.That(_editor.Text, Is.EqualTo("a👩‍👩‍👧"));

        Type(KeyCode.Left, "b", KeyCode.Right, KeyCode.Backspace);
        Assert.That(_editor.Text, Is.EqualTo("ab"));
    }

    [Test]
    public void KeysAtTheEndsChangeNothing()
    {
        Type(KeyCode.Left, KeyCode.Backspace, KeyCode.Delete, KeyCode.Right, KeyCode.WordLeft, KeyCode.KillWord, KeyCode.Up, KeyCode.Down);

        Assert.That(_editor.Text, Is.Empty);
        Assert.That(_editor.Cursor, Is.Zero);
    }

    [TestCase(KeyCode.KillToEnd, "one two", "one two  three four", TestName = "Ctrl-K and Ctrl-Y")]
    [TestCase(KeyCode.KillToStart, "  three four", "one two  three four", TestName = "Ctrl-U and Ctrl-Y")]
    [TestCase(KeyCode.KillWord, "one   three four", "one two  three four", TestName = "Ctrl-W and Ctrl-Y")]
    public void WhatIsCutCanBePutBack(object cut, string left, string back)
    {
        Type("one two  three four", KeyCode.WordLeft, KeyCode.WordLeft, KeyCode.Left, KeyCode.Left);

        Type(cut);
        Assert.That(_editor.Text, Is.EqualTo(left));
        Type(KeyCode.Yank);
        Assert.That(_editor.Text, Is.EqualTo(back));
    }

    [Test]
    public void SentLinesComeBackAndTheDraftIsKept()
    {
        Type("first");
        Assert.That(_editor.Submit(), Is.EqualTo("first"));
        Type("second");
        _editor.Submit();
        Type("draft", KeyCode.Up);
        Assert.That(_editor.Text, Is.EqualTo("second"));
        Type(KeyCode.Up, KeyCode.Up);
        Assert.That(_editor.Text, Is.EqualTo("first"));
        Type(KeyCode.Down, KeyCode.Down);
        Assert.That(_editor.Text, Is.EqualTo("draft"));
    }

    [Test]
    public void TheViewFollowsTheCursor()
    {
        Type("abcdefghij");
        Assert.That(_editor.View(5), Is.EqualTo(("ghij", 4)), "the cursor stands behind the last letter");
        Type(KeyCode.Home);
        Assert.That(_editor.View(5), Is.EqualTo(("abcde", 0)));
    }

    [Test]
    public void WideCharactersAreNeverCutInTwo()
    {
        Type("日本語日本語");
        (string visible, int column) = _editor.View(6);

        Assert.That(visible, Is.EqualTo("本語"));
        Assert.That(column, Is.EqualTo(4));
        Assert.That(TextWidth.Of(visible), Is.LessThanOrEqualTo(6));
    }

    [Test]
    public void APasteKeepsItsControlCharactersAndShowsThemHarmless()
    {
        _editor.Handle(new Key(KeyCode.Paste, "a\nb\e[2J"));

        Assert.That(_editor.Text, Is.EqualTo("a\nb\e[2J"));
        Assert.That(_editor.View(20).Visible, Is.EqualTo("a↵b␛[2J"));
    }

    private void Type(params object[] keys)
    {
        foreach (object key in keys)
        {
            _editor.Handle(key is KeyCode code ? new Key(code) : new Key(KeyCode.Text, (string)key));
        }
    }
}
