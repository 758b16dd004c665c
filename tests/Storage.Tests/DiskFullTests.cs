using System.Buffers;
using System.Collections.Concurrent;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>
/// The disk has no room: by its figures, or by its word at each place that needs some (files of the device /dev/full say it as a real disk does). Nothing that was committed is lost or hidden,
/// nothing has failed, and commits go on when there is room again.
/// </summary>
[TestFixture]
[Platform("Linux")]
[CancelAfter(60_000)]
internal sealed class DiskFullTests
{
    private const int FileBytes = 64 << 10;
    private const string Full = "/dev/full";

    private static readonly ConversationId Room = new(42);

    private readonly ConcurrentQueue<bool> _changes = new();
    private TemporaryDirectory _directory = null!;
    private long _free;

    private StorageOptions Options => _directory.Options with
    {
        JournalFileBytesMin = FileBytes,
        JournalFileBytesMax = FileBytes,
        DiskReserveBytes = 1000,
        FreeBytes = _ => Volatile.Read(ref _free),
        RoomChanged = (isFull, _) => _changes.Enqueue(isFull),
    };

    [SetUp]
    public void Create()
    {
        _directory = new TemporaryDirectory();
        _changes.Clear();
        _free = long.MaxValue / 2;
    }

    [TearDown]
    public void Remove() => _directory.Dispose();

    [Test]
    public void WithoutRoomForAFurtherFileCommitsAreRefusedAndNothingHasFailed()
    {
        ConversationWriter room = new(Room);
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(Options))
        {
            Commit(log, room);
            Volatile.Write(ref _free, 0);
            CommitBatch refused = FillUntilRefused(log, room);
            ulong committed = log.CommitNumber;
            Assert.That(() => log.Commit([refused]), Throws.TypeOf<StorageFullException>(), "and again");
            Assert.That((log.IsFull, log.Failure, log.CommitNumber), Is.EqualTo((true, (StorageException?)null, committed)));
            Assert.That(Read(log), Is.EqualTo(room.Concatenated(1, room.Sequence - 1)), "what is there is served");

            Volatile.Write(ref _free, long.MaxValue / 2);
            log.Commit([refused]);
            Assert.That((log.IsFull, log.CommitNumber), Is.EqualTo((false, committed + 1)));
            Commit(log, room);
        }

