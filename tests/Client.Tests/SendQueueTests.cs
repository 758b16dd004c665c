namespace FastChat.Client.Tests;

internal sealed class SendQueueTests
{
    /// <summary>
    /// Producers race on a queue of few segments while one thread takes and another answers out of order, with rewinds between rounds: every frame is whole, taken in each
    /// producer's order, answered once, and all bytes come back.
    /// </summary>
    [Test]
    public async Task Producers_takers_and_answers_race_without_losing_a_frame()
    {
        SendQueue queue = new(bytesMax: 300_000);
        const int Producers = 3;
        const int Each = 60_000;
        Outcomes observer = new();
        Task producing = Task.WhenAll(Enumerable.Range(0, Producers).Select(producer => Task.Run(() =>
        {
            Random random = new(producer);
            byte[] body = new byte[600];
            for (int i = 0; i < Each; i++)
            {
                int size = 8 + random.Next(random.Next(600) + 1);
                size = Math.Min(size, body.Length);
                BitConverter.TryWriteBytes(body, ((long)producer << 32) | (uint)i);
                body.AsSpan(8, size - 8).Fill((byte)size);
                SpinWait spin = default;
                while (!TryAppend(queue, body.AsSpan(0, size), observer, ((long)producer << 32) | (uint)i))
                {
                    spin.SpinOnce();
                }
            }
        })));

        Random answers = new(99);
        List<uint> unanswered = [];
        int[] next = new int[Producers];
        int answered = 0;
        SpinWait idle = default;
        while (answered < Producers * Each)
        {
            if (queue.TryTake(framesMax: 50, out ReadOnlyMemory<byte> run))
            {
                Check(run, next, unanswered);
            }
            else
            {
                idle.SpinOnce();
            }

            if (unanswered.Count > 200 || (producing.IsCompleted && unanswered.Count > 0))
            {
                for (int i = 0; i < 150 && unanswered.Count > 0; i++)
                {
                    int pick = answers.Next(Math.Min(unanswered.Count, 40));
                    Assert.That(queue.TryAnswer(unanswered[pick], out IPublishObserver? told, out long tag), Is.True);
                    Assert.That(queue.TryAnswer(unanswered[pick], out _, out _), Is.False, "answered twice");
                    told!.OnPublished(tag, default);
                    unanswered.RemoveAt(pick);
                    answered++;
                }

                queue.Release();
            }
        }

        await producing.Within();
        queue.Release();
        Assert.That(next, Is.EqualTo(new[] { Each, Each, Each }));
        Assert.That((observer.Count, observer.Repeated), Is.EqualTo((Producers * Each, 0)));
        Assert.That(queue.BytesHeld, Is.Zero);
        Assert.That(queue.OldestNumber, Is.EqualTo(queue.AppendedNumber));
    }

    [Test]
    public void A_rewind_takes_again_what_is_unanswered_and_only_that()
    {
        SendQueue queue = new(bytesMax: 10_000_000);
        Outcomes observer = new();
        byte[] body = new byte[3000];
        for (int i = 0; i < 200; i++)
        {
            Assert.That(TryAppend(queue, body, observer, i), Is.True);
        }

        List<uint> sent = TakeAll(queue);
        Assert.That(sent, Has.Count.EqualTo(200));
        foreach (uint request in sent.Where((_, i) => i % 3 != 0))
        {
            Assert.That(queue.TryAnswer(request, out _, out _), Is.True);
        }

        queue.Rewind();
        Assert.That(queue.TryAnswer(sent[0], out _, out _), Is.False, "nothing was sent on the new connection yet");
        Assert.That(TakeAll(queue), Is.EqualTo(sent.Where((_, i) => i % 3 == 0)));
    }

