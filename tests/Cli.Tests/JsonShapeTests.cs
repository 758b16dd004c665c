using System.Text;
using System.Text.Json;

using FastChat.Protocol;

namespace FastChat.Cli.Tests;

[TestFixture]
public sealed class JsonShapeTests
{
    [Test]
    public void ATextMessageHasTheContractsKeys()
    {
        JsonElement json = Write(View(MessageKind.Text, "héllo 👍 \e[0m\n\u0000"u8.ToArray()), out string line);

        Assert.That(json.EnumerateObject().Select(property => property.Name), Is.EqualTo(new[] { "conversation", "epoch", "sequence", "sender", "sent_at", "kind", "text" }));
        Assert.That(json.GetProperty("conversation").GetString(), Is.EqualTo("00000000000000000000000000000001"));
        Assert.That(json.GetProperty("sequence").GetUInt64(), Is.EqualTo(ulong.MaxValue - 1));
        Assert.That(json.GetProperty("sent_at").GetString(), Is.EqualTo("2001-09-09T01:46:40.000001Z"));
        Assert.That(json.GetProperty("kind").GetString(), Is.EqualTo("text"));
        Assert.That(json.GetProperty("text").GetString(), Is.EqualTo("héllo 👍 \e[0m\n\u0000"));
        Assert.That(line, Does.Contain("héllo"), "non-ASCII stays readable");
        Assert.That(line.Any(char.IsControl), Is.False, "a line is a line whatever a message says");
    }

    [Test]
    public void OpaqueBytesAreThereExactly()
    {
        byte[] body = [0x63, 0xE9, 0x00, 0xFF];
        JsonElement json = Write(View(MessageKind.Opaque, body), out _);

        Assert.That(json.GetProperty("kind").GetString(), Is.EqualTo("opaque"));
        Assert.That(json.GetProperty("text").GetString(), Is.EqualTo("c\uFFFD\0\uFFFD"));
        Assert.That(json.GetProperty("bytes").GetBytesFromBase64(), Is.EqualTo(body));
    }

    [Test]
    public void PublishedOnBehalfSaysByWhom() =>
        Assert.That(Write(View(MessageKind.Text, []) with { Via = "operator" }, out _).GetProperty("via").GetString(), Is.EqualTo("operator"));

    [Test]
    public void MembershipNamesTheMember()
    {
        JsonElement json = Write(View(MessageKind.MemberAdded, new byte[24]) with { Member = "bob", Role = MemberRole.Owner }, out _);

        Assert.That(json.GetProperty("kind").GetString(), Is.EqualTo("member_added"));
        Assert.That(json.GetProperty("member").GetString(), Is.EqualTo("bob"));
        Assert.That(json.GetProperty("role").GetString(), Is.EqualTo("owner"));
        Assert.That(json.GetProperty("text").GetString(), Is.EqualTo("ada added bob"));
    }

    [Test]
    public void AnErasedMessageHasNoText()
    {
        JsonElement json = Write(View(MessageKind.Text, new byte[32]) with { IsErased = true }, out _);

        Assert.That(json.GetProperty("text").GetString(), Is.Empty);
        Assert.That(json.GetProperty("erased").GetBoolean(), Is.True);
        Assert.That(json.TryGetProperty("bytes", out _), Is.False);
    }

    [TestCase(0L, "1970-01-01T00:00:00.000000Z")]
    [TestCase(-1L, "1969-12-31T23:59:59.999999Z")]
    [TestCase(long.MaxValue, "9223372036854775807")]
    [TestCase(long.MinValue, "-9223372036854775808")]
    public void EveryTimeHasAText(long micros, string text) => Assert.That(Timestamps.Format(micros), Is.EqualTo(text));

    private static MessageView View(MessageKind kind, byte[] body) => new()
    {
        Conversation = new ConversationId(1),
        Position = new LogPosition(1, ulong.MaxValue - 1),
        Sender = "ada",
        SentAtMicros = 1_000_000_000_000_001,
        Kind = kind,
        Body = body,
    };

    private static JsonElement Write(MessageView view, out string line)
    {
        using MemoryStream output = new();
        using (JsonLines lines = new(output))
        {
            MessageJson.Write(lines, view);
        }

        string written = Encoding.UTF8.GetString(output.ToArray());
        Assert.That(written, Does.EndWith("}\n"));
        line = written[..^1];
        return JsonDocument.Parse(line).RootElement;
    }
}