        Assert.That(_changes, Is.EqualTo([true, false]));
        AssertEverythingIsThere(room);
    }

    [Test]
    public void TheReserveAndWhatTheTablesAreOwedAreLeftFree()
    {
        ConversationWriter room = new(Room);
        using RocksDbConversationLog log = RocksDbConversationLog.Open(Options);
        Commit(log, room);

        // One file is in use and one is ready: what both become in the tables, and the reserve.
        Volatile.Write(ref _free, (2 * FileBytes) + 1000 - 1);
        Assert.That(() => log.IsFull, Is.True.After(5000, 20), "seen before the file in use has ended");
        Volatile.Write(ref _free, (2 * FileBytes) + 1000);
        Assert.That(() => log.IsFull, Is.False.After(5000, 20));
    }

    [Test]
    public void AJournalFileThatTheDiskHasNoRoomForIsMadeLater()
    {
        ConversationWriter room = new(Room);
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(Options))
        {
            string journal = Path.Combine(_directory.Path, "journal");
            string next = $"{Directory.EnumerateFiles(journal).Select(file => int.Parse(Path.GetFileNameWithoutExtension(file))).Max() + 2:D8}.journal";
            File.CreateSymbolicLink(Path.Combine(journal, next), Full);
            CommitThrough(log, room, 8 * FileBytes, () => _changes.Contains(true));
            Assert.That(log.Failure, Is.Null);
            Assert.That(new FileInfo(Path.Combine(journal, next)).LinkTarget, Is.Null, "the half that was made is gone");
        }

        Assert.That(_changes.Take(2), Is.EqualTo([true, false]));
        AssertEverythingIsThere(room);
    }

    [Test]
    public void AMoveIntoTheTablesIsRepeatedUntilThereIsRoom()
    {
        ConversationWriter room = new(Room);
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(Options))
        {
            // The first file of the log table, and then, because the move is begun again, the second of the dedupe table.
            string incoming = Path.Combine(_directory.Path, "incoming");
            File.CreateSymbolicLink(Path.Combine(incoming, "log-1.sst"), Full);
            File.CreateSymbolicLink(Path.Combine(incoming, "dedupe-3.sst"), Full);
            CommitThrough(log, room, 2 * FileBytes, () => false);
            Assert.That(() => Settled(log), Is.True.After(10_000, 100));
            Assert.That((log.Failure, log.Store.MovedCommit), Is.EqualTo(((StorageException?)null, log.CommitNumber)));
            Assert.That(Directory.EnumerateFileSystemEntries(incoming), Is.Empty, "no half is left");
        }

        Assert.That(_changes.Count(isFull => isFull), Is.EqualTo(2), "both places were met");
        AssertEverythingIsThere(room);
    }

    [Test]
    public void SmallStateOfACommitThatIsInTheJournalWaitsForRoom()
    {
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(Options))
        {
            int left = 2;
            log.BeforeState = () =>
            {
                if (left-- > 0)
                {
                    throw new StorageFullException("no room");
                }
            };
            CommitBatch batch = new(log.Epoch);
            batch.Put(Table.State, "key"u8, "value"u8);
            log.Commit([batch]);
            Assert.That((left, log.Failure, log.CommitNumber), Is.EqualTo((-1, (StorageException?)null, 1ul)));
            Assert.That(log.Get(Table.State, "key"u8), Is.EqualTo("value"u8.ToArray()));
        }

        using RocksDbConversationLog again = RocksDbConversationLog.Open(Options);
        Assert.That(again.Get(Table.State, "key"u8), Is.EqualTo("value"u8.ToArray()));
    }

    [Test]
    public void AStoreOnAFullDiskOpensAndCloses()
    {
        ConversationWriter room = new(Room);
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(Options))
        {
            Commit(log, room);
        }

        File.Delete(Directory.EnumerateFiles(Path.Combine(_directory.Path, "journal")).First());
        _free = 0;
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(Options))
        {
            Assert.That(log.IsFull);
            Assert.That(Read(log), Is.EqualTo(room.Concatenated(1, 1)));
        }

        _free = long.MaxValue / 2;
        AssertEverythingIsThere(room);
    }

    [TestCase(28, true)]
    [TestCase(122, true)]
    [TestCase(5, false)]
    public void OnlyWantOfRoomIsWantOfRoom(int error, bool isFull) => Assert.That(StorageFullException.IsCause(new IOException("no", error)), Is.EqualTo(isFull));

    private static CommitBatch Batch(RocksDbConversationLog log, ConversationWriter room)
    {
        CommitBatch batch = new(log.Epoch);
        room.Append(batch, ConversationWriter.Body((int)room.Sequence, 4000));
        return batch;
    }

    private static void Commit(RocksDbConversationLog log, ConversationWriter room) => log.Commit([Batch(log, room)]);

    /// <summary>Commits until there is no room, and returns what was refused.</summary>
    private static CommitBatch FillUntilRefused(RocksDbConversationLog log, ConversationWriter room)
    {
        while (true)
        {
            CommitBatch batch = Batch(log, room);
            try
            {
                log.Commit([batch]);
            }
            catch (StorageFullException)
            {
                return batch;
            }
        }
    }

    /// <summary>Commits so many bytes, or until something was seen, and repeats what was refused as the committer does.</summary>
    private static void CommitThrough(RocksDbConversationLog log, ConversationWriter room, int bytes, Func<bool> seen)
    {
        for (int done = 0; done < bytes || (seen() && log.IsFull); done += 4000)
        {
            CommitBatch batch = Batch(log, room);
            while (true)
            {
                try
                {
                    log.Commit([batch]);
                    break;
                }
                catch (StorageFullException)
                {
                    Thread.Sleep(20);
                }
            }
        }
    }

    private static bool Settled(RocksDbConversationLog log)
    {
        try
        {
            log.Settle();
            return true;
        }
        catch (StorageFullException)
        {
            return false;
        }
    }

    private void AssertEverythingIsThere(ConversationWriter room)
    {
        using (RocksDbConversationLog again = RocksDbConversationLog.Open(Options))
        {
            Assert.That(Read(again), Is.EqualTo(room.Concatenated(1, room.Sequence)));
        }

        Assert.That(StoreVerifier.Verify(_directory.Options).Problems, Is.Empty);
    }

    private static byte[] Read(RocksDbConversationLog log)
    {
        ArrayBufferWriter<byte> target = new();
        log.ReadForward(Room, 0, LogPosition.Latest, int.MaxValue, int.MaxValue, target);
        return target.WrittenSpan.ToArray();
    }
}
