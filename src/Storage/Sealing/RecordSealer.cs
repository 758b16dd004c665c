using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Turns records as they travel into records as they are stored, on their way into a commit (<see cref="SealedBody"/>). It keeps the keys of those who write; no allocation per message. One thread at a time: each loop has one.
/// </summary>
public sealed class RecordSealer : IDisposable
{
    /// <summary>Keys of so many pairs of person and conversation: 14 MiB.</summary>
    private const int KeysMax = 128 * 1024;

    private readonly BodyKeyCache _keys;
    private readonly Aes256Gcm _cipher = new();

    internal RecordSealer(KeyVault vault)
    {
        Vault = vault;
        _keys = new BodyKeyCache(vault, KeysMax);
    }

    /// <summary>Where its keys come from.</summary>
    public KeyVault Vault { get; }

    /// <summary>What the dedupe entry of a message says on the disk: nothing of a body that is sealed.</summary>
    public static DedupeValue Stored(DedupeValue value, MessageKind kind) => SealedBody.IsFor(kind) ? value with { BodyHash = DedupeValue.NoHash } : value;

    /// <summary>True when a message of this person can be stored there. False, for good, once the keys of one of the two were destroyed.</summary>
    public bool CanSeal(UserId person, ConversationId conversation)
    {
        _keys.Find(person, conversation, makesSecrets: true, out BodyKeyState state);
        return state == BodyKeyState.Ready;
    }

    /// <summary>Bytes that these records take when they are stored.</summary>
    /// <param name="records">Whole records, back to back.</param>
    public static int SizeOf(ReadOnlySpan<byte> records)
    {
        int size = 0;
        while (MessageRecord.TryRead(ref records, out MessageRecord record))
        {
            size += SealedBody.SizeOf(record);
        }

        return size;
    }

    /// <summary>Writes them as they are stored, and returns the hash chain behind them: it goes over what is stored, so that it can be followed without keys, and when there are none any more.</summary>
    /// <param name="target">As long as <see cref="SizeOf"/> says.</param>
    /// <param name="chain">The chain before them.</param>
    public ChainHash Seal(ConversationId conversation, ReadOnlySpan<byte> records, Span<byte> target, ChainHash chain)
    {
        while (MessageRecord.TryRead(ref records, out MessageRecord record))
        {
            int size = Seal(conversation, record, target);
            chain = chain.Next(MessageRecord.Of(target[..size]));
            target = target[size..];
        }

        return chain;
    }

    /// <summary>Encrypts a text of somebody's in a conversation that is kept beside the records; null when their keys were destroyed. The same text with the same associated bytes gives the same.</summary>
    /// <param name="associated">What it belongs to, at most 160 bytes: it opens with them alone.</param>
    public byte[]? SealText(UserId person, ConversationId conversation, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> text)
    {
        ref readonly BodyKeys keys = ref _keys.Find(person, conversation, makesSecrets: true, out BodyKeyState state);
        return state == BodyKeyState.Ready ? SealedText.Seal(keys, associated, text) : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _cipher.Dispose();

    private int Seal(ConversationId conversation, in MessageRecord record, Span<byte> target)
    {
        if (!SealedBody.IsFor(record.Kind))
        {
            record.Bytes.CopyTo(target);
            return record.Bytes.Length;
        }

        ref readonly BodyKeys keys = ref _keys.Find(record.Sender, conversation, makesSecrets: true, out BodyKeyState state);
        return state == BodyKeyState.Ready ? SealedBody.Write(target, record, keys, _cipher) : SealedBody.WriteLost(target, record);
    }
}
