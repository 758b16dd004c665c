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

    /// <summary>The account of a program: what is not said below is not allowed to it, not even what every user may.</summary>
    Service = 4,

    /// <summary>A service that publishes, as itself and on behalf of others.</summary>
    ServicePublish = 8,

    /// <summary>A service that reads.</summary>
    ServiceRead = 16,

    /// <summary>A service that acts in the conversations that were named for it and nowhere else.</summary>
    Confined = 32,

    /// <summary>The conversation of this command is one of those. Never stored: given per command, by the node that received it.</summary>
    InScope = 64,
}

/// <summary>Who acts: the facts about a signed-in client that the policy asks for. Fixed for the life of a connection.</summary>
/// <param name="User">The user.</param>
/// <param name="Device">The user's device.</param>
/// <param name="Rights">Rights of the account.</param>
internal readonly record struct Actor(UserId User, DeviceId Device, AccountRights Rights);
