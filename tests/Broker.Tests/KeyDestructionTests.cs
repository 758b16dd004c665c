using FastChat.Broker.Audit;
using FastChat.Broker.Keys;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>Keys are destroyed while the broker runs: what was written is gone for every reader, what is to be written is refused, others do not notice.</summary>
[CancelAfter(60_000)]
internal sealed class KeyDestructionTests
{
    private static readonly ConversationId Room = ShardBench.Room;
    private static readonly byte[] Secret = "alice said this"u8.ToArray();
    private static readonly byte[] Answer = "bob said that"u8.ToArray();

    private AuditList _audit = null!;
    private MemoryVault _vault = null!;
    private RouterBench _bench = null!;
    private KeyDestruction _keys = null!;
    private TestPeer _alice = null!;
    private TestPeer _bob = null!;

    [SetUp]
    public async Task Begin()
    {
        _audit = new AuditList();
        _vault = new MemoryVault();
        _bench = new RouterBench(_vault.NewLog());
        _keys = new KeyDestruction(_vault.Vault, _bench.Router, _audit, TimeProvider.System);
        _alice = _bench.Connect(ShardBench.Alice);
        _bob = _bench.Connect(ShardBench.Bob);
        await _bench.CreateAsync(Room, ConversationKind.Group, ShardBench.Alice, ShardBench.Bob);
        await _bob.AnswerAsync(_bob.Subscribe(Room, 0));
        await PublishAsync(_alice, 1, Secret);
        await PublishAsync(_bob, 1, Answer);
    }

    [TearDown]
    public void End()
    {
        _bench.Dispose();
        _vault.Dispose();
    }

    [Test]
    public async Task PersonIsGoneAndTheOtherIsNot()
    {
        Assert.That(BodiesOfMessages(), Is.EqualTo(new[] { Convert.ToHexString(Secret), Convert.ToHexString(Answer) }));
        Assert.That(await _keys.DestroyPersonAsync(ShardBench.Alice), Is.True);

        StoredRecord[] messages = Messages();
        Assert.That((messages[0].IsErased, messages[0].BodyHex.Length, messages[1].BodyHex), Is.EqualTo((true, 64, Convert.ToHexString(Answer))));
        Assert.That(await RefusalAsync(_alice, 2, Secret), Is.EqualTo(ErrorCode.KeysDestroyed));
        await PublishAsync(_bob, 2, Answer);
        Assert.That(Messages()[^1].BodyHex, Is.EqualTo(Convert.ToHexString(Answer)));
        Assert.That(_audit.Entries.Select(entry => (entry.Act, entry.Target)), Is.EqualTo(new[] { (AuditAct.KeysDestroyed, $"user {ShardBench.Alice}") }));
        Assert.That(_audit.Flushed, Is.EqualTo(1));
    }

    /// <summary>Whoever repeats what they know is stored is told so; nobody can compare it any more.</summary>
    [Test]
    public async Task RetryOfWhatIsGoneIsARetry()
    {
        await _keys.DestroyPersonAsync(ShardBench.Alice);
        SentFrame answer = await _alice.AnswerAsync(_alice.Publish(Room, 1, Secret));
        Assert.That((answer.Published.Sequence, answer.Published.IsDuplicate), Is.EqualTo((Messages()[0].Sequence, true)));
    }

    [Test]
    public async Task ConversationIsGoneForAll()
    {
        await _keys.DestroyConversationAsync(Room);
        Assert.That(Messages().Select(message => message.IsErased), Is.EqualTo(new[] { true, true }));
        Assert.That(await RefusalAsync(_bob, 2, Answer), Is.EqualTo(ErrorCode.KeysDestroyed));
        ConversationId other = new(0x2002);
        await _bench.CreateAsync(other, ConversationKind.Group, ShardBench.Alice, ShardBench.Bob);
        SentFrame sent = await _alice.AnswerAsync(_alice.Publish(other, 1, Secret));
        Assert.That(sent.Type, Is.EqualTo(FrameType.Published));
    }

    /// <summary>The note is durable before the vault is asked: what a crash in between leaves is made good by the next start.</summary>
    [Test]
    public void NoteComesFirst()
    {
        Directory.Delete(_vault.Directory, recursive: true);
        Assert.That(() => _keys.DestroyPersonAsync(ShardBench.Alice), Throws.InstanceOf<StorageException>());
        byte[] key = new byte[StateKeys.DestroyedSize];
        StateKeys.WriteDestroyed(key, ShardBench.Alice);
        Assert.That(_bench.Log.Get(Table.State, key), Has.Length.EqualTo(sizeof(long)));
        Assert.That(Messages()[0].IsErased, Is.True);
        Assert.That(_audit.Entries, Is.Empty);
    }

    [Test]
    public async Task WithoutEncryptionThereIsNothingToDestroy() =>
        Assert.That(await new KeyDestruction(null, _bench.Router, _audit, TimeProvider.System).DestroyPersonAsync(ShardBench.Alice), Is.False);

    private StoredRecord[] Messages() => [.. StoredRecord.ReadAll(_bench.Log, Room).Where(record => record.Kind == MessageKind.Text)];

    private IEnumerable<string> BodiesOfMessages() => Messages().Select(message => message.BodyHex);

    private static async Task PublishAsync(TestPeer peer, ulong id, byte[] body) =>
        Assert.That((await peer.AnswerAsync(peer.Publish(Room, id, body))).Type, Is.EqualTo(FrameType.Published));

    private static async Task<ErrorCode> RefusalAsync(TestPeer peer, ulong id, byte[] body) => (await peer.AnswerAsync(peer.Publish(Room, id, body))).Error;

    private sealed class AuditList : AuditLog
    {
        public List<AuditEntry> Entries { get; } = [];

        public int Flushed { get; private set; }

        public override void Note(in AuditEntry entry) => Entries.Add(entry);

        public override Task FlushAsync()
        {
            Flushed++;
            return Task.CompletedTask;
        }
    }
}
