using System.Text;
using System.Text.Json;

using FastChat.Broker.Audit;
using FastChat.Protocol;
using Microsoft.Extensions.Logging.Abstractions;

namespace FastChat.Broker.Tests;

/// <summary>The audit log in files: what is noted stands there, in a chain that shows every change.</summary>
internal sealed class AuditLogTests
{
    private static readonly AuditEntry SignIn = new(AuditAct.SignedIn) { User = new UserId(7), Device = new DeviceId(9), Remote = "127.0.0.1", Detail = "token" };

    private string _data = null!;

    private string Directory => AuditFiles.DirectoryOf(_data);

    private string LastFile => AuditFiles.List(Directory)[^1].Path;

    [SetUp]
    public void SetUp() => _data = System.IO.Directory.CreateTempSubdirectory("fastchat-audit-").FullName;

    [TearDown]
    public void TearDown() => System.IO.Directory.Delete(_data, recursive: true);

    [Test]
    public async Task WhatWasNotedStandsThereWhenTheFlushReturns()
    {
        using FileAuditLog log = Open();
        log.Note(SignIn);
        log.Note(new AuditEntry(AuditAct.ServiceCreated) { User = new UserId(7), Target = "t", Detail = "publish" });
        await log.FlushAsync();

        JsonElement[] lines = Lines();
        Assert.That(lines.Select(line => line.GetProperty("act").GetString()), Is.EqualTo(new[] { "signed_in", "service_created" }));
        Assert.That(lines[0].GetProperty("user").GetString(), Is.EqualTo(new UserId(7).ToString()));
        Assert.That(lines[0].GetProperty("from").GetString(), Is.EqualTo("127.0.0.1"));
        Assert.That(lines[1].TryGetProperty("from", out _), Is.False);
        Assert.That(AuditFiles.Check(Directory).Problems, Is.Empty);
    }

    [Test]
    public void TheChainGoesOnBehindARestart()
    {
        for (int i = 0; i < 3; i++)
        {
            using FileAuditLog log = Open();
            log.Note(SignIn);
        }

        AuditCheck check = AuditFiles.Check(Directory);
        Assert.That((check.Lines, check.First, check.Last), Is.EqualTo((3L, 1L, 3L)));
        Assert.That(check.Problems, Is.Empty);
    }

    [Test]
    public void EveryChangeOfALineIsSeen([Values("change", "remove", "swap", "insert", "begin")] string change)
    {
        Write(5);
        List<string> lines = [.. File.ReadAllLines(LastFile)];
        switch (change)
        {
            case "change":
                lines[2] = lines[2].Replace("token", "crown", StringComparison.Ordinal);
                break;
            case "remove":
                lines.RemoveAt(2);
                break;
            case "swap":
                (lines[1], lines[2]) = (lines[2], lines[1]);
                break;
            case "insert":
                lines.Insert(2, lines[1]);
                break;
            default:
                lines.RemoveAt(0);
                lines[0] = lines[0].Replace("\"n\":2", "\"n\":1", StringComparison.Ordinal);
                break;
        }

        File.WriteAllText(LastFile, string.Join('\n', lines) + "\n");
        Assert.That(AuditFiles.Check(Directory).Problems, Is.Not.Empty);
    }

    [Test]
    public void AnEndThatWasTakenAwayIsSeenByWhoKnowsTheLastHash()
    {
        Write(5);
        byte[] before = AuditFiles.Check(Directory).LastHash;
        File.WriteAllLines(LastFile, File.ReadAllLines(LastFile)[..4]);
        Assert.That(AuditFiles.Check(Directory).LastHash, Is.Not.EqualTo(before));
    }

    [Test]
    public void AHalfWrittenLastLineIsTakenAwayAtTheNextStart([Range(1, 40, 13)] int missing)
    {
        Write(3);
        byte[] all = File.ReadAllBytes(LastFile);
        File.WriteAllBytes(LastFile, all[..^missing]);
        Write(1);
        AuditCheck check = AuditFiles.Check(Directory);
        Assert.That(check.Problems, Is.Empty);
        Assert.That(check.Last, Is.EqualTo(missing == 1 ? 4 : 3));
    }

    [Test]
    public void DamageInTheMiddleStaysAndIsTold()
    {
        Write(3);
        byte[] all = File.ReadAllBytes(LastFile);
        all[Array.IndexOf(all, (byte)'\n') + 2] ^= 0x40;
        File.WriteAllBytes(LastFile, all);
        Write(1);
        AuditCheck check = AuditFiles.Check(Directory);
        Assert.That(check.Problems, Is.Not.Empty);
        Assert.That((check.Lines, check.Last), Is.EqualTo((4L, 4L)));
    }

    [Test]
    public async Task AFloodOfRefusalsIsAFewLinesThatCountThem()
    {
        AuditEntry refusal = new(AuditAct.AccessDenied) { User = new UserId(3), Remote = "::1", Detail = "Publish" };
        using (FileAuditLog log = Open())
        {
            Parallel.For(0, 100_000, _ => log.Note(refusal));
            log.Note(refusal with { User = new UserId(4) });
            await log.FlushAsync();
        }

        JsonElement[] lines = Lines();
        Assert.That(lines, Has.Length.LessThan(60));
        Assert.That(lines.Where(line => line.GetProperty("user").GetString() == new UserId(3).ToString()).Sum(CountOf), Is.EqualTo(100_000));
        Assert.That(lines.Count(line => line.GetProperty("user").GetString() == new UserId(4).ToString()), Is.EqualTo(1));
        Assert.That(AuditFiles.Check(Directory).Problems, Is.Empty);
    }

