using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>A store with a vault: readers get what was written, files never have it, and what was destroyed is gone from every copy.</summary>
[TestFixture]
internal sealed class SealedStoreTests
{
    private static readonly UserId Alice = new(1);
    private static readonly UserId Bob = new(2);
    private static readonly byte[] AliceSaid = StoredBytes.Marker(101);
    private static readonly byte[] BobSaid = StoredBytes.Marker(102);

    private TemporaryDirectory _directory = null!;
    private TestVault _keys = null!;
    private RocksDbConversationLog _log = null!;
    private RecordSealer _sealer = null!;
    private SealedRoom _room = null!;

    [SetUp]
    public void Open()
    {
        _directory = new TemporaryDirectory();
        _keys = new TestVault();
        _room = new SealedRoom(new ConversationId(42));
        Start();
    }

    [TearDown]
    public void Close()
    {
        _sealer.Dispose();
        _log.Dispose();
        _keys.Dispose();
        _directory.Dispose();
    }

    /// <summary>In the journal, in the tables, after a restart; forward, backward, in pages of every size.</summary>
    [Test]
    public void ReadersGetWhatWasWrittenAndNoFileHasIt([Values(0, 1, 2)] int where)
    {
        for (int i = 0; i < 5; i++)
        {
            Say(Alice, StoredBytes.BodyWith(AliceSaid), [], [1, 2, 3], ConversationWriter.Body(i, 3000));
            Say(Bob, StoredBytes.BodyWith(BobSaid));
            Say(Bob, MessageKind.Reaction, [9, 9]);
            Say(Bob, MessageKind.MemberAdded, [8, 8]);
        }

        if (where > 0)
        {
            _log.Settle();
        }

        if (where == 2)
        {
            Restart();
        }

        _room.Check(_log);
        Assert.That(StoredBytes.FilesWith(_directory.Path, AliceSaid), Is.Empty);
        Assert.That(StoredBytes.FilesWith(_directory.Path, BobSaid), Is.Empty);
        RequireSound();
        RequireSound(withKeys: false);
    }

    [Test]
    public void MemoryLogServesTheSame()
    {
        using InMemoryConversationLog memory = new() { Vault = _keys.Vault };
        Commit(memory, batch =>
        {
            _room.Append(batch, _sealer, Alice, [1], ConversationWriter.Body(1, 500));
            _room.Append(batch, _sealer, Bob, ConversationWriter.Body(2, 40), []);
        });
        _room.Check(memory);
        _keys.Vault.Destroy([Alice], []);
        _room.Destroyed.Add(Alice);
        _room.Check(memory);
    }

    /// <summary>The same record is the same bytes, wherever it is sealed; with another body at the same place it has another nonce.</summary>
    [Test]
    public void SealingFollowsFromTheRecordAndNeverRepeatsANonceForAnother()
    {
        byte[] one = Seal(SealedRoom.Plain(7, Alice, MessageKind.Text, [1, 2, 3]));
        Assert.That(Seal(SealedRoom.Plain(7, Alice, MessageKind.Text, [1, 2, 3])), Is.EqualTo(one));
        using (RecordSealer other = _keys.Vault.CreateSealer())
        {
            Assert.That(Seal(SealedRoom.Plain(7, Alice, MessageKind.Text, [1, 2, 3]), other), Is.EqualTo(one));
        }

        HashSet<string> nonces = [];
        for (byte i = 0; i < 100; i++)
        {
            nonces.Add(NonceOf(Seal(SealedRoom.Plain(7, Alice, MessageKind.Text, [1, 2, i]))));
            nonces.Add(NonceOf(Seal(SealedRoom.Plain(8 + (ulong)i, Alice, MessageKind.Text, [1, 2, 3]))));
        }

        Assert.That(nonces, Has.Count.EqualTo(200));

        static string NonceOf(byte[] stored) => Convert.ToHexString(MessageRecord.Of(stored).Body[..12]);
    }

    /// <summary>Every field of the head is under the tag, whoever repairs the checksum.</summary>
    [Test]
    public void RecordThatWasChangedIsNotOpened()
    {
        byte[] stored = Seal(SealedRoom.Plain(6, Alice, MessageKind.Text, ConversationWriter.Body(1, 50)));
        byte[] target = new byte[stored.Length + 64];
        Assert.That(_keys.Vault.Opener.Open(_room.Conversation, MessageRecord.Of(stored), target), Is.EqualTo(stored.Length - SealedBody.Overhead));
        foreach (int at in (ReadOnlySpan<int>)[8, 20, 41, 57, 64, 66, 70, stored.Length - 60, stored.Length - 20, stored.Length - 1])
        {
            byte[] changed = [.. stored];
            changed[at] ^= at == 64 ? (byte)3 : (byte)1;
            BitConverter.TryWriteBytes(changed.AsSpan(4), Crc32C.Compute(changed.AsSpan(8)));
            Assert.That(() => _keys.Vault.Opener.Open(_room.Conversation, MessageRecord.Of(changed), target), Throws.TypeOf<CorruptRecordException>(), $"byte {at}");
        }

        Assert.That(() => _keys.Vault.Opener.Open(new(43), MessageRecord.Of(stored), target), Throws.TypeOf<CorruptRecordException>(), "another conversation");
    }

