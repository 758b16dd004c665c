namespace FastChat.Storage.Tests;

/// <summary>The pipeline's orderings, over a commit that the test holds open.</summary>
[TestFixture]
[CancelAfter(30_000)]
internal sealed class CommitPipelineTests
{
    private readonly List<string> _events = [];
    private readonly Dictionary<CommitBatch, string> _names = [];
    private readonly SemaphoreSlim _entered = new(0);
    private readonly SemaphoreSlim _proceed = new(0);
    private Exception? _failWith;

    [SetUp]
    public void Clear()
    {
        _events.Clear();
        _names.Clear();
        _failWith = null;
        while (_entered.Wait(0) || _proceed.Wait(0))
        {
        }
    }

    [Test]
    public void GroupTakesWhatCameWhileThePreviousSynced()
    {
        using (CommitPipeline pipeline = Gated())
        {
            pipeline.Submit(Batch("a"));
            _entered.Wait();
            pipeline.Submit(Batch("b"));
            pipeline.Submit(Batch("c"));
            pipeline.Submit(Batch("d"));
            _proceed.Release();
            _entered.Wait();
            pipeline.Submit(Batch("e"));
            _proceed.Release(2);
        }

        Assert.That(_events, Is.EqualTo(["commit a", "ok a", "commit b c d", "ok b", "ok c", "ok d", "commit e", "ok e"]));
    }

    [Test]
    public void NothingIsCalledBackBeforeItsCommitReturned()
    {
        using CommitPipeline pipeline = Gated();
        pipeline.Submit(Batch("a"));
        _entered.Wait();
        Thread.Sleep(20);
        Assert.That(_events, Is.EqualTo(["commit a"]));
        _proceed.Release();
    }

    [Test]
    public void FailureGoesToItsGroupAndToEverythingLaterInOrder()
    {
        IOException device = new("input/output error");
        CommitPipeline pipeline = Gated();
        using (pipeline)
        {
            pipeline.Submit(Batch("a"));
            _entered.Wait();
            _proceed.Release();
            SpinWait.SpinUntil(() => Count("ok a") == 1);
            _failWith = device;
            pipeline.Submit(Batch("b"));
            _entered.Wait();
            pipeline.Submit(Batch("c"));
            pipeline.Submit(Batch("d"));
            _proceed.Release();
            SpinWait.SpinUntil(() => Count("failed d input/output error") == 1);
            _failWith = null;
            pipeline.Submit(Batch("e"));
        }

        Assert.That(_events, Is.EqualTo([
            "commit a", "ok a", "commit b", "failed b input/output error", "failed c input/output error",
            "failed d input/output error", "failed e input/output error"]));
        Assert.That(pipeline.Failure, Is.SameAs(device));
        Assert.That(pipeline.IsFailed, Is.True);
    }

    [Test]
    public void ThrowingCallbackStopsAcknowledging()
    {
        using CommitPipeline pipeline = new(
            new CommitEnvironment { Commit = Record },
            _ => throw new InvalidOperationException("bug"),
            (batch, failure) => Add($"failed {_names[batch]} {failure.Message}"));
        pipeline.Submit(Batch("a"));
        SpinWait.SpinUntil(() => pipeline.IsFailed);
        pipeline.Submit(Batch("b"));
        SpinWait.SpinUntil(() => Count("failed b bug") == 1);
        Assert.That(_events, Is.EqualTo(["commit a", "failed b bug"]));
    }

    [Test]
    public void BatchInFlightCannotBeSubmittedAgain()
    {
        using CommitPipeline pipeline = Gated();
        CommitBatch batch = Batch("a");
        pipeline.Submit(batch);
        Assert.That(() => pipeline.Submit(batch), Throws.InvalidOperationException);
        _entered.Wait();
        _proceed.Release();
        SpinWait.SpinUntil(() => Count("ok a") == 1);
        pipeline.Submit(batch);
        _entered.Wait();
        _proceed.Release();
    }

    [Test]
    public void BatchIsItsProducersAgainInsideTheCallback()
    {
        int rounds = 0;
        CommitPipeline? pipeline = null;
        using ManualResetEventSlim done = new();
        pipeline = new CommitPipeline(
            new CommitEnvironment { Commit = static _ => { } },
            batch =>
            {
                batch.Reset();
                if (++rounds < 1000)
                {
                    pipeline!.Submit(batch);
                }
                else
                {
                    done.Set();
                }
            },
            static (_, _) => { });
        pipeline.Submit(new CommitBatch(1));
        Assert.That(done.Wait(10_000), Is.True);
        pipeline.Dispose();
    }

