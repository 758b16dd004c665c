using System.Buffers;
using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>A store of each released format, written by the code of its time (Formats/README.md), opens, is raised, is sound, and has every record that the broker of that time served from it.</summary>
[TestFixture("format-1-closed", 1u)]
[TestFixture("format-1-killed", 1u)]
[TestFixture("format-2-closed", 2u)]
[TestFixture("format-2-killed", 2u)]
[TestFixture("format-3-closed", 3u)]
[TestFixture("format-3-killed", 3u)]
internal sealed class UpgradeTests(string name, uint version)
{
    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void Unpack()
    {
        _directory = new TemporaryDirectory();
        using FileStream file = File.OpenRead(PathOf($"{name}.tar.gz"));
        using GZipStream unpacked = new(file, CompressionMode.Decompress);
        TarFile.ExtractToDirectory(unpacked, _directory.Path, overwriteFiles: true);
    }

    [TearDown]
    public void Remove() => _directory.Dispose();

    [Test]
    public void StoreOpensIsRaisedAndHasEveryRecord()
    {
        Assert.That(StoreFormat.Read(_directory.Path), Is.EqualTo(new StoreFormat(version, Epoch: 1)), "the store before");
        JsonElement[] expected = [.. File.ReadLines(PathOf($"{name}.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.That(expected, Has.Length.GreaterThan(70));
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options))
        {
            Assert.That(StoreFormat.Read(_directory.Path), Is.EqualTo(new StoreFormat(Math.Max(version, StoreFormat.JournalVersion), Epoch: 1)));
            foreach (IGrouping<string, JsonElement> conversation in expected.GroupBy(line => line.GetProperty("conversation").GetString()!))
            {
                Compare(log, new ConversationId(UInt128.Parse(conversation.Key, NumberStyles.HexNumber, CultureInfo.InvariantCulture)), [.. conversation]);
            }

            // And it goes on: a commit behind the old ones is moved and found.
            ConversationWriter further = new(new ConversationId(1000));
            CommitBatch batch = new(log.Epoch);
            further.Append(batch, ConversationWriter.Body(1, 100));
            log.Commit([batch]);
            log.Settle();
            Assert.That(log.ReadHead(further.Conversation).Sequence, Is.EqualTo(1));
        }

        VerifyResult verified = StoreVerifier.Verify(_directory.Options);
        Assert.That(verified.Problems, Is.Empty);
        Assert.That(verified.Messages, Is.EqualTo(expected.Length + 1));
    }

    [Test]
    public void StoreIsSoundAsItLies()
    {
        VerifyResult verified = StoreVerifier.Verify(_directory.Options);
        Assert.That(verified.Problems, Is.Empty);
        Assert.That(verified.Messages, Is.EqualTo(File.ReadLines(PathOf($"{name}.jsonl")).Count()));
    }

    private static void Compare(RocksDbConversationLog log, ConversationId id, JsonElement[] expected)
    {
        ArrayBufferWriter<byte> bytes = new();
        Assert.That(log.ReadHead(id).Sequence, Is.EqualTo(expected.Length));
        log.ReadForward(id, 0, (ulong)expected.Length, int.MaxValue, int.MaxValue, bytes);
        ReadOnlySpan<byte> rest = bytes.WrittenSpan;
        foreach (JsonElement line in expected)
        {
            Assert.That(MessageRecord.TryRead(ref rest, out MessageRecord record), Is.True);
            DateTimeOffset sentAt = DateTimeOffset.UnixEpoch.AddTicks(record.SentAtMicros * TimeSpan.TicksPerMicrosecond);
            Assert.That((record.ChecksumMatches, record.Sequence), Is.EqualTo((true, line.GetProperty("sequence").GetUInt64())));
            Assert.That(sentAt, Is.EqualTo(line.GetProperty("sent_at").GetDateTimeOffset()));
            Assert.That(record.Sender, Is.EqualTo(UserOf(log, line.GetProperty("sender").GetString()!)));
            Assert.That(record.Kind.ToString(), Is.EqualTo(line.GetProperty("kind").GetString()!.Replace("_", string.Empty, StringComparison.Ordinal)).IgnoreCase);
            Assert.That((record.Flags & RecordFlags.Erased) != 0, Is.EqualTo(line.TryGetProperty("erased", out _)), $"record {record.Sequence}");
            if (line.TryGetProperty("member", out JsonElement member))
            {
                Assert.That(MembershipBody.TryRead(record.Body, out MembershipBody body), Is.True);
                Assert.That(body.User, Is.EqualTo(UserOf(log, member.GetString()!)));
            }
            else if (line.TryGetProperty("target", out JsonElement target))
            {
                Assert.That(MessageContent.TargetOf(record.Kind, record.Body), Is.EqualTo(target.GetUInt64()));
            }
            else if (line.TryGetProperty("bytes", out JsonElement bytesOfBody))
            {
                Assert.That(record.Body.SequenceEqual(bytesOfBody.GetBytesFromBase64()), Is.True);
            }
            else if (record.Kind == MessageKind.Text && (record.Flags & RecordFlags.Erased) == 0)
            {
                Assert.That(Encoding.UTF8.GetString(record.Body), Is.EqualTo(line.GetProperty("text").GetString()));
            }
        }

        Assert.That(rest.IsEmpty, Is.True);
    }

    private static UserId UserOf(RocksDbConversationLog log, string userName)
    {
        byte[] text = Encoding.UTF8.GetBytes(userName);
        byte[] key = new byte[StateKeys.NameSize(text.Length)];
        StateKeys.WriteName(key, StateKeys.UserNames, text);
        byte[]? id = log.Get(Table.State, key);
        if (id is null)
        {
            StateKeys.WriteName(key, StateKeys.ExternalNames, text);
            id = log.Get(Table.State, key);
        }

        return UserId.Read(id);
    }

    private static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "Formats", file);
}
