using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.People;

/// <summary>Keys of what belongs to people, as arrays of their own.</summary>
internal static class PeopleKeys
{
    /// <summary>A profile.</summary>
    public static byte[] Profile(UserId user)
    {
        byte[] key = new byte[StateKeys.ProfileSize];
        StateKeys.WriteProfile(key, user);
        return key;
    }

    /// <summary>A block, on the side of who blocked.</summary>
    public static byte[] Block(UserId user, UserId other)
    {
        byte[] key = new byte[StateKeys.BlockSize];
        StateKeys.WriteBlock(key, user, other);
        return key;
    }

    /// <summary>What all blocks of a user begin with.</summary>
    public static byte[] Blocks(UserId user)
    {
        byte[] key = new byte[StateKeys.BlocksPrefixSize];
        StateKeys.WriteBlocksPrefix(key, user);
        return key;
    }

    /// <summary>A block, on the side of the direct conversation.</summary>
    public static byte[] DirectBlock(ConversationId conversation, UserId blocker)
    {
        byte[] key = new byte[StateKeys.BlockSize];
        StateKeys.WriteDirectBlock(key, conversation, blocker);
        return key;
    }
}
