using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>A vault keeps what was made durable, whatever a crash leaves behind it, and what was destroyed stays so.</summary>
[TestFixture]
internal sealed class KeyVaultTests
{
    private static readonly UserId Alice = new(1);
    private static readonly UserId Bob = new(2);
    private static readonly ConversationId Room = new(10);

    private TestVault _test = null!;

    private KeyVault Vault => _test.Vault;

    [SetUp]
    public void Open()
    {
        _test = new TestVault();
        Vault.Establish();
    }

    [TearDown]
    public void Close() => _test.Dispose();

    [Test]
    public void SecretsAreTheSameAfterAReopenAndDifferForEveryPair()
    {
        byte[] keys = KeysOf(Alice, Room);
        byte[] other = KeysOf(Bob, Room);
        byte[] elsewhere = KeysOf(Alice, new(11));
        Assert.That(new[] { keys, other, elsewhere }.Select(Convert.ToHexString).Distinct().Count(), Is.EqualTo(3));
        Vault.MakeDurable();
        _test.Reopen();
        Assert.That((KeysOf(Alice, Room), KeysOf(Bob, Room), KeysOf(Alice, new(11))), Is.EqualTo((keys, other, elsewhere)));
        Assert.That(Vault.Count, Is.EqualTo(4));
    }

    [Test]
    public void WhatWasNotMadeDurableIsGoneAndWhatWasIsNot()
    {
        byte[] keys = KeysOf(Alice, Room);
        Vault.MakeDurable();
        KeysOf(Bob, new(11));
        _test.Reopen();
        Assert.That(KeysOf(Alice, Room), Is.EqualTo(keys));
        Assert.That(Vault.Derive(Bob, Room, makesSecrets: false, out _), Is.EqualTo(BodyKeyState.Missing));
    }

    /// <summary>A crash cuts an append off anywhere: the entries before it are there, and the next append goes on.</summary>
    [Test]
    public void TailThatWasCutOffIsDropped([Range(1, VaultFile.EntrySize - 1, 11)] int cut)
    {
        byte[] keys = KeysOf(Alice, Room);
        Vault.MakeDurable();
        KeysOf(Bob, Room);
        Vault.MakeDurable();
        Vault.Dispose();
        using (FileStream file = File.OpenWrite(_test.VaultPath))
        {
            file.SetLength(file.Length - cut);
        }

        _test.Reopen();
        Assert.That(KeysOf(Alice, Room), Is.EqualTo(keys));
        Assert.That(Vault.Derive(Bob, Room, makesSecrets: false, out _), Is.EqualTo(BodyKeyState.Missing));
        byte[] again = KeysOf(Bob, Room);
        Vault.MakeDurable();
        _test.Reopen();
        Assert.That(KeysOf(Bob, Room), Is.EqualTo(again));
    }

    [Test]
    public void DamageInTheMiddleIsRefused()
    {
        KeysOf(Alice, Room);
        KeysOf(Bob, Room);
        Vault.MakeDurable();
        Vault.Dispose();
        byte[] bytes = File.ReadAllBytes(_test.VaultPath);
        bytes[^(2 * VaultFile.EntrySize)] ^= 1;
        File.WriteAllBytes(_test.VaultPath, bytes);
        Assert.That(() => _test.Reopen(), Throws.TypeOf<StoreOpenException>().With.Message.Contains("damaged"));
    }

    /// <summary>An entry of another vault, or one that was put in another's place, is no entry.</summary>
    [Test]
    public void ForeignEntryIsRefused()
    {
        KeysOf(Alice, Room);
        Vault.MakeDurable();
        Vault.Dispose();
        byte[] bytes = File.ReadAllBytes(_test.VaultPath);
        Span<byte> last = bytes.AsSpan(bytes.Length - VaultFile.EntrySize);
        last[19] ^= 1;
        BitConverter.TryWriteBytes(last[80..], Crc32C.Compute(last[..80]));
        File.WriteAllBytes(_test.VaultPath, bytes);
        Assert.That(() => _test.Reopen(), Throws.TypeOf<StoreOpenException>().With.Message.Contains("damaged"));
    }

