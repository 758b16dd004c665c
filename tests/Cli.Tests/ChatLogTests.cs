using System.Text;

using FastChat.Protocol;

namespace FastChat.Cli.Tests;

[TestFixture]
public sealed class ChatLogTests
{
    [Test]
    public void MessagesAreFoundAndEverythingElseIsNot()
    {
        ChatLog log = Parse("[09:14] <ada> hello\n=== bob has joined\n[09:15]  * ada waves\n[12:00] -svc- notice\n[23:59] <bob> hi\n");

        Assert.That(log.Messages.Select(message => Text(log, message)), Is.EqualTo(new[] { "hello", "hi" }));
        Assert.That(log.Messages.Select(message => message.LineNumber), Is.EqualTo(new[] { 1, 5 }));
        Assert.That(log.Messages.Select(message => Encoding.UTF8.GetString(log.Nick(message))), Is.EqualTo(new[] { "ada", "bob" }));
    }

    [TestCase("[09:14] <a> x\r\n", "x\r", TestName = "a carriage return belongs to the text")]
    [TestCase("[09:14] <a> x\u2028y\n", "x\u2028y", TestName = "only line feeds end a line")]
    [TestCase("[09:14] <a>  two > spaces <b> \n", " two > spaces <b> ", TestName = "spaces and brackets are kept")]
    [TestCase("[09:14] <a> \n", "", TestName = "an empty text behind the space")]
    [TestCase("[09:14] <a>\n", "", TestName = "an empty text without the space")]
    [TestCase("[09:14] <bur[n] er> hi", "hi", TestName = "a nick with a space, and no line feed at the end")]
    public void TheTextIsEveryByteBehindTheNick(string line, string text)
    {
        ChatLog log = Parse(line);

        Assert.That(log.Messages, Has.Length.EqualTo(1));
        Assert.That(Text(log, log.Messages[0]), Is.EqualTo(text));
    }

    [TestCase("[9:14] <a> x")]
    [TestCase("[09:14] <a>x")]
    [TestCase("[09:14] <> x")]
    [TestCase("[09:14] <a x")]
    [TestCase("[09:14] <")]
    [TestCase(" [09:14] <a> x")]
    [TestCase("")]
    public void WhatIsNoMessageIsLeftOut(string line) => Assert.That(Parse(line).Messages, Is.Empty);

    [Test]
    public void BytesThatAreNoUtf8AreOpaqueAndKept()
    {
        byte[] bytes = [.. "[09:14] <a> caf"u8, 0xE9, .. "\n[09:14] <a> café\n"u8];
        ChatLog log = ChatLog.Parse(bytes);

        Assert.That(log.Messages.Select(message => message.Kind), Is.EqualTo(new[] { MessageKind.Opaque, MessageKind.Text }));
        Assert.That(log.Text(log.Messages[0]).ToArray(), Is.EqualTo(new byte[] { 0x63, 0x61, 0x66, 0xE9 }));
    }

    [Test]
    public void AFirstLineThatIsEmptyStillCounts()
    {
        ChatLog log = Parse("\n\n[09:14] <a> x\n");

        Assert.That(log.Messages[0].LineNumber, Is.EqualTo(3));
        Assert.That(Encoding.UTF8.GetString(log.Line(log.Messages[0])), Is.EqualTo("[09:14] <a> x"));
    }

    private static ChatLog Parse(string text) => ChatLog.Parse(Encoding.UTF8.GetBytes(text));

    private static string Text(ChatLog log, ChatLogMessage message) => Encoding.UTF8.GetString(log.Text(message).Span);
}
