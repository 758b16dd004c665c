using FastChat.Broker.Conversations;
using FastChat.Broker.Maintenance;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>A group on disk, written by a shard's own commands, with everything that can be said about messages; tests damage it, and <see cref="StoreVerifier"/> is to find that.</summary>
internal sealed class ChatOnDisk : IDisposable
{
    /// <summary>When the message with an end of its own ends.</summary>
    public const long EndMicros = long.MaxValue / 2;

    private readonly string _directory = Directory.CreateTempSubdirectory("fastchat-chat-").FullName;
    private RocksDbConversationLog? _log;
    private Shard? _shard;
    private Turn _turn = new(1);
    private ulong _id;

    public static UserId Alice => ShardBench.Alice;

    public static UserId Bob => ShardBench.Bob;

    public static ConversationId Room => ShardBench.Room;

    /// <summary>Another one behind it in the log, with a plain message, so that no scan may run on into it.</summary>
    public static ConversationId Other { get; } = new(Room.Value + 1);

    /// <summary>The keys of the bodies; null: they are stored as they are.</summary>
    public KeyVault? Vault { get; init; }

    /// <summary>The last sequence of <see cref="Room"/> behind <see cref="Write"/>.</summary>
    public ulong Head { get; private set; }

    /// <summary>Writes all of it; 14 and 15, 19, and 12 are deleted, the last by its time.</summary>
    public void Write(bool erases)
    {
        Open();
        Create(Room, Bob);
        Publish(Alice, MessageKind.Text, "question"u8.ToArray());                                                                                    // 1
        Rich(Bob, new MessageAttributes { ReplyTo = 1, Mentions = [Alice] });                                                                        // 2
        Rich(Bob, new MessageAttributes { Thread = 1 });                                                                                             // 3
        Rich(Alice, new MessageAttributes { Thread = 1, ReplyTo = 3 });                                                                              // 4
        Edit(Alice, 1, new MessageAttributes { Mentions = [Bob] });                                                                                  // 5
        React(Alice, 1, "👍", true);                                                                                                                 // 6
        React(Bob, 1, "👍", true);                                                                                                                   // 7
        React(Bob, 1, "🎉", true);                                                                                                                   // 8
        React(Alice, 1, "👍", false);                                                                                                                // 9
        Publish(Alice, MessageKind.Pin, new PinBody(1, true).ToBytes());                                                                             // 10
        Rich(Alice, new MessageAttributes { MentionsAll = true, ExpiresMicros = EndMicros });                                                        // 11
        Rich(Bob, new MessageAttributes { ExpiresMicros = 5_000, Mentions = [Alice] });                                                              // 12
        Apply(CommandKind.Expire, default, new ExpireCommand(Room, 12, 5_000).ToBytes());                                                            // 13
        Publish(Bob, MessageKind.Text, "a secret"u8.ToArray());                                                                                      // 14
        Edit(Bob, 14, new MessageAttributes { Mentions = [Alice] });                                                                                 // 15
        React(Alice, 14, "👍", true);                                                                                                                // 16
        Publish(Alice, MessageKind.Pin, new PinBody(14, true).ToBytes());                                                                            // 17
        Publish(Bob, MessageKind.Delete, new DeleteBody(14).ToBytes());                                                                              // 18
        Rich(Bob, new MessageAttributes { Thread = 1, ReplyTo = 1, Mentions = [Alice], ExpiresMicros = EndMicros });                                 // 19
        Publish(Alice, MessageKind.Delete, new DeleteBody(19).ToBytes());                                                                            // 20
        Move(Bob, 0, 10);
        Move(Bob, 1, 4);
        Move(Alice, 0, 20);
        Create(Other, Bob);
        Publish(Bob, MessageKind.Text, "elsewhere"u8.ToArray(), Other);
        Commit();
        Head = _log!.ReadHead(Room).Sequence;
        if (erases)
        {
            _log.EraseNoted();
        }

        CarryEffects();
        Close();
    }

    /// <summary>Goes on with a store.</summary>
    public void Open()
    {
        _log = RocksDbConversationLog.Open(Options);
        _shard = new Shard(0, new ShardMap(1), _log, 64);
        _turn = new Turn(_log.Epoch, Vault?.CreateSealer());
    }

    public void Close()
    {
        _log!.Dispose();
        _log = null;
    }

    /// <summary>What was applied is durable.</summary>
    public void Commit()
    {
        Shard.SealOpen(_turn);
        _log!.Commit([_turn.Batch]);
        foreach (SealedChunk chunk in _turn.Chunks)
        {
            chunk.Conversation.DurableHead = chunk.Last;
        }

        _turn.Reset();
    }

