using System.Buffers;
using System.Security.Cryptography;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>
/// One shard without its loop: applies commands to a turn, and commits turns when the test says so. The double buffering of the loop is imitated with
/// <see cref="BeginSync"/> and <see cref="EndSync"/>.
/// </summary>
internal sealed class ShardBench
{
    public static readonly UserId Alice = new(0xA11CE);
    public static readonly UserId Bob = new(0xB0B);
    public static readonly UserId Carol = new(0xCA401);
    public static readonly ConversationId Room = new(0x1001);

    private readonly int _conversationsMax;
    private readonly RecordSealer? _sealer;
    private Turn _turn;
    private Turn _spare;

    public ShardBench(InMemoryConversationLog? log = null, int shards = 1, int conversationsMax = 64)
    {
        _conversationsMax = conversationsMax;
        Map = new ShardMap(shards);
        Log = log ?? new InMemoryConversationLog();
        Shard = new Shard(0, Map, Log, conversationsMax);
        _sealer = Log.Vault?.CreateSealer();
        _turn = new Turn(Log.Epoch, _sealer);
        _spare = new Turn(Log.Epoch, _sealer);
    }

    public InMemoryConversationLog Log { get; private set; }

    public Shard Shard { get; private set; }

    public ShardMap Map { get; }

    public Turn Turn => _turn;

    public Turn? Syncing { get; private set; }

    public string Reason { get; private set; } = string.Empty;

    public uint RetryAfterMs { get; private set; }

    public static Actor ActorOf(UserId user, ulong device = 1, AccountRights rights = AccountRights.None) => new(user, new DeviceId(device), rights);

    public static ClientMessageId MessageId(ulong number) => new(number);

    public static byte[] PublishBody(ConversationId conversation, ulong id, string text, MessageKind kind = MessageKind.Text, UserId onBehalfOf = default) =>
        PublishBody(conversation, id, System.Text.Encoding.UTF8.GetBytes(text), kind, onBehalfOf);

    public static byte[] PublishBody(ConversationId conversation, ulong id, byte[] body, MessageKind kind = MessageKind.Text, UserId onBehalfOf = default)
    {
        Publish publish = new() { Conversation = conversation, ClientMessageId = MessageId(id), Kind = kind, OnBehalfOf = onBehalfOf, Body = body };
        byte[] bytes = new byte[ChainHash.Size + publish.Size];
        SHA256.HashData(body, bytes);
        publish.Write(bytes.AsSpan(ChainHash.Size));
        return bytes;
    }

    public ErrorCode Apply(CommandKind kind, in Actor actor, byte[] body, ulong replyTo = 0, long time = 1000)
    {
        Refusal refused = Shard.Apply(new CommandHeader(kind, actor, 1, replyTo, time), body, _turn, Syncing);
        (Reason, RetryAfterMs) = (refused.Reason ?? string.Empty, refused.RetryAfterMs);
        return refused.Code;
    }

    public ErrorCode Publish(UserId user, ulong id, string text, ConversationId? to = null, ulong device = 1) =>
        Apply(CommandKind.Publish, ActorOf(user, device), PublishBody(to ?? Room, id, text));

    /// <summary>The answer to the last publish that was accepted.</summary>
    public Published LastAnswer => _turn.Acknowledgements[^1].Answer;

    public CommandResult Create(ConversationId id, ConversationKind kind, string? name, UserId creator, bool findExisting = false, params UserId[] members)
    {
        ConversationMeta meta = new(kind, creator, 1, name, null);
        Apply(CommandKind.CreateConversation, ActorOf(creator), new CreateConversationCommand(id, meta, findExisting, members).ToBytes());
        return _turn.Results[^1].Result;
    }

    public CommandResult ChangeMembers(in Actor actor, ConversationId id, MemberRole role, params UserId[] users)
    {
        Apply(CommandKind.ChangeMembers, actor, new ChangeMembersCommand(id, role, users).ToBytes());
        return _turn.Results[^1].Result;
    }

    public CommandResult ChangeMember(UserId by, MemberChange change, UserId user, MemberRole role = MemberRole.None, long mutedUntil = 0, long time = 1000)
    {
        Apply(CommandKind.ChangeMember, ActorOf(by), new ChangeMemberCommand(Room, user, change, role, mutedUntil).ToBytes(), time: time);
        return _turn.Results[^1].Result;
    }

    public CommandResult Change(UserId by, ConversationChanges changes)
    {
        Apply(CommandKind.ChangeConversation, ActorOf(by), new ChangeConversationCommand(Room, changes).ToBytes());
        return _turn.Results[^1].Result;
    }

    public CommandResult WriteState(params StateEntry[] entries)
    {
        Apply(CommandKind.StateWrite, default, new StateWriteCommand(entries).ToBytes());
        return _turn.Results[^1].Result;
    }

    /// <summary>The turn is handed to the committer; commands go to the other one until <see cref="EndSync"/>.</summary>
    public void BeginSync()
    {
        Shard.SealOpen(_turn);
        Syncing = _turn;
        _turn = _spare;
    }

    /// <summary>The turn is durable and released.</summary>
    public void EndSync()
    {
        Log.Commit([Syncing!.Batch]);
        foreach (SealedChunk chunk in Syncing.Chunks)
        {
            chunk.Conversation.DurableHead = chunk.Last;
        }

        Syncing.Reset();
        _spare = Syncing;
        Syncing = null;
    }

    public void Commit()
    {
        BeginSync();
        EndSync();
    }

    /// <summary>What a restart of the broker does: everything in memory is gone.</summary>
    public void Restart()
    {
        Log = Log.Crash();
        Shard = new Shard(0, Map, Log, _conversationsMax);
        _turn = new Turn(Log.Epoch, _sealer);
        _spare = new Turn(Log.Epoch, _sealer);
        Syncing = null;
    }

    public List<StoredRecord> Read(ConversationId conversation) => StoredRecord.ReadAll(Log, conversation);
}

/// <summary>A record as the log has it.</summary>
internal sealed record StoredRecord(ulong Sequence, UserId Sender, UserId Publisher, MessageKind Kind, string BodyHex, string Bytes)
{
    public bool IsErased => (Convert.FromHexString(Bytes)[65] & (byte)RecordFlags.Erased) != 0;

    public static List<StoredRecord> ReadAll(IConversationLog log, ConversationId conversation)
    {
        List<StoredRecord> records = [];
        ulong after = 0;
        LogPage page;
        do
        {
            ArrayBufferWriter<byte> buffer = new();
            page = log.ReadForward(conversation, after, ulong.MaxValue, int.MaxValue, int.MaxValue, buffer);
            records.AddRange(Parse(buffer.WrittenSpan));
            after = page.Last;
        }
        while (!page.Complete && page.Count > 0);
        return records;
    }

    public static List<StoredRecord> Parse(ReadOnlySpan<byte> bytes)
    {
        List<StoredRecord> records = [];
        while (MessageRecord.TryRead(ref bytes, out MessageRecord record))
        {
            Assert.That(record.ChecksumMatches, Is.True);
            records.Add(new StoredRecord(
                record.Sequence, record.Sender, record.Publisher, record.Kind, Convert.ToHexString(record.Body), Convert.ToHexString(record.Bytes)));
        }

        Assert.That(bytes.Length, Is.Zero, "whole records only");
        return records;
    }
}
