namespace FastChat.Protocol;

/// <summary>Why a request failed (protocol.md §8). The connection lives. Numbers are never reused.</summary>
public enum ErrorCode : ushort
{
    /// <summary>Never on the wire.</summary>
    None = 0,

    /// <summary>A field is missing, has the wrong type or an impossible value; the text says which.</summary>
    BadRequest = 1,

    /// <summary>This broker does not know the frame type or the option.</summary>
    Unsupported = 2,

    /// <summary>The policy does not allow it.</summary>
    Forbidden = 3,

    /// <summary>No such conversation, or none that this user may know of.</summary>
    NoSuchConversation = 4,

    /// <summary>No such user.</summary>
    NoSuchUser = 5,

    /// <summary>The name belongs to something else already.</summary>
    NameTaken = 6,

    /// <summary>The name has characters or a length that names may not have.</summary>
    NameInvalid = 7,

    /// <summary>The message body is larger than the broker's limit.</summary>
    BodyTooLarge = 8,

    /// <summary>A text is not well-formed UTF-8.</summary>
    InvalidText = 9,

    /// <summary>This client message id already names a message with another body.</summary>
    IdConflict = 10,

    /// <summary>The position lies behind the conversation's head.</summary>
    PositionAhead = 11,

    /// <summary>The session is subscribed to this conversation already.</summary>
    AlreadySubscribed = 12,

    /// <summary>The session is not subscribed to this conversation.</summary>
    NotSubscribed = 13,

    /// <summary>A limit on the number of things is reached; the text says which.</summary>
    TooMany = 14,

    /// <summary>Too busy to take the request: nothing was done. Retry after the given time.</summary>
    Overloaded = 15,

    /// <summary>The store failed: nothing is accepted until the broker is restarted.</summary>
    StoreUnavailable = 16,

    /// <summary>A defect in the broker; the operator's log says more.</summary>
    Internal = 17,

    /// <summary>A client may not publish this kind of message.</summary>
    KindInvalid = 18,

    /// <summary>The disk has no room: nothing was done. The same request succeeds when there is room again; publishes are repeated in order (protocol.md §7.4).</summary>
    StoreFull = 19,

    /// <summary>The sender asks for too much in too short a time; retry after the given time.</summary>
    RateLimited = 20,

    /// <summary>What the request was to be based on has changed: another head, another version. Nothing was done.</summary>
    Conflict = 21,

    /// <summary>There is no message at the place named, or none that this can be done to, or none that this user may know of.</summary>
    NoSuchMessage = 22,

    /// <summary>The attachment is larger than the broker's limit.</summary>
    AttachmentTooLarge = 23,

    /// <summary>The user's quota has no room for it; what nobody refers to any more gives room again.</summary>
    QuotaExceeded = 24,

    /// <summary>There is no such attachment, or none that this user has uploaded, or may see there.</summary>
    NoSuchAttachment = 25,

    /// <summary>What was uploaded does not have the hash that it was announced with.</summary>
    WrongContent = 26,

    /// <summary>The password, or the token, is not the right one.</summary>
    WrongCredentials = 27,

    /// <summary>The user has no such device.</summary>
    NoSuchDevice = 28,

    /// <summary>The new password is too short or too long.</summary>
    PasswordInvalid = 29,

    /// <summary>What is to be a service account's public key, or its certificate's name, is none, or another one has it.</summary>
    KeyInvalid = 30,

    /// <summary>There is no export of this person that could be fetched.</summary>
    NoSuchExport = 31,

    /// <summary>This way to show a password is not taken here, or not for this account.</summary>
    MechanismRefused = 32,

    /// <summary>The keys of the person or of the conversation were destroyed: nothing of theirs can be kept there any more.</summary>
    KeysDestroyed = 33,

    /// <summary>There is no setting of that name, or its value makes no sense; the reason says which. Nothing was changed.</summary>
    SettingInvalid = 36,
}

/// <summary>Rules about error codes.</summary>
public static class ErrorCodes
{
    /// <summary>True when the same request may succeed later, unchanged.</summary>
    public static bool IsRetryable(ErrorCode code) => code is
        ErrorCode.Overloaded or ErrorCode.StoreUnavailable or ErrorCode.Internal or ErrorCode.StoreFull or ErrorCode.RateLimited;
}
