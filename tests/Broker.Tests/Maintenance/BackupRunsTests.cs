using FastChat.Broker.Maintenance;
using FastChat.Protocol;
using FastChat.Storage;

using Microsoft.Extensions.Logging.Abstractions;

namespace FastChat.Broker.Tests;

/// <summary>One backup at a time, which says how it goes, can be stopped, and ends before the store is closed.</summary>
[CancelAfter(60_000)]
internal sealed class BackupRunsTests
{
    private static readonly BackupInfo Info = new(7, DateTimeOffset.UnixEpoch.AddSeconds(5), 2, 3, 99, 4, 1000);

    private ManualResetEventSlim _mayEnd = null!;
    private SemaphoreSlim _stepped = null!;

    [SetUp]
    public void Make()
    {
        _mayEnd = new ManualResetEventSlim();
        _stepped = new SemaphoreSlim(0);
    }

    [TearDown]
    public void Dispose()
    {
        _mayEnd.Dispose();
        _stepped.Dispose();
    }

    [Test]
    public void RunningCompleteAndCountedOn()
    {
        using BackupRuns runs = new(TakeWhenTold, NullLogger.Instance);
        Assert.That(runs.Status, Is.EqualTo(new BackupStatus()));
        Assert.That(runs.TryBegin("/backups", 2), Is.True);
        _stepped.Wait();
        Assert.That(runs.TryBegin("/elsewhere", 0), Is.False, "one at a time");
        Assert.That(runs.Status, Is.EqualTo(new BackupStatus { Run = 1, IsRunning = true, DoneBytes = 400, TotalBytes = 1000 }));
        _mayEnd.Set();
        Assert.That(Ended(runs), Is.EqualTo(new BackupStatus
        {
            Run = 1,
            DoneBytes = 1000,
            TotalBytes = 1000,
            Backup = 7,
            TakenAtMicros = 5_000_000,
            Epoch = 3,
            Commit = 99,
            Files = 4,
            CopiedBytes = 600,
            Dropped = 2,
        }));
        Assert.That(runs.TryBegin("/backups", 0), Is.True);
        Assert.That(Ended(runs).Run, Is.EqualTo(2));
    }

    [Test]
    public void StoppedOneSaysSo()
    {
        using BackupRuns runs = new(TakeWhenTold, NullLogger.Instance);
        runs.TryBegin("/backups", 0);
        _stepped.Wait();
        runs.Stop();
        Assert.That(Ended(runs).Failure, Is.EqualTo("it was stopped"));
        Assert.That(runs.Status.Backup, Is.Zero);
    }

    [Test]
    public void FailureIsToldAndADefectIsNot()
    {
        string reason = "no space left on " + new string('ä', 600);
        using BackupRuns full = new((_, _, _, _) => throw new BackupException(reason), NullLogger.Instance);
        full.TryBegin("/backups", 0);
        string told = Ended(full).Failure!;
        Assert.That(reason, Does.StartWith(told));
        Assert.That(System.Text.Encoding.UTF8.GetByteCount(told), Is.InRange(500, ProtocolLimits.ReasonSizeMax));

        using BackupRuns broken = new((_, _, _, _) => throw new InvalidOperationException("secret"), NullLogger.Instance);
        broken.TryBegin("/backups", 0);
        Assert.That(Ended(broken).Failure, Does.Contain("a defect").And.Not.Contains("secret"));
    }

    [Test]
    public void DisposingStopsWaitsAndRefusesFurtherOnes()
    {
        bool isInside = false;
        BackupRuns runs = new(
            (_, _, _, stop) =>
            {
                Volatile.Write(ref isInside, true);
                _stepped.Release();
                stop.WaitHandle.WaitOne();
                Thread.Sleep(50);
                Volatile.Write(ref isInside, false);
                throw new OperationCanceledException(stop);
            },
            NullLogger.Instance);
        runs.TryBegin("/backups", 0);
        _stepped.Wait();
        runs.Dispose();
        Assert.That(Volatile.Read(ref isInside), Is.False, "nobody reads the store that is closed next");
        Assert.That(runs.TryBegin("/backups", 0), Is.False);
    }

    private static BackupStatus Ended(BackupRuns runs)
    {
        Assert.That(() => runs.Status.IsRunning, Is.False.After(20_000, 2));
        return runs.Status;
    }

    private BackupResult TakeWhenTold(string directory, int keep, Action<BackupProgress> progress, CancellationToken stop)
    {
        progress(new BackupProgress(400, 1000));
        _stepped.Release();
        _mayEnd.Wait(stop);
        return new BackupResult(Info, 600, keep);
    }
}
