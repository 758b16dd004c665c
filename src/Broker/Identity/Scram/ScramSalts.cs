using System.Security.Cryptography;
using System.Text;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>
/// The salt of a name: HMAC-SHA-256 under a secret of the store. Everybody may ask for the salt of any name, because SCRAM begins with it; so a name has its salt before anybody has the name, and keeps it: the answer is the same today and tomorrow, whether there is an account or not. Any thread.
/// </summary>
/// <param name="secret">32 bytes.</param>
internal sealed class ScramSalts(byte[] secret)
{
    /// <summary>Bytes of a salt.</summary>
    public const int Size = 16;

    /// <summary>Bytes of the secret.</summary>
    public const int SecretSize = 32;

    /// <summary>The salts of a store; its secret is made when there is none. Before the router runs.</summary>
    public static ScramSalts Of(IConversationLog log, RandomSource random)
    {
        byte[] key = StateKeys.SaltSecret.ToArray();
        if (log.Get(Table.State, key) is not { } secret)
        {
            secret = new byte[SecretSize];
            random.Fill(secret);
            CommitBatch batch = new(log.Epoch);
            batch.Put(Table.State, key, secret);
            log.Commit([batch]);
        }

        return new ScramSalts(secret);
    }

    /// <summary>The salt of a name, whatever it is; in whatever case it was written.</summary>
    public byte[] Of(string name)
    {
        byte[] hash = HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes(Names.TryCanonicalize(name, out string? canonical) ? canonical : name));
        return hash[..Size];
    }
}