    [Test]
    public void RefusalsOfVeryManyAreCountedTogether()
    {
        using (FileAuditLog log = Open())
        {
            for (int i = 1; i <= 20_000; i++)
            {
                log.Note(new AuditEntry(AuditAct.SignInRefused) { Remote = $"10.0.{i / 256}.{i % 256}", Detail = "BadCredentials" });
            }
        }

        JsonElement[] lines = Lines();
        Assert.That(lines.Sum(CountOf), Is.EqualTo(20_000));
        Assert.That(lines, Has.Length.LessThan(10_000));
    }

    [Test]
    public void AFileThatHasItsSizeIsFollowedByAnotherInTheSameChain()
    {
        AuditEntry large = new(AuditAct.ServiceCreated) { Detail = new string('x', 64 * 1024) };
        for (int round = 0; round < 2; round++)
        {
            using FileAuditLog log = Open();
            for (int i = 0; i < 300; i++)
            {
                log.Note(large);
            }
        }

        List<(string Path, long First)> files = AuditFiles.List(Directory);
        Assert.That(files, Has.Count.InRange(2, 4));
        AuditCheck check = AuditFiles.Check(Directory);
        Assert.That(check.Problems, Is.Empty);
        Assert.That(check.Lines, Is.EqualTo(600));

        File.Delete(files[0].Path);
        Assert.That(AuditFiles.Check(Directory).Problems, Is.Empty, "the oldest file may go by its age");
    }

    [Test]
    public async Task WhenItCannotBeWrittenWhoFlushesIsToldAndTheLossIsALineLater()
    {
        using (FileAuditLog log = Open())
        {
            log.Note(SignIn);
            await log.FlushAsync();
        }

        using (FileAuditLog log = Open())
        {
            // A directory where the file was: opening it fails for root as well.
            string path = LastFile;
            File.Move(path, path + ".away");
            string next = AuditFiles.PathOf(Directory, 2);
            System.IO.Directory.CreateDirectory(next);
            log.Note(SignIn);
            Assert.That(async () => await log.FlushAsync(), Throws.TypeOf<AuditLogException>());
            System.IO.Directory.Delete(next);
            File.Move(path + ".away", path);
            log.Note(SignIn);
            await log.FlushAsync();
        }

        JsonElement[] lines = Lines();
        Assert.That(lines.Select(line => line.GetProperty("act").GetString()), Is.EquivalentTo(new[] { "signed_in", "signed_in", "lines_lost" }));
        Assert.That(AuditFiles.Check(Directory).Problems, Is.Empty);
    }

    [Test]
    public async Task WhatAFailedWriteLeftBehindIsCutAndAFileThatWasTakenAwayIsFollowedByAnother()
    {
        Write(3);
        long synced = new FileInfo(LastFile).Length;
        File.AppendAllText(LastFile, "{\"n\":4,\"at\":\"2026-");
        using (FileAuditLog log = Open())
        {
            log.Note(SignIn);
            await log.FlushAsync();
            Assert.That(File.ReadAllText(LastFile)[(int)synced..], Does.StartWith("{\"n\":4,").And.EndWith("}\n"));
        }

        using (FileAuditLog log = Open())
        {
            File.Move(LastFile, LastFile + ".away");
            log.Note(SignIn);
            await log.FlushAsync();
        }

        Assert.That(AuditFiles.List(Directory).Single().First, Is.EqualTo(5));
        Assert.That(AuditFiles.Check(Directory).Problems, Is.Empty);
    }

    [Test]
    [Platform(Exclude = "Win")]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void OnlyTheOwnerMayReadIt()
    {
        Write(1);
        Assert.That(File.GetUnixFileMode(LastFile), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(File.GetUnixFileMode(Directory), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute));
    }

    [Test]
    public void ActsHaveNamesThatPeopleRead() => Assert.That(Enum.GetValues<AuditAct>().Select(AuditLine.NameOf), Is.Unique.And.All.Match("^[a-z]+(_[a-z]+)*$"));

    private static long CountOf(JsonElement line) => line.TryGetProperty("count", out JsonElement count) ? count.GetInt64() : 1;

    private FileAuditLog Open() => FileAuditLog.Open(_data, TimeSpan.FromDays(400), TimeProvider.System, NullLogger.Instance);

    private void Write(int count)
    {
        using FileAuditLog log = Open();
        for (int i = 0; i < count; i++)
        {
            log.Note(SignIn);
        }
    }

    private JsonElement[] Lines()
    {
        List<JsonElement> lines = [];
        AuditFiles.Check(Directory, line => lines.Add(JsonDocument.Parse(Encoding.UTF8.GetString(line.Span)).RootElement));
        return [.. lines];
    }
}
