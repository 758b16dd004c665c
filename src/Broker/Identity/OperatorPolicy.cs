using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Identity;

/// <summary>What somebody wants of the broker as a whole.</summary>
internal enum OperatorOperation : byte
{
    /// <summary>Make people of another system known.</summary>
    ImportUsers,

    /// <summary>Have the store backed up into a directory of the broker's machine, ask about it, or stop it.</summary>
    Backup,

    /// <summary>Make, list and end the accounts of programs.</summary>
    ManageServices,

    /// <summary>Make a conversation.</summary>
    CreateConversation,

    /// <summary>See and end one's own devices, change one's own password.</summary>
    ManageOwnDevices,

    /// <summary>See the accounts and who is connected, see and end anybody's devices, shut somebody out and let them in again.</summary>
    ManageUsers,

    /// <summary>Have everything exported that is one's own.</summary>
    ExportOwn,

    /// <summary>Have everything exported that is another's.</summary>
    ExportOthers,

    /// <summary>Be erased.</summary>
    EraseSelf,

    /// <summary>Have another person erased.</summary>
    EraseOthers,

    /// <summary>See what the broker counts.</summary>
    SeeStats,

    /// <summary>Have the broker finish and end.</summary>
    Drain,

    /// <summary>See and change the limits that everybody is held to.</summary>
    ManageLimits,
}

/// <summary>The one place where it is decided who may do what is about no conversation; beside the policy of those. What is not allowed here is not allowed.</summary>
internal static class OperatorPolicy
{
    /// <summary>None when allowed.</summary>
    public static ErrorCode Decide(OperatorOperation operation, AccountRights rights)
    {
        bool isAllowed = operation switch
        {
            OperatorOperation.ImportUsers => (rights & AccountRights.Import) != 0,
            OperatorOperation.Backup => (rights & AccountRights.Operator) != 0,
            OperatorOperation.ManageOwnDevices => (rights & AccountRights.Service) == 0,
            OperatorOperation.ManageServices or OperatorOperation.ManageUsers or OperatorOperation.SeeStats or OperatorOperation.Drain or OperatorOperation.ManageLimits => (rights & AccountRights.Operator) != 0,
            OperatorOperation.CreateConversation => (rights & AccountRights.Service) == 0,
            OperatorOperation.ExportOwn => (rights & AccountRights.Service) == 0,
            OperatorOperation.EraseSelf => rights == AccountRights.None,
            OperatorOperation.ExportOthers or OperatorOperation.EraseOthers => (rights & AccountRights.Operator) != 0,
            _ => false,
        };
        return isAllowed ? ErrorCode.None : ErrorCode.Forbidden;
    }
}
