using System.Security.Cryptography;
using System.Text;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>Keys of identity's side-table entries as arrays of their own.</summary>
internal static class IdentityKeys
{
    /// <summary>An account's canonical name, or an imported person's exact one.</summary>
    public static byte[] Name(byte scope, string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        byte[] key = new byte[StateKeys.NameSize(bytes.Length)];
        StateKeys.WriteName(key, scope, bytes);
        return key;
    }

    /// <summary>The name of somebody who was erased: taken for ever, and not to be read from this.</summary>
    public static byte[] ErasedName(string canonical)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes("erased " + canonical));
        byte[] key = new byte[StateKeys.NameSize(hash.Length)];
        StateKeys.WriteName(key, StateKeys.ErasedNames, hash);
        return key;
    }

    /// <summary>An account.</summary>
    public static byte[] Account(UserId user)
    {
        byte[] key = new byte[StateKeys.AccountSize];
        StateKeys.WriteAccount(key, user);
        return key;
    }

    /// <summary>A user's device.</summary>
    public static byte[] Device(UserId user, DeviceId device)
    {
        byte[] key = new byte[StateKeys.DeviceSize];
        StateKeys.WriteDevice(key, user, device);
        return key;
    }

    /// <summary>Prefix of all devices.</summary>
    public static byte[] AllDevices => [Devices(default)[0]];

    /// <summary>Prefix of all families of refresh tokens.</summary>
    public static byte[] AllFamilies => [Family(new byte[SHA256.HashSizeInBytes])[0]];

    /// <summary>A service account, or with a conversation one that it may act in.</summary>
    public static byte[] Service(UserId user, ConversationId conversation)
    {
        byte[] key = new byte[StateKeys.ServiceSize];
        StateKeys.WriteService(key, user, conversation);
        return key;
    }

    /// <summary>Prefix of a user's devices.</summary>
    public static byte[] Devices(UserId user)
    {
        byte[] prefix = new byte[StateKeys.DevicesPrefixSize];
        StateKeys.WriteDevicesPrefix(prefix, user);
        return prefix;
    }

    /// <summary>What a token's text is known by.</summary>
    public static byte[] HashOf(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    /// <summary>A token, by the hash of its text.</summary>
    public static byte[] Token(string token) => Token(HashOf(token));

    /// <summary>A token, by that hash.</summary>
    public static byte[] Token(ReadOnlySpan<byte> hash)
    {
        byte[] key = new byte[StateKeys.TokenSize];
        StateKeys.WriteToken(key, hash);
        return key;
    }

    /// <summary>A family of refresh tokens, by the hash of what its tokens have in common.</summary>
    public static byte[] Family(ReadOnlySpan<byte> hash)
    {
        byte[] key = new byte[StateKeys.TokenSize];
        StateKeys.WriteFamily(key, hash);
        return key;
    }
}
