using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>Turns sealed records back into those that travel, for readers. Any thread; each has a context and the keys of what it read lately.</summary>
internal sealed class RecordOpener(KeyVault vault) : IDisposable
{
    /// <summary>Keys of so many pairs of person and conversation for each thread that reads: a quarter of a MiB.</summary>
    private const int KeysMax = 2048;

    // Without a list of all values: threads of the pool come and go, and a context frees itself.
    private readonly ThreadLocal<Tools> _tools = new(() => new Tools(new BodyKeyCache(vault, KeysMax), new Aes256Gcm()));

    /// <summary>
    /// Writes what readers get of a sealed record, and returns its size: the record with its body; or its tombstone, when it was erased or its keys were destroyed.
    /// </summary>
    /// <param name="target">At least <see cref="SealedBody.ServedSizeMax"/> bytes.</param>
    /// <exception cref="CorruptRecordException">Its keys should be there and do not open it, or are not there.</exception>
    public int Open(ConversationId conversation, in MessageRecord record, Span<byte> target)
    {
        if (Tombstone.Is(record))
        {
            return SealedBody.WriteTombstone(target, record);
        }

        Tools tools = _tools.Value!;
        ref readonly BodyKeys keys = ref tools.Keys.Find(record.Sender, conversation, makesSecrets: false, out BodyKeyState state);
        switch (state)
        {
            case BodyKeyState.Destroyed:
                return SealedBody.WriteTombstone(target, record);
            case BodyKeyState.Missing:
                throw new CorruptRecordException($"Record {record.Sequence} of conversation {conversation}: the vault has no secret of its sender, or of the conversation. Is it an older copy?");
        }

        return record.Body.Length >= SealedBody.Overhead && SealedBody.TryOpen(target, record, keys, tools.Cipher, out int size)
            ? size
            : throw new CorruptRecordException($"Record {record.Sequence} of conversation {conversation} cannot be opened with its keys.");
    }

    public void Dispose() => _tools.Dispose();

    private sealed record Tools(BodyKeyCache Keys, Aes256Gcm Cipher);
}
