namespace FastChat.Protocol;

/// <summary>What attachments are held to (protocol.md §2.3). Sizes and quotas are the operator's; these hold everywhere.</summary>
public static class AttachmentLimits
{
    /// <summary>Bytes of a chunk, and of one range that is read: what fits one request, and little enough that a message behind it does not wait.</summary>
    public const int ChunkSize = 64 * 1024;

    /// <summary>How many chunks behind the first one that is missing are taken: a client need not wait for each answer.</summary>
    public const int WindowMax = 64;

    /// <summary>Chunks that one connection may have under way, in both directions together; past it the broker reads no further from it.</summary>
    public const int ChunksInFlightMax = 4;

    /// <summary>Attachments of one message.</summary>
    public const int CountMax = 10;

    /// <summary>Bytes of an attachment's name.</summary>
    public const int NameSizeMax = 255;

    /// <summary>Bytes of its media type (RFC 6838 §4.2: 127 on either side of the slash at the most; nobody needs both).</summary>
    public const int MediaTypeSizeMax = 127;

    /// <summary>What each attachment counts for at the least, in bytes of its uploader's quota: a million files of one byte are not one megabyte.</summary>
    public const int ChargeMin = 4096;

    /// <summary>Bytes that no operator may go beyond for one attachment: its chunks are removed in one commit.</summary>
    public const long SizeMax = 4L << 30;
}
