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

    [TestCase(MessageKind.MemberAdded, MemberRole.Member, 0L, "bob", "ada added bob")]
    [TestCase(MessageKind.MemberAdded, MemberRole.Reader, 0L, "ada", "ada joined")]
    [TestCase(MessageKind.MemberRemoved, MemberRole.Banned, 0L, "bob", "bob was banned by ada")]
    [TestCase(MessageKind.MemberRemoved, MemberRole.None, 0L, "ada", "ada left")]
    [TestCase(MessageKind.MemberChanged, MemberRole.Moderator, 0L, "bob", "bob is a moderator who may write, says ada")]
    [TestCase(MessageKind.MemberChanged, MemberRole.Reader, 0L, "bob", "bob is a reader now, says ada")]
    [TestCase(MessageKind.MemberChanged, MemberRole.Admin, 1L, "bob", "bob is an admin who may write, says ada")]
    [TestCase(MessageKind.MemberChanged, MemberRole.Member, 1_000_000_060_000_000L, "bob", "ada muted bob until 2001-09-09 01:47 UTC")]
    [TestCase(MessageKind.MemberChanged, MemberRole.Invited, 1L, "bob", "ada invited bob")]
    [TestCase(MessageKind.MemberChanged, MemberRole.Invited, 3L, "bob", "ada invited bob as an admin")]
    [TestCase(MessageKind.MemberChanged, MemberRole.None, 0L, "ada", "ada declined the invitation")]
    [TestCase(MessageKind.MemberChanged, MemberRole.None, 0L, "bob", "bob is neither invited nor banned any more, says ada")]
    public void WhatHappensToAMemberIsASentence(MessageKind kind, MemberRole role, long mutedUntil, string member, string sentence) =>
        Assert.That(Write(View(kind, new byte[48]) with { Member = member, Role = role, MutedUntilMicros = mutedUntil }, out _).GetProperty("text").GetString(), Is.EqualTo(sentence));

    [Test]
    public void AMuteSaysUntilWhenAndAnInvitationAsWhat()
    {
        JsonElement muted = Write(View(MessageKind.MemberChanged, new byte[48]) with { Member = "bob", Role = MemberRole.Member, MutedUntilMicros = 1_000_000_060_000_000 }, out _);
        Assert.That(muted.GetProperty("kind").GetString(), Is.EqualTo("member_changed"));
        Assert.That(muted.GetProperty("muted_until").GetString(), Is.EqualTo("2001-09-09T01:47:40.000000Z"));
        JsonElement invited = Write(View(MessageKind.MemberChanged, new byte[48]) with { Member = "bob", Role = MemberRole.Invited, MutedUntilMicros = 5 }, out _);
        Assert.That((invited.GetProperty("role").GetString(), invited.GetProperty("invited_as").GetString()), Is.EqualTo(("invited", "reader")));
        Assert.That(invited.TryGetProperty("muted_until", out _), Is.False);
    }

    [Test]
    public void AChangedConversationSaysWhatIsNew()
    {
        ConversationChanges changes = new() { Title = "T", Topic = "", IsArchived = true, SlowMode = TimeSpan.FromSeconds(90), History = HistoryVisibility.Joined };
        JsonElement json = Write(View(MessageKind.ConversationChanged, [0x80]) with { Changes = changes }, out _);

        Assert.That(json.GetProperty("kind").GetString(), Is.EqualTo("conversation_changed"));
        Assert.That(json.GetProperty("text").GetString(), Is.EqualTo(
            "ada changed the title to \"T\" and took the topic away and archived the conversation and set slow mode to 90s and let newcomers read from their joining on"));
        Assert.That(json.GetProperty("changes").GetRawText(), Is.EqualTo("{\"title\":\"T\",\"topic\":\"\",\"archived\":true,\"slow_mode\":90,\"history\":\"joined\"}"));
    }

    [TestCase("30", 30)]
    [TestCase("10m", 600)]
    [TestCase("2h", 7200)]
    [TestCase("3653d", 315_619_200)]
    public void TimesAreReadAsPeopleWriteThem(string text, int seconds)
    {
        Assert.That(Durations.Parse(text), Is.EqualTo(TimeSpan.FromSeconds(seconds)));
        Assert.That(Durations.Parse(Durations.Format(TimeSpan.FromSeconds(seconds))), Is.EqualTo(TimeSpan.FromSeconds(seconds)));
    }

    [TestCase("")]
    [TestCase("0")]
    [TestCase("-1m")]
    [TestCase("1w")]
    [TestCase("3654d")]
    [TestCase("99999999999999999999d")]
    public void WhatIsNoTimeIsWrongUsage(string text) =>
        Assert.That(() => Durations.Parse(text), Throws.TypeOf<CliException>().With.Property(nameof(CliException.ExitCode)).EqualTo(ExitCodes.Usage));

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
