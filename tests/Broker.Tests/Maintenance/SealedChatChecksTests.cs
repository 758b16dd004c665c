using FastChat.Broker.Routing;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>What <c>verify</c> says of a chat with encrypted bodies: with the keys all that it says of a plain one, without them, and where they were destroyed, nothing wrong; and a rebuild takes nothing away that it cannot judge.</summary>
internal sealed class SealedChatChecksTests
{
    private MemoryVault _vault = null!;
    private ChatOnDisk _chat = null!;

    [SetUp]
    public void Begin()
    {
        _vault = new MemoryVault();
        _chat = new ChatOnDisk { Vault = _vault.Vault };
    }

    [TearDown]
    public void End()
    {
        _chat.Dispose();
        _vault.Dispose();
    }

    [Test]
    public void WithKeysItIsWhatAPlainOneIs([Values] bool erases)
    {
        _chat.Write(erases);
        VerifyResult result = _chat.Verify();
        Assert.That(result.Problems, Is.Empty);
        Assert.That(result.UnreadBodies, Is.Zero);

        // A mention that the records know of is missed, as in a plain store.
        _chat.Change(batch => batch.Delete(Table.State, MessageKeys.Mention(ChatOnDisk.Room, ChatOnDisk.Alice, 2)));
        Assert.That(_chat.Verify().Problems, Has.Some.Contains("is missing"));
        Assert.That(_chat.Verify(withKeys: false).Problems, Is.Empty);
        Assert.That(_chat.Verify(rebuild: true).Repaired, Is.EqualTo(1));
        Assert.That(_chat.Verify().Problems, Is.Empty);
    }

    [Test]
    public void WithoutKeysNothingIsTakenForWrong([Values] bool erases, [Values] bool destroys)
    {
        _chat.Write(erases);
        SortedDictionary<string, string> before = _chat.Dump();
        if (destroys)
        {
            _vault.Vault.Destroy([ChatOnDisk.Bob], []);
        }

        VerifyResult result = _chat.Verify(withKeys: destroys);
        Assert.That(result.Problems, Is.Empty);
        Assert.That(result.UnreadBodies, Is.Positive);
        VerifyResult rebuilt = _chat.Verify(rebuild: true, withKeys: destroys);
        Assert.That((rebuilt.ProblemCount, rebuilt.Repaired), Is.EqualTo((0L, 0L)));
        Assert.That(_chat.Dump(), Is.EqualTo(before));
    }
}