    [Test]
    public void DestroyedSecretIsInNoFileAndNeverComesBack()
    {
        byte[] bobs = KeysOf(Bob, Room);
        KeysOf(Alice, Room);
        Vault.MakeDurable();
        byte[] before = File.ReadAllBytes(_test.VaultPath);
        byte[] entry = before[^(3 * VaultFile.EntrySize)..^(2 * VaultFile.EntrySize)];
        Vault.Destroy([Alice], []);
        Vault.Destroy([Alice], []);
        Assert.That(Vault.IsDestroyed(Alice), Is.True);
        Assert.That(Vault.Derive(Alice, Room, makesSecrets: true, out _), Is.EqualTo(BodyKeyState.Destroyed));
        Assert.That(KeysOf(Bob, Room), Is.EqualTo(bobs));
        byte[] after = File.ReadAllBytes(_test.VaultPath);
        Assert.That(after.AsSpan().IndexOf(entry.AsSpan(32, 32)), Is.Negative);
        Assert.That(Directory.GetFiles(_test.Directory).Select(Path.GetFileName), Is.EquivalentTo(new[] { "vault", "lock" }));

        _test.Reopen();
        Assert.That(Vault.Derive(Alice, new(12), makesSecrets: true, out _), Is.EqualTo(BodyKeyState.Destroyed));
        Assert.That(KeysOf(Bob, Room), Is.EqualTo(bobs));

        // Whoever has the old file's name open, as a copy of the disk would, finds zeros in it.
        Vault.Destroy([], [Room]);
        Assert.That(Vault.Derive(Bob, Room, makesSecrets: true, out _), Is.EqualTo(BodyKeyState.Destroyed));
    }

