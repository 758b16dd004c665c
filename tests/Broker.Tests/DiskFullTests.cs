using FastChat.Broker.Diagnostics;
using FastChat.Broker.Handlers;
using FastChat.Broker.Limits;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>While the disk has no room: publishes and changes are refused in a way that keeps their order, everything else goes on, and what had been taken is answered later.</summary>
[CancelAfter(120_000)]
internal sealed class DiskFullTests
{
    private static readonly ConversationId Room = ShardBench.Room;

    [Test]
    public async Task APublishIsRefusedUntilTheFirstRefusedOneComesAgain()
    {
        using RouterBench bench = new();
        await bench.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
        TestPeer writer = bench.Connect(ShardBench.Alice);
        PublishHandler handler = new(bench.Router, new Identity.ServiceScopes(bench.Log), new Broker.Attachments.AttachmentVoucher(bench.Log, 0), LimitsOf.Defaults(TimeProvider.System), ProtocolLimits.BodySizeMax, inFlightMax: 16);
        ClientContext client = new(writer.Peer, new BrokerMetrics());

        Offer(1);
        bench.Log.IsFull = true;
        Offer(2);
        Offer(3);
        bench.Log.IsFull = false;
        Offer(4);
        Assert.That(Refused(), Is.EqualTo(new uint[] { 2, 3, 4 }), "4 would overtake 2 and 3");

        Offer(3);
        Assert.That(Refused(), Has.Length.EqualTo(4), "3 would overtake 2");
        Offer(2);
        Offer(3);
        Offer(4);
        await writer.UntilAsync(() => writer.Of(FrameType.Published).Count() == 4);
        Assert.That(writer.Of(FrameType.Published).Select(frame => (frame.Request, frame.Published.Sequence)), Is.EqualTo(new[] { (1u, 1ul), (2u, 2ul), (3u, 3ul), (4u, 4ul) }));
        Assert.That(writer.Peer.InFlight, Is.Zero);

        void Offer(uint request) => Assert.That(
            handler.Handle(client, request, ShardBench.PublishBody(Room, request, [(byte)request]).AsSpan(ChainHash.Size), 1), Is.EqualTo(HandlerOutcome.Done));

        uint[] Refused()
        {
            writer.Collect();
            Assert.That(writer.Of(FrameType.Error).Select(frame => frame.Error), Is.All.EqualTo(ErrorCode.StoreFull));
            return writer.Of(FrameType.Error).Select(frame => frame.Request).ToArray();
        }
    }

    [Test]
    public async Task WhatComesTooFastIsRefusedInTheSameWayAndTheOrderHolds()
    {
        using RouterBench bench = new();
        await bench.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
        TestPeer writer = bench.Connect(ShardBench.Alice);
        FakeTimeProvider clock = new();
        UserLimits limits = LimitsOf.With(clock, new LimitSettings { PublishesPerSecond = 10, BurstSeconds = 1 });
        PublishHandler handler = new(bench.Router, new Identity.ServiceScopes(bench.Log), new Broker.Attachments.AttachmentVoucher(bench.Log, 0), limits, ProtocolLimits.BodySizeMax, inFlightMax: 64);
        ClientContext client = new(writer.Peer, new BrokerMetrics());
        Offer(1, 30);
        writer.Collect();
        (uint Request, Failure Failure)[] refused = [.. writer.Of(FrameType.Error).Select(frame => (frame.Request, frame.Failure))];
        Assert.That(refused.Select(answer => answer.Request), Is.EqualTo(Enumerable.Range(11, 20).Select(i => (uint)i)));
        Assert.That(refused.Select(answer => ((ErrorCode)answer.Failure.Code, answer.Failure.IsInOrder, answer.Failure.RetryAfterMs)), Is.All.EqualTo((ErrorCode.RateLimited, true, 251u)));

        // A token has come back, but it is not for those behind the first refused one, and they do not take it.
        clock.Advance(TimeSpan.FromMilliseconds(150));
        Offer(12, 10);
        Assert.That(writer.Peer.RefusedFrom, Is.EqualTo(11));
        clock.Advance(TimeSpan.FromMilliseconds(150));
        Offer(11, 20);
        await writer.UntilAsync(() => writer.Of(FrameType.Published).Count() == 13);
        Assert.That(writer.Of(FrameType.Published).Select(frame => (frame.Request, frame.Published.Sequence)), Is.EqualTo(Enumerable.Range(1, 13).Select(i => ((uint)i, (ulong)i))));
        Assert.That(writer.Peer.RefusedFrom, Is.EqualTo(14));

        void Offer(uint first, uint count)
        {
            client.Now = clock.GetTimestamp();
            for (uint request = first; request < first + count; request++)
            {
                Assert.That(handler.Handle(client, request, ShardBench.PublishBody(Room, request, [(byte)request]).AsSpan(ChainHash.Size), 1), Is.EqualTo(HandlerOutcome.Done));
            }
        }
    }

    [TestCase(0)]
    [TestCase(64)]
    public async Task WhatWasTakenIsAnsweredWhenThereIsRoomAndSubscribersAreServedMeanwhile(int commitHereMax)
    {
        using RouterBench bench = new(commitHereMax: commitHereMax);
        await bench.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
        TestPeer writer = bench.Connect(ShardBench.Alice);
        await writer.AnswerAsync(writer.Publish(Room, 1, [1]));
        bench.Log.IsFull = true;

        // 12 MB, three times what a turn holds: past the gate, as what is under way when the disk fills.
        for (ulong id = 2; id <= 200; id++)
        {
            writer.Publish(Room, id, new byte[60_000]);
        }

        TestPeer reader = bench.Connect(ShardBench.Bob);
        Assert.That((await reader.AnswerAsync(reader.Subscribe(Room, 0))).Type, Is.EqualTo(FrameType.Subscribed));
        CommandResult change = await bench.RemoveAsync(Room, ShardBench.Alice, ShardBench.Bob);
        Assert.That(change.Error, Is.EqualTo(ErrorCode.StoreFull));
        writer.Collect();
        Assert.That((writer.Of(FrameType.Published).Count(), writer.Of(FrameType.Error).Count(), bench.Router.Failure), Is.EqualTo((1, 0, (Exception?)null)));

        bench.Log.IsFull = false;
        await writer.UntilAsync(() => writer.Of(FrameType.Published).Count() == 200);
        Assert.That(writer.Of(FrameType.Published).Select(frame => frame.Published.Sequence), Is.EqualTo(Enumerable.Range(1, 200).Select(i => (ulong)i)));
    }
}
