using System.Buffers.Binary;

using FastChat.Broker.Audit;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Broker.Keys;

/// <summary>
/// Takes the bodies of a person, or of a conversation, out of the store and out of every backup of it, by destroying the secret that their keys come from (docs/decisions/0036-keys-that-can-be-destroyed.md). Without encryption there is
/// nothing to destroy, and the caller has to erase the records themselves.
/// <para>
/// Order: the store notes it first, durably, then the vault destroys it. A crash in between is made good by the next start, which finds the note; the note also outlives an older copy of the vault. Any thread.
/// </para>
/// </summary>
internal sealed class KeyDestruction(KeyVault? vault, Router router, AuditLog audit, TimeProvider clock)
{
    /// <summary>True when bodies are encrypted, so that destroying keys reaches copies.</summary>
    public bool IsEncrypting => vault is not null;

    /// <summary>
    /// Destroys the keys of everything that a person ever wrote, in every conversation. When it is done no reader, backup or file opens their bodies; they can write nothing any more (KEYS_DESTROYED).
    /// </summary>
    /// <returns>False when bodies are not encrypted: nothing was done.</returns>
    /// <exception cref="StorageException">It is not done, and has to be asked again: the device failed, or has no room.</exception>
    public Task<bool> DestroyPersonAsync(UserId person)
    {
        byte[] key = new byte[StateKeys.DestroyedSize];
        StateKeys.WriteDestroyed(key, person);
        return DestroyAsync(person.Value, key, keys => keys.Destroy([person], []), $"user {person}");
    }

    /// <summary>The same for everything that was ever written in a conversation.</summary>
    /// <inheritdoc cref="DestroyPersonAsync"/>
    public Task<bool> DestroyConversationAsync(ConversationId conversation)
    {
        byte[] key = new byte[StateKeys.DestroyedSize];
        StateKeys.WriteDestroyed(key, conversation);
        return DestroyAsync(conversation.Value, key, keys => keys.Destroy([], [conversation]), $"conversation {conversation}");
    }

    private async Task<bool> DestroyAsync(UInt128 owner, byte[] key, Action<KeyVault> destroy, string target)
    {
        if (vault is null)
        {
            return false;
        }

        byte[] since = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(since, clock.GetUtcNow().ToUnixTimeMilliseconds() * 1000);
        StateWriteCommand note = new([new StateEntry(key, since)]);
        CommandResult noted = await router.ExecuteOwedAsync(CommandKind.StateWrite, default, router.Map.ShardOf(owner), note.ToBytes(), CancellationToken.None);
        if (noted.Error != ErrorCode.None)
        {
            throw noted.Error == ErrorCode.StoreFull ? new StorageFullException(noted.Reason) : new StorageException($"The destruction of keys cannot be noted: {noted.Reason}");
        }

        Failpoint.Reach("keys-noted");

        // It writes the vault's file anew, which is not for the thread that brings results.
        await Continuation.Run(() =>
        {
            destroy(vault);
            return Task.CompletedTask;
        });
        audit.Note(new AuditEntry(AuditAct.KeysDestroyed) { Target = target });
        await audit.FlushAsync();
        return true;
    }
}