    [Test]
    public void PageEndsBeforeARecordThatCannotBeOpened()
    {
        Say(Alice, [1], [2]);
        CommitBatch batch = new(_log.Epoch);
        byte[] stored = Seal(SealedRoom.Plain(3, Alice, MessageKind.Text, [3]));
        stored[^1] ^= 1;
        BitConverter.TryWriteBytes(stored.AsSpan(4), Crc32C.Compute(stored.AsSpan(8)));
        batch.AppendChunk(_room.Conversation, 3, 1, _room.Chain.Next(MessageRecord.Of(stored)), stored);
        _log.Commit([batch]);
        ArrayBufferWriter<byte> target = new();
        Assert.That(_log.ReadForward(_room.Conversation, 0, 9, 9, int.MaxValue, target), Has.Property("Last").EqualTo(2));
        Assert.That(() => _log.ReadForward(_room.Conversation, 2, 9, 9, int.MaxValue, target), Throws.TypeOf<CorruptRecordException>());
        Assert.That(Verify(withKeys: true).Problems, Has.Some.Contains("cannot be opened"));
    }

    [Test]
    public void DestroyedPersonIsATombstoneEverywhereAndOthersStay()
    {
        for (int i = 0; i < 6; i++)
        {
            Say(Alice, StoredBytes.BodyWith(AliceSaid), []);
            Say(Bob, StoredBytes.BodyWith(BobSaid));
            Say(Alice, MessageKind.Reaction, [1]);
            if (i == 3)
            {
                _log.Settle();
            }
        }

        _room.Check(_log);
        LogHead head = _log.ReadHead(_room.Conversation);
        _keys.Vault.Destroy([Alice], []);
        _room.Destroyed.Add(Alice);
        _room.Check(_log);
        Assert.That(_log.ReadHead(_room.Conversation), Is.EqualTo(head), "the chain goes over what is stored");
        Assert.That((_sealer.CanSeal(Alice, new(99)), _sealer.CanSeal(Bob, _room.Conversation)), Is.EqualTo((false, true)));
        Restart();
        _room.Check(_log);
        Say(Bob, [4]);
        _room.Check(_log);
        RequireSound();
    }

    /// <summary>Deleting one message and destroying keys do not get into one another's way, in either order.</summary>
    [Test]
    public void ErasedRecordsAndDestroyedKeysGoTogether([Values] bool erasesFirst)
    {
        Say(Alice, [1], [2], ConversationWriter.Body(3, 100), StoredBytes.BodyWith(AliceSaid));
        Say(Bob, [5], [6]);
        Action erase = () =>
        {
            Commit(_log, batch =>
            {
                batch.Erase(_room.Conversation, 2);
                batch.Erase(_room.Conversation, 6);
            });
            _room.Erased.UnionWith([2, 6]);
        };
        if (erasesFirst)
        {
            erase();
            _room.Check(_log);
            _log.EraseNoted();
        }

        _room.Check(_log);
        _keys.Vault.Destroy([Alice], []);
        _room.Destroyed.Add(Alice);
        _room.Check(_log);
        if (!erasesFirst)
        {
            erase();
            _room.Check(_log);
            _log.EraseNoted();
        }

        _room.Check(_log);
        Restart();
        _room.Check(_log);
        RequireSound(tombstones: 2);
        RequireSound(withKeys: false, tombstones: 2);
    }

    [Test]
    public void DestroyedConversationIsGoneAndAnotherOfTheSamePersonIsNot()
    {
        SealedRoom other = new(new ConversationId(43));
        Say(Alice, StoredBytes.BodyWith(AliceSaid));
        Commit(_log, batch => other.Append(batch, _sealer, Alice, [1, 2, 3]));
        _keys.Vault.Destroy([], [_room.Conversation]);
        _room.Destroyed.Add(Alice);
        _room.Check(_log);
        other.Check(_log);
        Assert.That((_sealer.CanSeal(Bob, _room.Conversation), _sealer.CanSeal(Alice, other.Conversation)), Is.EqualTo((false, true)));
    }

