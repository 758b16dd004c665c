using FastChat.Protocol;

namespace FastChat.Broker.Sessions;

/// <summary>Rights of an account beyond those of every user.</summary>
[Flags]
internal enum AccountRights : byte
{
    /// <summary>An ordinary user.</summary>
    None = 0,

    /// <summary>Runs the broker.</summary>
    Operator = 1,

    /// <summary>Makes users of other systems known and publishes on their behalf.</summary>
    Import = 2,
}

/// <summary>Who acts: the facts about a signed-in client that the policy asks for. Fixed for the life of a connection.</summary>
/// <param name="User">The user.</param>
/// <param name="Device">The user's device.</param>
/// <param name="Rights">Rights of the account.</param>
internal readonly record struct Actor(UserId User, DeviceId Device, AccountRights Rights);