    [Test]
    public void DisposeCommitsWhatWasSubmitted()
    {
        CommitPipeline pipeline = new(new CommitEnvironment { Commit = Record }, Ok, Failed);
        pipeline.Submit(Batch("a"));
        pipeline.Dispose();
        pipeline.Dispose();

        Assert.That(_events, Is.EqualTo(["commit a", "ok a"]));
        Assert.That(() => pipeline.Submit(Batch("b")), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void ObservationDescribesTheGroup()
    {
        List<CommitObservation> seen = [];
        using (CommitPipeline pipeline = new(
            new CommitEnvironment { Commit = static _ => { }, Observe = seen.Add }, static _ => { }, static (_, _) => { }))
        {
            CommitBatch batch = new(1);
            batch.Put(Table.State, "k"u8, "v"u8);
            pipeline.Submit(batch);
        }

        Assert.That(seen, Has.Count.EqualTo(1));
        Assert.That((seen[0].Batches, seen[0].Entries, seen[0].Bytes), Is.EqualTo((1, 1, 17L)));
    }

    [Test]
    public void EveryProducersOrderHoldsUnderLoad([Values] bool triesInPlace)
    {
        const int Producers = 4;
        const int Rounds = 20_000;
        int inPlace = 0;
        int writers = 0;
        int[] next = new int[Producers];
        int wrong = 0;
        Dictionary<CommitBatch, (int Producer, SemaphoreSlim Free)> owners = [];
        Dictionary<CommitBatch, int> numbers = [];
        List<(int Producer, CommitBatch[] Batches, SemaphoreSlim Free)> producers = [];
        for (int p = 0; p < Producers; p++)
        {
            CommitBatch[] batches = [new(1, 64), new(1, 64)];
            SemaphoreSlim free = new(2);
            producers.Add((p, batches, free));
            foreach (CommitBatch batch in batches)
            {
                owners[batch] = (p, free);
                numbers[batch] = -1;
            }
        }

        using CommitPipeline pipeline = new(
            new CommitEnvironment
            {
                Commit = _ =>
                {
                    wrong += Interlocked.Increment(ref writers) == 1 ? 0 : 1;
                    Interlocked.Decrement(ref writers);
                },
            },
            batch =>
            {
                (int producer, SemaphoreSlim free) = owners[batch];
                if (next[producer]++ != numbers[batch])
                {
                    wrong++;
                }

                free.Release();
            },
            (_, _) => wrong++);
        Thread[] threads = [.. producers.Select(producer => new Thread(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                producer.Free.Wait();
                CommitBatch batch = producer.Batches[i % 2];
                System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(numbers, batch) = i;
                if (triesInPlace && pipeline.TryCommitHere(batch))
                {
                    Interlocked.Increment(ref inPlace);
                }
                else
                {
                    pipeline.Submit(batch);
                }
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        SpinWait.SpinUntil(() => next.All(static n => n == Rounds), 10_000);
        Assert.That(next, Is.All.EqualTo(Rounds));
        Assert.That(wrong, Is.Zero);
        Assert.That(inPlace, triesInPlace ? Is.GreaterThan(0) : Is.Zero);
    }

    [Test]
    public void CommitsInPlaceOnTheCallersThreadWhenNothingElseIsToBeDone()
    {
        List<int> threads = [];
        using CommitPipeline pipeline = new(
            new CommitEnvironment { Commit = batches => Record(batches) },
            batch =>
            {
                threads.Add(Environment.CurrentManagedThreadId);
                Ok(batch);
            },
            Failed);
        Assert.That(pipeline.TryCommitHere(Batch("a")), Is.True);
        Assert.That(threads, Is.EqualTo([Environment.CurrentManagedThreadId]));
        Assert.That(_events, Is.EqualTo(["commit a", "ok a"]));
    }

    [Test]
    public void CommitsNothingInPlaceWhileAnotherIsWritten()
    {
        CommitBatch refused = Batch("b");
        using (CommitPipeline pipeline = Gated())
        {
            pipeline.Submit(Batch("a"));
            _entered.Wait();
            Assert.That(pipeline.TryCommitHere(refused), Is.False, "the committer writes");
            pipeline.Submit(refused);
            Assert.That(pipeline.TryCommitHere(Batch("c")), Is.False, "another batch waits");
            _proceed.Release(2);
        }

        Assert.That(_events, Is.EqualTo(["commit a", "ok a", "commit b", "ok b"]));
    }

    [Test]
    public void WhatIsSubmittedDuringACommitInPlaceFollowsIt()
    {
        using (CommitPipeline pipeline = Gated())
        {
            Thread here = new(() => pipeline.TryCommitHere(Batch("a")));
            here.Start();
            _entered.Wait();
            pipeline.Submit(Batch("b"));
            Thread.Sleep(100);
            Assert.That(_events, Is.EqualTo(["commit a"]), "two write at once");
            _proceed.Release(2);
            here.Join();
        }

        Assert.That(_events, Is.EqualTo(["commit a", "ok a", "commit b", "ok b"]));
    }

    [Test]
    public void SlowDeviceIsLeftToTheCommitter()
    {
        using CommitPipeline pipeline = new(
            new CommitEnvironment { Commit = batches => { Record(batches); Thread.Sleep(20); } }, Ok, Failed);
        Assert.That(pipeline.TryCommitHere(Batch("a")), Is.True);
        Assert.That(pipeline.TryCommitHere(Batch("b")), Is.False);
    }

    [Test]
    public void FailureInPlaceIsFinal()
    {
        using CommitPipeline pipeline = new(
            new CommitEnvironment { Commit = _ => throw new IOException("full") }, Ok, Failed);
        Assert.That(pipeline.TryCommitHere(Batch("a")), Is.True);
        Assert.That(pipeline.IsFailed, Is.True);
        Assert.That(pipeline.TryCommitHere(Batch("b")), Is.True);
        Assert.That(_events, Is.EqualTo(["failed a full", "failed b full"]));
    }

    [Test]
    public void AGroupThatFindsNoRoomIsCommittedWhenThereIsAndNothingOvertakesIt()
    {
        bool isFull = true;
        using ManualResetEventSlim tried = new();
        using (CommitPipeline pipeline = new(
            new CommitEnvironment
            {
                Commit = batches =>
                {
                    if (Volatile.Read(ref isFull))
                    {
                        tried.Set();
                        throw new StorageFullException("no room");
                    }

                    Record(batches);
                },
            },
            Ok,
            Failed))
        {
            CommitBatch first = Batch("a");
            Assert.That(pipeline.TryCommitHere(first), Is.False, "whoever cannot wait is not made to");
            tried.Reset();
            pipeline.Submit(first);
            Assert.That(tried.Wait(10_000));
            pipeline.Submit(Batch("b"));
            Assert.That(pipeline.TryCommitHere(Batch("c")), Is.False, "it would overtake");
            Assert.That(_events, Is.Empty);
            Assert.That(pipeline.IsFailed, Is.False);
            Volatile.Write(ref isFull, false);
        }

        Assert.That(_events, Is.EqualTo(["commit a", "ok a", "commit b", "ok b"]));
    }

    [Test]
    public void WhatNeverFoundRoomFailsWhenThePipelineEnds()
    {
        using (CommitPipeline pipeline = new(new CommitEnvironment { Commit = _ => throw new StorageFullException("no room") }, Ok, Failed))
        {
            pipeline.Submit(Batch("a"));
        }

        Assert.That(_events, Has.Count.EqualTo(1));
        Assert.That(_events[0], Does.StartWith("failed a"));
    }

    private CommitPipeline Gated() => new(
        new CommitEnvironment
        {
            Commit = batches =>
            {
                Record(batches);
                _entered.Release();
                _proceed.Wait();
                if (_failWith is { } failure)
                {
                    throw failure;
                }
            },
        },
        Ok, Failed);

    private CommitBatch Batch(string name)
    {
        CommitBatch batch = new(1, 64);
        _names[batch] = name;
        return batch;
    }

    private void Record(ReadOnlySpan<CommitBatch> batches)
    {
        string names = "";
        foreach (CommitBatch batch in batches)
        {
            names += " " + _names[batch];
        }

        Add("commit" + names);
    }

    private void Ok(CommitBatch batch) => Add("ok " + _names[batch]);

    private void Failed(CommitBatch batch, Exception failure) => Add($"failed {_names[batch]} {failure.Message}");

    private void Add(string what)
    {
        lock (_events)
        {
            _events.Add(what);
        }
    }

    private int Count(string what)
    {
        lock (_events)
        {
            return _events.Count(e => e == what);
        }
    }
}