    [Test]
    public void One_unanswered_publish_bounds_the_queue_behind_it()
    {
        SendQueue queue = new(bytesMax: 200_000);
        Outcomes observer = new();
        byte[] body = new byte[1000];
        Assert.That(TryAppend(queue, body, observer, 0), Is.True);
        TakeAll(queue);
        int appended = 1;
        while (TryAppend(queue, body, observer, appended))
        {
            foreach (uint request in TakeAll(queue))
            {
                queue.TryAnswer(request, out _, out _);
            }

            queue.Release();
            appended++;
            Assert.That(appended, Is.LessThan(1000), "memory behind the oldest publish is not free");
        }

        Assert.That(queue.BytesHeld, Is.InRange(190_000, 200_000));
    }

    [Test]
    public void An_empty_queue_takes_a_message_larger_than_itself()
    {
        SendQueue queue = new(bytesMax: 1024);
        Assert.That(TryAppend(queue, new byte[ProtocolLimits.BodySizeMax], new Outcomes(), 0), Is.True);
        Assert.That(TryAppend(queue, [], new Outcomes(), 1), Is.False);
    }

    [Test]
    public async Task The_end_reaches_every_publish_once_also_those_that_race_with_it()
    {
        for (int round = 0; round < 300; round++)
        {
            SendQueue queue = new(bytesMax: int.MaxValue);
            Outcomes observer = new();
            int thrown = 0;
            int posted = 0;
            using Barrier start = new(3);
            Task[] producers = Enumerable.Range(0, 2).Select(producer => Task.Run(() =>
            {
                start.SignalAndWait();
                for (int i = 0; i < 50; i++)
                {
                    try
                    {
                        TryAppend(queue, [1, 2, 3], observer, (producer * 1000) + i);
                        Interlocked.Increment(ref posted);
                    }
                    catch (ConnectionException)
                    {
                        Interlocked.Increment(ref thrown);
                    }
                }
            })).ToArray();
            start.SignalAndWait();
            Thread.SpinWait(round * 10);
            queue.FailAll(new CloseReason(CloseCode.TokenInvalid, "", TimeSpan.Zero, null));
            await Task.WhenAll(producers).Within();
            Assert.That((observer.Count, observer.Repeated, posted + thrown), Is.EqualTo((posted, 0, 100)));
        }
    }

    private static bool TryAppend(SendQueue queue, ReadOnlySpan<byte> body, IPublishObserver observer, long tag)
    {
        Publish publish = new() { Conversation = Posts.Lobby, ClientMessageId = new ClientMessageId((UInt128)(tag + 1)), Kind = MessageKind.Opaque, Body = body };
        return queue.TryAppend(publish, observer, tag);
    }

    private static List<uint> TakeAll(SendQueue queue)
    {
        List<uint> requests = [];
        while (queue.TryTake(long.MaxValue, out ReadOnlyMemory<byte> run))
        {
            ReadOnlySpan<byte> rest = run.Span;
            while (rest.Length > 0)
            {
                FrameHeader header = FrameHeader.Read(rest);
                requests.Add(header.Request);
                rest = rest[(FrameHeader.Size + header.Length)..];
            }
        }

        return requests;
    }

    private static void Check(ReadOnlyMemory<byte> run, int[] next, List<uint> requests)
    {
        ReadOnlySpan<byte> rest = run.Span;
        while (rest.Length > 0)
        {
            FrameHeader header = FrameHeader.Read(rest);
            ReadOnlySpan<byte> frameBody = rest.Slice(FrameHeader.Size, header.Length);
            Assert.That(header.Type == FrameType.Publish && Publish.TryRead(frameBody, out Publish publish) && IsNext(publish, next), Is.True);
            requests.Add(header.Request);
            rest = rest[(FrameHeader.Size + header.Length)..];
        }
    }

    private static bool IsNext(in Publish publish, int[] next)
    {
        long tag = BitConverter.ToInt64(publish.Body);
        byte fill = (byte)publish.Body.Length;
        return next[tag >> 32]++ == (int)tag && publish.ClientMessageId.Value == (UInt128)(tag + 1) && publish.Body[8..].IndexOfAnyExcept(fill) < 0;
    }
}
