using System.Buffers;

using FastChat.TestSupport;

namespace FastChat.Protocol.Tests;

/// <summary>The traces of protocol.md §10: every step is the frame it says, comes from a side that may send it, and keeps the promises of §6.</summary>
public sealed class ResumeVectorTests
{
    private static IEnumerable<Vector> Traces() => VectorFile.Read("resume");

    [TestCaseSource(nameof(Traces))]
    public void Every_step_is_the_frame_it_says_from_a_side_that_may_send_it(Vector trace)
    {
        Assert.That(trace.Frames, Is.Not.Empty);
        foreach (VectorFrame step in trace.Frames)
        {
            Frame frame = ReadWhole(step.Bytes);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(frame.Type.ToString(), Is.EqualTo(step.Type));
                Assert.That(step.Direction == '>' ? FrameTypes.IsFromClient(frame.Type) : FrameTypes.IsFromServer(frame.Type), Is.True);
                Assert.That(Convert.ToHexStringLower(FrameFields.Encode(FrameFields.Describe(frame))), Is.EqualTo(Convert.ToHexStringLower(step.Bytes)));
            }
        }
    }

    [TestCaseSource(nameof(Traces))]
    public void Answers_repeat_the_request_they_answer(Vector trace)
    {
        Dictionary<uint, FrameType> open = [];
        foreach (VectorFrame step in trace.Frames)
        {
            Frame frame = ReadWhole(step.Bytes);
            if (frame.Request == 0)
            {
                Assert.That(frame.Type, Is.AnyOf(FrameType.Hello, FrameType.Welcome, FrameType.Deliver, FrameType.Lag));
            }
            else if (step.Direction == '>')
            {
                Assert.That(open.TryAdd(frame.Request, frame.Type), Is.True, "a request number is in use once");
            }
            else
            {
                Assert.That(open.Remove(frame.Request, out FrameType asked), Is.True);
                Assert.That(frame.Type, Is.EqualTo(asked == FrameType.Publish ? FrameType.Published : FrameType.Subscribed));
            }
        }

        Assert.That(open, Is.Empty);
    }

    [TestCaseSource(nameof(Traces))]
    public void Delivery_continues_behind_the_clients_position_without_a_gap(Vector trace)
    {
        ulong next = trace.Fields["processed"]!.GetValue<ulong>() + 1;
        uint epoch = trace.Fields["epoch"]!.GetValue<uint>();
        foreach (VectorFrame step in trace.Frames)
        {
            Frame frame = ReadWhole(step.Bytes);
            ReadOnlySpan<byte> body = frame.Body.FirstSpan;
            if (frame.Type == FrameType.Subscribe && Subscribe.TryRead(body, out Subscribe subscribe))
            {
                epoch = subscribe.After.Epoch;
                next = subscribe.After.Sequence + 1;
            }
            else if (frame.Type == FrameType.Subscribed && Subscribed.TryRead(body, out Subscribed subscribed))
            {
                Assert.That(subscribed.First, Is.EqualTo(subscribed.Status == SubscribeStatus.EpochChanged ? 0 : next));
                Assert.That(subscribed.Epoch == epoch, Is.EqualTo(subscribed.Status != SubscribeStatus.EpochChanged));
            }
            else if (frame.Type == FrameType.Lag && Lag.TryRead(body, out Lag lag))
            {
                Assert.That((lag.Epoch, lag.Next), Is.EqualTo((epoch, next)));
                Assert.That(lag.Head, Is.GreaterThanOrEqualTo(next));
            }
            else if (frame.Type == FrameType.Deliver && Deliver.TryRead(body, out Deliver deliver))
            {
                Assert.That(deliver.Epoch, Is.EqualTo(epoch));
                next = CheckRecords(deliver, next);
            }
        }
    }

    [Test]
    public void A_repeated_publish_comes_back_with_the_position_at_which_it_is_delivered()
    {
        Vector trace = Traces().First();
        Dictionary<ClientMessageId, ulong> delivered = [];
        Dictionary<uint, ClientMessageId> published = [];
        List<(ClientMessageId Id, ulong Sequence, bool IsDuplicate)> answers = [];
        foreach (VectorFrame step in trace.Frames)
        {
            Frame frame = ReadWhole(step.Bytes);
            ReadOnlySpan<byte> body = frame.Body.FirstSpan;
            if (frame.Type == FrameType.Publish && Publish.TryRead(body, out Publish publish))
            {
                published.Add(frame.Request, publish.ClientMessageId);
            }
            else if (frame.Type == FrameType.Published && Published.TryRead(body, out Published answer))
            {
                answers.Add((published[frame.Request], answer.Sequence, answer.IsDuplicate));
            }
            else if (frame.Type == FrameType.Deliver && Deliver.TryRead(body, out Deliver deliver))
            {
                ReadOnlySpan<byte> records = deliver.Records;
                while (MessageRecord.TryRead(ref records, out MessageRecord record))
                {
                    delivered.Add(record.ClientMessageId, record.Sequence);
                }
            }
        }

        Assert.That(answers.Select(answer => (answer.Sequence, answer.IsDuplicate)), Is.EqualTo(new[] { (42UL, true), (43UL, false) }));
        Assert.That(answers.Select(answer => answer.Sequence), Is.EqualTo(answers.Select(answer => delivered[answer.Id])));
    }

    private static ulong CheckRecords(in Deliver deliver, ulong next)
    {
        ReadOnlySpan<byte> records = deliver.Records;
        uint count = 0;
        while (!records.IsEmpty)
        {
            Assert.That(MessageRecord.TryRead(ref records, out MessageRecord record), Is.True);
            Assert.That(record.ChecksumMatches, Is.True);
            Assert.That(record.Sequence, Is.EqualTo(next));
            next++;
            count++;
        }

        Assert.That(count, Is.EqualTo(deliver.Count));
        return next;
    }

    private static Frame ReadWhole(byte[] bytes)
    {
        ReadOnlySequence<byte> buffer = new(bytes);
        Assert.That(FrameReader.TryRead(ref buffer, ProtocolLimits.ServerFrameSizeMax, out Frame frame, out _), Is.EqualTo(FrameReadStatus.Done));
        Assert.That(buffer.IsEmpty, Is.True);
        return frame;
    }
}