    /// <summary>P17: a backup from before the destruction, restored, with the vault of now: everything that was not destroyed is there, and nothing that was; nor is it anywhere in the files of either.</summary>
    [Test]
    public void BackupOfBeforeHasNothingOfWhatWasDestroyed()
    {
        using TemporaryDirectory backups = new();
        using TemporaryDirectory place = new();
        Say(Alice, StoredBytes.BodyWith(AliceSaid), ConversationWriter.Body(1, 900));
        Say(Bob, StoredBytes.BodyWith(BobSaid));
        _log.Settle();
        Say(Alice, StoredBytes.BodyWith(AliceSaid));
        StoreBackup.Take(_log, backups.Path, keep: 0, isPaced: false, TimeProvider.System);
        byte[] oldVault = File.ReadAllBytes(_keys.VaultPath);
        Note(Alice);
        _keys.Vault.Destroy([Alice], []);
        _room.Destroyed.Add(Alice);
        _room.Check(_log);
        _log.Dispose();

        string restored = Path.Combine(place.Path, "data");
        StoreRestore.Restore(backups.Path, default, restored, TimeProvider.System);
        using (RocksDbConversationLog back = RocksDbConversationLog.Open(new StorageOptions { Directory = restored, Vault = _keys.Reopen() }))
        {
            _room.Check(back);
        }

        foreach (string directory in (ReadOnlySpan<string>)[backups.Path, place.Path, _directory.Path, _keys.Directory])
        {
            Assert.That(StoredBytes.FilesWith(directory, AliceSaid), Is.Empty);
            Assert.That(StoredBytes.FilesWith(directory, BobSaid), Is.Empty);
        }

        // The other way round: an older copy of the vault beside the store of now, which remembers.
        _keys.Vault.Dispose();
        File.WriteAllBytes(_keys.VaultPath, oldVault);
        _keys.Reopen();
        Assert.That(_keys.Vault.IsDestroyed(Alice), Is.False, "a test in which it was not there proves nothing");
        Start();
        Assert.That(_keys.Vault.IsDestroyed(Alice), Is.True);
        _room.Check(_log);
        Assert.That(File.ReadAllBytes(_keys.VaultPath), Is.Not.EqualTo(oldVault));
        RequireSound();
    }

    [Test]
    public void StoreWithAVaultOpensWithThatVaultOnly()
    {
        Say(Alice, [1]);
        _log.Dispose();
        Assert.That(StoreFormat.Read(_directory.Path)!.Value.Version, Is.EqualTo(StoreFormat.SealingVersion));
        Assert.That(() => RocksDbConversationLog.Open(_directory.Options), Throws.TypeOf<StoreOpenException>().With.Message.Contains("no key is given"));
        using (TestVault other = new())
        {
            Assert.That(() => RocksDbConversationLog.Open(_directory.Options with { Vault = other.Vault }), Throws.TypeOf<StoreOpenException>().With.Message.Contains("another vault"));
            Assert.That(File.Exists(other.VaultPath), Is.False, "nothing is made for a store that it does not belong to");
        }

        _keys.Reopen();
        Start();
        _room.Check(_log);
    }

    /// <summary>A plain store goes on as one with a vault; what it has stays readable, beside what is new, in chunks that are joined.</summary>
    [Test]
    public void PlainStoreIsSealedFromThenOn()
    {
        using TemporaryDirectory directory = new();
        ConversationWriter plain = new(new ConversationId(44));
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(directory.Options))
        {
            Commit(log, batch => plain.Append(batch, [1], [2, 3]));
            Assert.That(log.FormatVersion, Is.LessThan(StoreFormat.SealingVersion));
        }

        using (RocksDbConversationLog log = RocksDbConversationLog.Open(directory.Options with { Vault = _keys.Vault }))
        {
            SealedRoom room = new(new ConversationId(45));
            Commit(log, batch => room.Append(batch, _sealer, Alice, [1], [2]));
            room.Check(log);
            ArrayBufferWriter<byte> target = new();
            log.ReadForward(plain.Conversation, 0, 9, 9, int.MaxValue, target);
            Assert.That(target.WrittenSpan.ToArray(), Is.EqualTo(plain.Concatenated(1, 2)));
        }