    public void EraseNoted() => _log!.EraseNoted();

    /// <summary>What came of a command that a handler waits for.</summary>
    public ErrorCode Result(CommandKind kind, UserId user, byte[] body)
    {
        ErrorCode refused = Apply(kind, user.IsNone ? default : ShardBench.ActorOf(user), body);
        return refused != ErrorCode.None ? refused : _turn.Results[^1].Result.Error;
    }

    /// <summary>Cuts a conversation's log off, as it is asked for by who keeps to its size and age.</summary>
    public ErrorCode Cut(ConversationId conversation, ulong first)
    {
        ErrorCode refused = Apply(CommandKind.Truncate, default, new TruncateCommand(conversation, first, _log!.ReadChain(conversation, first - 1)!.Value, RetriesMicros: 1_000_000).ToBytes());
        return refused != ErrorCode.None ? refused : _turn.Results[^1].Result.Error;
    }

    public ulong HeadOf(ConversationId conversation) => _log!.ReadHead(conversation).Sequence;

    public void Create(ConversationId id, params UserId[] members) => Apply(
        CommandKind.CreateConversation, ShardBench.ActorOf(Alice), new CreateConversationCommand(id, new ConversationMeta(ConversationKind.Group, Alice, 1, null, null), false, members).ToBytes());

    public ErrorCode Publish(UserId user, MessageKind kind, byte[] body, ConversationId? to = null) =>
        Apply(CommandKind.Publish, ShardBench.ActorOf(user), ShardBench.PublishBody(to ?? Room, ++_id, body, kind));

    public ErrorCode Rich(UserId user, MessageAttributes attributes) =>
        Publish(user, MessageKind.Rich, new RichBody { Kind = MessageKind.Text, Attributes = attributes.ToBytes(), Content = "content"u8 }.ToBytes());

    public ErrorCode Edit(UserId user, ulong target, MessageAttributes attributes) => Publish(user, MessageKind.Edit, new EditBody
    {
        Target = target,
        Kind = MessageKind.Rich,
        Content = new RichBody { Kind = MessageKind.Text, Attributes = attributes.ToBytes(), Content = "edited"u8 }.ToBytes(),
    }.ToBytes());

    public ErrorCode React(UserId user, ulong target, string reaction, bool isAdded) => Publish(user, MessageKind.Reaction, new ReactionBody(target, isAdded, reaction).ToBytes());

    public void Move(UserId user, ulong thread, ulong read) => Apply(CommandKind.MoveCursor, ShardBench.ActorOf(user), new MoveCursorCommand(Room, thread, read, read, false).ToBytes());

    public ErrorCode Apply(CommandKind kind, in FastChat.Broker.Sessions.Actor actor, byte[] body) => _shard!.Apply(new CommandHeader(kind, actor, 1, 0, 1000), body, _turn, null).Code;

    /// <summary>What the shard owes itself, all ids being its own: lists and copies of cursors.</summary>
    public void CarryEffects()
    {
        List<byte[]> effects = [];
        _log!.Scan(Table.State, "o"u8, [], (key, value) =>
        {
            _shard!.Apply(new CommandHeader(CommandKind.StateWrite, default, 1, 0, 1000), value[2..].ToArray(), _turn, null);
            effects.Add(key.ToArray());
            return true;
        });
        effects.ForEach(_turn.Delete);
        Commit();
    }

    /// <summary>Changes entries past the shard.</summary>
    public void Change(Action<CommitBatch> change)
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(Options);
        CommitBatch batch = new(log.Epoch);
        change(batch);
        log.Commit([batch]);
    }

    /// <summary>Every entry of small state by its key, in hexadecimal, but the log's own count of commits.</summary>
    public SortedDictionary<string, string> Dump()
    {
        SortedDictionary<string, string> all = new(StringComparer.Ordinal);
        using RocksDbConversationLog log = RocksDbConversationLog.Open(Options);
        log.Scan(Table.State, [], [], (key, value) =>
        {
            if (key is not [0, 1])
            {
                all.Add(Convert.ToHexStringLower(key), Convert.ToHexStringLower(value));
            }

            return true;
        });
        return all;
    }

    public VerifyResult Verify(bool rebuild = false, bool withKeys = true) => StoreVerifier.Verify(withKeys ? Options : Options with { Vault = null }, rebuild, further: BrokerChecks.All());

    public void Dispose()
    {
        _log?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Passes come when a test asks for them.</summary>
    private StorageOptions Options => new() { Directory = _directory, JournalFileBytesMin = 1 << 20, JournalFileBytesMax = 1 << 20, EraseDelay = TimeSpan.FromHours(1), Vault = Vault };
}
