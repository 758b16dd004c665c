using System.Text;

using FastChat.Broker.Attachments;
using FastChat.Broker.Conversations;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Handlers;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests.Attachments;

/// <summary>A router and the requests about attachments over a log, on a clock that stands until a test moves it.</summary>
internal sealed class AttachmentBench : IDisposable
{
    public static readonly ConversationId Room = new(Id128.WithPlacement(1, 2));
    public static readonly AttachmentOptions Options = new(1 << 20, 1 << 30, 4, TimeSpan.FromHours(24), TimeSpan.FromHours(1));

    private readonly BrokerMetrics _metrics = new();
    private ulong _lastMessage;

    public AttachmentBench(IConversationLog log)
    {
        Log = log;
        Router = new Router(
            new RoutingOptions(4, 2, 256 * 1024, 1000), log, new PeerTable(4), _metrics, Clock, Workers.Threads, new RouterEvents(_ => { }, _ => { }, (_, _, _) => { }));
        ulong number = 0;
        RandomSource random = new(target => BitConverter.TryWriteBytes(target, ++number));
        Requests = new AttachmentRequests(Router, log, new ConversationReads(Router, log, new ServiceScopes(log)), Options, random);
        Voucher = new AttachmentVoucher(log, Options.GraceMicros);
    }

    public IConversationLog Log { get; }

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));

    public Router Router { get; }

    public AttachmentRequests Requests { get; }

    public AttachmentVoucher Voucher { get; }

    public static ControlMap Hash(AttachmentId id) => new ControlMap().Set("hash", id.ToBytes());

    public async Task CreateRoomAsync(UserId creator, params UserId[] members)
    {
        ConversationMeta meta = new(ConversationKind.Group, creator, 1, null, null);
        await ExecuteAsync(CommandKind.CreateConversation, creator, new CreateConversationCommand(Room, meta, false, members).ToBytes());
    }

    public async Task<AttachmentId> UploadAsync(UserId user, byte[] content, bool isFinished = true)
    {
        AttachmentId id = AttachmentId.Of(content);
        Actor actor = ShardBench.ActorOf(user);
        Expect(await Requests.BeginAsync(actor, Hash(id).Set("size", (long)content.Length)));
        for (int offset = 0; offset < content.Length; offset += AttachmentLimits.ChunkSize)
        {
            byte[] chunk = content[offset..Math.Min(content.Length, offset + AttachmentLimits.ChunkSize)];
            Expect(await Requests.PutAsync(actor, Hash(id).Set("offset", (long)offset).Set("crc", (long)Crc32C.Compute(chunk)).Set("bytes", chunk)));
        }

        if (isFinished)
        {
            Expect(await Requests.FinishAsync(actor, Hash(id)));
        }

        await SettleAsync();
        return id;
    }

    /// <summary>Publishes a message with an attachment as the publish handler would; its error.</summary>
    public async Task<ErrorCode> PublishAsync(UserId user, AttachmentId id, ulong size)
    {
        MessageAttributes attributes = new() { Attachments = [new MessageAttachment(id, size, "a")] };
        byte[] body = new RichBody { Kind = MessageKind.Text, Attributes = attributes.ToBytes(), Content = Encoding.UTF8.GetBytes("look") }.ToBytes();
        bool isVouchedFor = Voucher.VouchesFor(user, new Publish { Conversation = Room, Kind = MessageKind.Rich, Body = body }, Router.NowMicros());
        CommandResult result = await Router.ExecuteAsync(
            CommandKind.Forward, ShardBench.ActorOf(user), Router.Map.ShardOf(Room.Value), ShardBench.PublishBody(Room, ++_lastMessage, body, MessageKind.Rich), CancellationToken.None, isVouchedFor);
        await SettleAsync();
        return result.Error;
    }

    public async Task DeleteAsync(UserId user, ulong sequence)
    {
        byte[] body = ShardBench.PublishBody(Room, ++_lastMessage, new DeleteBody(sequence).ToBytes(), MessageKind.Delete);
        await ExecuteAsync(CommandKind.Forward, user, body);
        await SettleAsync();
    }

    /// <summary>Waits until nothing is owed.</summary>
    public Task SettleAsync() => UntilAsync(() => Count("o"u8.ToArray()) == 0);

    public int Count(byte[] prefix)
    {
        int count = 0;
        Log.Scan(Table.State, prefix, [], (_, _) =>
        {
            count++;
            return true;
        });
        return count;
    }

    public static async Task UntilAsync(Func<bool> holds)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(30));
        while (!holds())
        {
            await Task.Delay(2, patience.Token);
        }
    }

    public void Dispose()
    {
        Router.Dispose();
        _metrics.Dispose();
    }

    private static void Expect(ControlAnswer answer) => Assert.That(answer.Error, Is.EqualTo(ErrorCode.None), answer.Reason);

    private async Task ExecuteAsync(CommandKind kind, UserId by, byte[] body)
    {
        CommandResult result = await Router.ExecuteAsync(kind, ShardBench.ActorOf(by), Router.Map.ShardOf(Room.Value), body, CancellationToken.None);
        Assert.That(result.Error, Is.EqualTo(ErrorCode.None), result.Reason);
    }
}