        Assert.That(StoreVerifier.Verify(directory.Options).Problems, Is.Empty);
    }

    /// <summary>A commit whose secrets cannot be made durable is not made: full is asked again, failure is final.</summary>
    [Test]
    public void NothingIsCommittedBeforeItsSecretsAre([Values] bool isFull)
    {
        CommitBatch batch = new(_log.Epoch);
        _room.Append(batch, _sealer, new UserId(77), [1, 2, 3]);
        _keys.Vault.BeforeWrite = () => throw new IOException("planted", isFull ? 28 : 5);
        Assert.That(() => _log.Commit([batch]), isFull ? Throws.TypeOf<StorageFullException>() : Throws.TypeOf<StorageException>());
        Assert.That(_log.ReadHead(_room.Conversation).Sequence, Is.Zero);
        _keys.Vault.BeforeWrite = null;
        if (isFull)
        {
            _log.Commit([batch]);
            _room.Check(_log);
        }
        else
        {
            Assert.That(() => _log.Commit([batch]), Throws.TypeOf<StorageException>());
        }
    }

    /// <summary>The process dies with the vault's new secrets written and its commit not: what is in the store can be opened.</summary>
    [Test]
    public void CopyOfAnyMomentOpensWithTheVaultOfThatMoment()
    {
        List<(TemporaryDirectory Store, byte[] Vault, ulong Head)> moments = [];
        for (uint i = 0; i < 6; i++)
        {
            CommitBatch batch = new(_log.Epoch);
            _room.Append(batch, _sealer, new UserId(100 + i), [1, 2, (byte)i]);
            _log.BeforeWrite = () => moments.Add((_directory.CopyLive(), File.ReadAllBytes(_keys.VaultPath), _room.Head));
            _log.Commit([batch]);
            _log.BeforeWrite = null;
            moments.Add((_directory.CopyLive(), File.ReadAllBytes(_keys.VaultPath), _room.Head));
        }

        _log.Dispose();
        foreach ((TemporaryDirectory store, byte[] vault, ulong head) in moments)
        {
            _keys.Vault.Dispose();
            File.WriteAllBytes(_keys.VaultPath, vault);
            using (RocksDbConversationLog copy = RocksDbConversationLog.Open(store.Options with { Vault = _keys.Reopen() }))
            {
                ArrayBufferWriter<byte> target = new();
                LogPage page = copy.ReadForward(_room.Conversation, 0, LogPosition.Latest - 1, int.MaxValue, int.MaxValue, target);
                Assert.That(page.Last, Is.EqualTo(head).Or.EqualTo(head - 1));
                Assert.That(page.Complete, Is.True);
            }

            store.Dispose();
        }
    }

    [Test]
    public void SealingAllocatesNothing()
    {
        byte[] records = [.. Enumerable.Range(1, 50).SelectMany(i => SealedRoom.Plain((ulong)i, new UserId((uint)i % 8), MessageKind.Text, ConversationWriter.Body(i, 128)))];
        byte[] stored = new byte[RecordSealer.SizeOf(records)];
        byte[] served = new byte[4096];
        _sealer.Seal(_room.Conversation, records, stored, default);
        Open();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            _sealer.Seal(_room.Conversation, records, stored, default);
            Open();
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Open()
        {
            ReadOnlySpan<byte> rest = stored;
            while (MessageRecord.TryRead(ref rest, out MessageRecord record))
            {
                _keys.Vault.Opener.Open(_room.Conversation, record, served);
            }
        }
    }

    private void Say(UserId sender, params byte[][] bodies) => Commit(_log, batch => _room.Append(batch, _sealer, sender, bodies));

    private void Say(UserId sender, MessageKind kind, params byte[][] bodies) => Commit(_log, batch => _room.Append(batch, _sealer, sender, kind, bodies));

    private void Note(UserId person)
    {
        byte[] key = new byte[StateKeys.DestroyedSize];
        StateKeys.WriteDestroyed(key, person);
        Commit(_log, batch => batch.Put(Table.State, key, new byte[8]));
    }

    private static void Commit(IConversationLog log, Action<CommitBatch> fill)
    {
        CommitBatch batch = new(log.Epoch);
        fill(batch);
        log.Commit([batch]);
    }

    private byte[] Seal(byte[] plain, RecordSealer? sealer = null)
    {
        byte[] stored = new byte[RecordSealer.SizeOf(plain)];
        (sealer ?? _sealer).Seal(_room.Conversation, plain, stored, default);
        return stored;
    }

    private void Start()
    {
        _sealer?.Dispose();
        _log = RocksDbConversationLog.Open(_directory.Options with { Vault = _keys.Vault });
        _sealer = _keys.Vault.CreateSealer();
    }

    private void Restart()
    {
        _log.Dispose();
        _keys.Reopen();
        Start();
    }

    private VerifyResult Verify(bool withKeys)
    {
        _log.Dispose();
        return StoreVerifier.Verify(_directory.Options with { Vault = withKeys ? _keys.Vault : null });
    }

    private void RequireSound(bool withKeys = true, long tombstones = 0)
    {
        VerifyResult result = Verify(withKeys);
        Assert.That(result.Problems, Is.Empty);
        Assert.That((result.Messages, result.Tombstones), Is.EqualTo(((long)_room.Head, tombstones)));
        Start();
    }
}
