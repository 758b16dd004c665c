using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>Random appends, erasures, cuts, reads, moves, passes and deaths, also inside passes, against a model that knows nothing of files.</summary>
[TestFixture]
internal sealed class ErasingPropertyTests
{
    private const int Steps = 80;

    private static readonly string[] PassSteps = ["erase-begun", "erase-renewed", "erase-cut", "erase-rewritten", "erase-purged", "erase-forgotten"];

    private readonly List<TemporaryDirectory> _directories = [];

    [TearDown]
    public void Remove()
    {
        foreach (TemporaryDirectory directory in _directories)
        {
            directory.Dispose();
        }

        _directories.Clear();
    }

    [Test]
    public void LogIsWhatTheModelSays([Range(1, 8)] int seed)
    {
        Random random = new(seed);
        ErasedRoom[] rooms = [.. Enumerable.Range(1, 3).Select(i => new ErasedRoom(new ConversationId((UInt128)i << 100)))];
        RocksDbConversationLog log = Open(new TemporaryDirectory());
        for (int step = 0; step < Steps; step++)
        {
            switch (random.Next(20))
            {
                case 0:
                    log.Settle();
                    break;
                case 1:
                    log.EraseNoted();
                    Assert.That(log.Noted, Is.Zero);
                    break;
                case 2:
                    log = Die(log);
                    break;
                case 3:
                    log = DieInAPass(log, PassSteps[random.Next(PassSteps.Length)]);
                    break;
                case < 8:
                    rooms[random.Next(rooms.Length)].Check(log);
                    break;
                default:
                    CommitBatch batch = new(log.Epoch);
                    Change(batch, rooms, random);
                    log.Commit([batch]);
                    break;
            }
        }

        log.EraseNoted();
        foreach (ErasedRoom room in rooms)
        {
            room.Check(log);
        }

        log.Dispose();
        VerifyResult verified = StoreVerifier.Verify(Small(_directories[^1]));
        Assert.That(verified.Problems, Is.Empty);
        Assert.That(verified.Messages, Is.EqualTo(rooms.Sum(room => (long)(room.Head + 1 - room.First))));
        Assert.That(rooms.Sum(room => (long)room.First), Is.GreaterThan(3), "nothing was cut off");
        Assert.That(verified.Tombstones, Is.EqualTo(rooms.Sum(room => room.Erased.Count(sequence => sequence >= room.First))));
        Assert.That(verified.Tombstones, Is.Positive);
    }

    private static void Change(CommitBatch batch, ErasedRoom[] rooms, Random random)
    {
        foreach (ErasedRoom room in rooms)
        {
            if (random.Next(2) == 0)
            {
                room.Append(batch, [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => ConversationWriter.Body(random.Next(), random.Next(3) * random.Next(200)))]);
            }

            for (int i = random.Next(3); i > 0 && room.Head > 0; i--)
            {
                room.Erase(batch, 1 + (ulong)random.NextInt64((long)room.Head));
            }

            if (random.Next(8) == 0)
            {
                // Mostly a little, sometimes everything, sometimes what was cut off before.
                room.Cut(batch, Math.Min(room.Head + 1, random.Next(12) == 0 ? room.Head + 1 : room.First + (ulong)random.Next(6)));
            }
        }
    }

    private static StorageOptions Small(TemporaryDirectory directory) =>
        directory.Options with { EraseDelay = TimeSpan.FromHours(1), JournalFileBytesMin = 512 << 10, JournalFileBytesMax = 512 << 10 };

    private RocksDbConversationLog Die(RocksDbConversationLog log)
    {
        TemporaryDirectory left = _directories[^1].CopyLive();
        log.Dispose();
        return Open(left);
    }

    private RocksDbConversationLog DieInAPass(RocksDbConversationLog log, string at)
    {
        TemporaryDirectory? left = null;
        log.Eraser.Reached = step => left = step == at ? _directories[^1].CopyLive() : left;
        log.EraseNoted();
        log.Dispose();
        return Open(left!);
    }

    private RocksDbConversationLog Open(TemporaryDirectory directory)
    {
        _directories.Add(directory);
        return RocksDbConversationLog.Open(Small(directory));
    }
}