    [Test]
    public void OldFileIsOverwritten()
    {
        KeysOf(Alice, Room);
        Vault.MakeDurable();
        using FileStream old = new(_test.VaultPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        Vault.Destroy([Alice], []);
        byte[] left = new byte[old.Length];
        old.ReadExactly(left);
        Assert.That(left.Length, Is.GreaterThan(2 * VaultFile.EntrySize));
        Assert.That(left, Is.All.Zero);
    }

    /// <summary>A secret that is destroyed before it was durable leaves the mark, not itself.</summary>
    [Test]
    public void FreshSecretsCanBeDestroyed()
    {
        KeysOf(Alice, Room);
        Vault.Destroy([Alice], []);
        Vault.MakeDurable();
        _test.Reopen();
        Assert.That((Vault.IsDestroyed(Alice), Vault.IsDestroyed(Room), Vault.Count), Is.EqualTo((true, false, 1)));
    }

    [Test]
    public void FailureToDestroyIsMadeGoodByTheNextAttempt([Values] bool isFull)
    {
        KeysOf(Alice, Room);
        Vault.MakeDurable();
        byte[] before = File.ReadAllBytes(_test.VaultPath);
        Vault.BeforeWrite = () => throw new IOException("planted", isFull ? 28 : 5);
        Assert.That(() => Vault.Destroy([Alice], []), isFull ? Throws.TypeOf<StorageFullException>() : Throws.TypeOf<StorageException>());
        Assert.That(Vault.Derive(Alice, Room, makesSecrets: true, out _), Is.EqualTo(BodyKeyState.Destroyed), "for readers it holds at once");
        Assert.That(File.ReadAllBytes(_test.VaultPath), Is.EqualTo(before));
        Vault.BeforeWrite = null;
        Vault.Destroy([Alice], []);
        Assert.That(File.ReadAllBytes(_test.VaultPath), Is.Not.EqualTo(before));
        _test.Reopen();
        Assert.That(Vault.IsDestroyed(Alice), Is.True);
    }

    [Test]
    public void WrongKeyOrOneThatOthersCanReadIsRefused()
    {
        string other = _test.KeyFile + ".other";
        TestVault.WriteKey(other);
        Assert.That(() => _test.Reopen(FileMasterKey.Read(other)), Throws.TypeOf<StoreOpenException>().With.Message.Contains("not the one"));
        TestVault.Allow(other, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.That(() => FileMasterKey.Read(other), Throws.TypeOf<StoreOpenException>().With.Message.Contains("chmod 600"));
        foreach (string text in (ReadOnlySpan<string>)["", "abcd", new string('g', 64), Convert.ToBase64String(new byte[31]), new string('a', 5000)])
        {
            File.WriteAllText(other, text);
            TestVault.Allow(other, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Assert.That(() => FileMasterKey.Read(other), Throws.TypeOf<StoreOpenException>(), text);
        }

        Assert.That(() => FileMasterKey.Read(other + ".absent"), Throws.TypeOf<StoreOpenException>());
        File.WriteAllText(other, Convert.ToBase64String(new byte[32]));
        Assert.That(() => FileMasterKey.Read(other), Throws.Nothing);
    }

    [Test]
    public void MasterKeyIsChangedWithoutTouchingSecrets()
    {
        byte[] keys = KeysOf(Alice, Room);
        Vault.MakeDurable();
        Vault.Destroy([Bob], []);
        byte[] old = File.ReadAllBytes(_test.VaultPath);
        string next = _test.KeyFile + ".next";
        TestVault.WriteKey(next);
        _test.Reopen(FileMasterKey.Read(next), FileMasterKey.Read(_test.KeyFile));
        Assert.That((KeysOf(Alice, Room), Vault.IsDestroyed(Bob)), Is.EqualTo((keys, true)));
        Assert.That(() => _test.Reopen(), Throws.TypeOf<StoreOpenException>(), "the old key opens nothing any more");
        _test.Reopen(FileMasterKey.Read(next), FileMasterKey.Read(_test.KeyFile));
        Assert.That(KeysOf(Alice, Room), Is.EqualTo(keys));

        // Not one entry under the key of before.
        byte[] now = File.ReadAllBytes(_test.VaultPath);
        Assert.That(now.AsSpan().IndexOf(old.AsSpan(old.Length - 52, 32)), Is.Negative);
    }

    [Test]
    public void TwoProcessesDoNotHaveOneVault() =>
        Assert.That(() => KeyVault.Open(_test.Directory, FileMasterKey.Read(_test.KeyFile)), Throws.TypeOf<StoreOpenException>().With.Message.Contains("in use"));

    [Test]
    public void CommandWrapsAndUnwraps()
    {
        string script = Script("""
            test "$1 $2" = "--key name" || exit 9
            case "$3" in
              wrap) base64 -w 0 ;;
              unwrap) base64 -d ;;
            esac
            """);
        CommandMasterKey master = new(["/bin/sh", script, "--key", "name"], TimeSpan.FromSeconds(30));
        byte[] key = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 7))];
        byte[] wrapped = master.Wrap(key);
        Assert.That(wrapped, Has.Length.EqualTo(44));
        Assert.That(master.Unwrap(wrapped), Is.EqualTo(key));
    }

    [TestCase("exit 3", "ended with code 3")]
    [TestCase("cat", "the key itself")]
    [TestCase("head -c 9999 /dev/zero", "more than")]
    [TestCase("true", "nothing")]
    [TestCase("sleep 60", "longer than")]
    public void CommandThatFailsIsRefusedWithTheReason(string body, string reason)
    {
        CommandMasterKey master = new(["/bin/sh", Script(body)], TimeSpan.FromSeconds(1));
        Assert.That(() => master.Wrap(new byte[32]), Throws.TypeOf<StoreOpenException>().With.Message.Contains(reason));
        Assert.That(() => master.Unwrap(new byte[66]), Throws.TypeOf<StoreOpenException>());
    }

    [Test]
    public void CommandThatIsNotThereIsRefused() =>
        Assert.That(() => new CommandMasterKey(["/nowhere/kms"], TimeSpan.FromSeconds(1)).Wrap(new byte[32]), Throws.TypeOf<StoreOpenException>());

    private string Script(string body)
    {
        string path = _test.KeyFile + ".sh";
        File.WriteAllText(path, body.ReplaceLineEndings("\n") + "\n");
        return path;
    }

    private byte[] KeysOf(UserId person, ConversationId conversation)
    {
        Assert.That(Vault.Derive(person, conversation, makesSecrets: true, out BodyKeys keys), Is.EqualTo(BodyKeyState.Ready));
        return [.. keys.Body, .. keys.Nonce];
    }
}
