using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>
/// The public keys of service accounts and the assertions that were used with them, as they are stored: a key under <c>G</c>, the user and its thumbprint (format u8, zero (3), made i64 µs, the canonical JWK), a used assertion under <c>G</c>, the user, the SHA-256 of its <c>jti</c> and 0
/// (format u8, zero (3), until when it would hold i64 µs). Used ones are stored and not remembered, so that a restart does not let one in again; those whose time is over go with the next that comes. Reads block on the disk: pool threads.
/// </summary>
internal sealed class ServiceKeys(IConversationLog log)
{
    /// <summary>Assertions of one service account that were used and would still hold: with three sign-ins a second there are as many.</summary>
    public const int UsedMax = 1024;

    private const byte Format = 1;
    private const int FixedSize = 12;

    /// <summary>Where a key stands.</summary>
    public static byte[] KeyOf(UserId service, VerificationKey key) => KeyOf(service, Base64Url.DecodeFromChars(key.Thumbprint));

    /// <summary>What stands there.</summary>
    public static byte[] ValueOf(VerificationKey key, long nowMicros)
    {
        byte[] canonical = Encoding.ASCII.GetBytes(key.Canonical);
        byte[] bytes = new byte[FixedSize + canonical.Length];
        bytes[0] = Format;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(4), nowMicros);
        canonical.CopyTo(bytes, FixedSize);
        return bytes;
    }

    /// <summary>Everything of a service account that is kept here, keys and used assertions.</summary>
    public List<byte[]> AllOf(UserId service)
    {
        List<byte[]> keys = [];
        log.Scan(Table.State, KeyOf(service, []), [], (key, _) =>
        {
            keys.Add(key.ToArray());
            return true;
        });
        return keys;
    }

    /// <summary>The keys of a service account, those that were made first in front.</summary>
    public List<VerificationKey> KeysOf(UserId service)
    {
        List<(long Made, VerificationKey Key)> keys = [];
        log.Scan(Table.State, KeyOf(service, []), [], (key, value) =>
        {
            if (key.Length == StateKeys.ServiceKeySize && TryParse(value, out VerificationKey? found))
            {
                keys.Add((BinaryPrimitives.ReadInt64LittleEndian(value[4..]), found));
            }

            return true;
        });
        return [.. keys.OrderBy(static entry => entry.Made).ThenBy(static entry => entry.Key.Thumbprint, StringComparer.Ordinal).Select(static entry => entry.Key)];
    }

    /// <summary>
    /// What is written so that an assertion signs in once: its key must be there still and its id not yet, and what held until before now goes. Null when there are too many that still hold.
    /// </summary>
    public List<StateEntry>? Use(UserId service, VerificationKey signer, Assertion assertion, long nowMicros)
    {
        byte[] used = new byte[FixedSize];
        used[0] = Format;
        BinaryPrimitives.WriteInt64LittleEndian(used.AsSpan(4), assertion.ExpiresMicros);
        byte[] usedKey = new byte[StateKeys.UsedAssertionSize];
        StateKeys.WriteUsedAssertion(usedKey, service, SHA256.HashData(Encoding.UTF8.GetBytes(assertion.Identifier!)));

        byte[] signerKey = KeyOf(service, signer);
        List<StateEntry> entries = [StateEntry.Holds(signerKey, log.Get(Table.State, signerKey) ?? []), new StateEntry(usedKey, used, MustBeAbsent: true)];
        int holding = 0;
        log.Scan(Table.State, KeyOf(service, []), [], (key, value) =>
        {
            if (key.Length != StateKeys.UsedAssertionSize)
            {
                return true;
            }

            if (!TryParseUsed(value, out long until) || until > nowMicros)
            {
                holding++;
            }
            else if (!key.SequenceEqual(usedKey))
            {
                entries.Add(new StateEntry(key.ToArray(), null));
            }

            return true;
        });
        return holding < UsedMax ? entries : null;
    }

    /// <summary>False when the bytes are no key.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out VerificationKey? key)
    {
        key = null;
        return source.Length > FixedSize && source[0] == Format && VerificationKey.TryParse(Encoding.ASCII.GetString(source[FixedSize..]), out key, out _);
    }

    /// <summary>False when the bytes are no used assertion.</summary>
    public static bool TryParseUsed(ReadOnlySpan<byte> source, out long untilMicros)
    {
        bool isUsed = source.Length == FixedSize && source[0] == Format;
        untilMicros = isUsed ? BinaryPrimitives.ReadInt64LittleEndian(source[4..]) : 0;
        return isUsed;
    }

    private static byte[] KeyOf(UserId service, ReadOnlySpan<byte> thumbprint)
    {
        byte[] key = new byte[1 + Id128.Size + thumbprint.Length];
        StateKeys.WriteServiceKey(key, service, thumbprint);
        return key;
    }
}
