namespace FastChat.Protocol;

/// <summary>What profiles, searches and blocks are held to (protocol.md §2.3): a profile is read by everyone who shares a conversation with its owner, so its size is theirs as well.</summary>
public static class PeopleLimits
{
    /// <summary>Bytes of a display name.</summary>
    public const int DisplayNameSizeMax = 128;

    /// <summary>Bytes of an avatar: the address of a picture or the id of an attachment, never the picture.</summary>
    public const int AvatarSizeMax = 512;

    /// <summary>Bytes of a locale: the longest language tag that RFC 5646 §4.4.1 asks everybody to take.</summary>
    public const int LocaleSizeMax = 35;

    /// <summary>Custom fields of a profile.</summary>
    public const int FieldsMax = 32;

    /// <summary>Bytes of a field's key.</summary>
    public const int FieldKeySizeMax = 64;

    /// <summary>Bytes of a field's value.</summary>
    public const int FieldValueSizeMax = 512;

    /// <summary>Bytes of all texts of a profile, keys included: less than what its single limits add up to.</summary>
    public const int ProfileSizeMax = 8 * 1024;

    /// <summary>Users asked about in one GetProfiles.</summary>
    public const int ProfilesAskedMax = 200;

    /// <summary>Users in one page of a search.</summary>
    public const int SearchCountMax = 50;

    /// <summary>Users whom one user may have blocked.</summary>
    public const int BlocksMax = 10_000;
}
