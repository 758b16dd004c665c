using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Broker.Attachments;

/// <summary>
/// Keys of attachments in small state (docs/log-format.md §6), as arrays of their own. Those that begin with <c>A</c> belong to the user's shard, the others to the shard of the hash.
/// </summary>
internal static class AttachmentKeys
{
    /// <summary>Bytes of the key of one thing that somebody pays for.</summary>
    public const int OwnedSize = 1 + Id128.Size + AttachmentId.Size;

    /// <summary>Bytes of an attachment's key.</summary>
    public const int AttachmentSize = 1 + AttachmentId.Size;

    /// <summary>Bytes of a reference's key.</summary>
    public const int ReferenceSize = AttachmentSize + 1 + Id128.Size + sizeof(ulong);

    /// <summary>Bytes of an upload's key.</summary>
    public const int UploadSize = AttachmentSize + 1 + Id128.Size;

    /// <summary>Bytes of a chunk's key.</summary>
    public const int ChunkSize = 1 + AttachmentId.Size + sizeof(ulong) + sizeof(uint);

    /// <summary>Bytes of the key of what is due at a time.</summary>
    public const int DueSize = 1 + sizeof(long) + AttachmentId.Size + Id128.Size;

    /// <summary>What somebody uses of their quota, in sum.</summary>
    public static byte[] Usage(UserId user) => [(byte)'A', .. ControlMap.IdBytes(user.Value)];

    /// <summary>One attachment that somebody pays for.</summary>
    public static byte[] Owned(UserId user, AttachmentId id) => [(byte)'A', .. ControlMap.IdBytes(user.Value), .. id.ToBytes()];

    /// <summary>An attachment that is complete.</summary>
    public static byte[] Attachment(AttachmentId id) => [(byte)'B', .. id.ToBytes()];

    /// <summary>Somebody's upload of an attachment, under way or finished, or their claim to it.</summary>
    public static byte[] Upload(AttachmentId id, UserId user) => [.. Uploads(id), .. ControlMap.IdBytes(user.Value)];

    /// <summary>Everybody's uploads of an attachment: the prefix.</summary>
    public static byte[] Uploads(AttachmentId id) => [(byte)'B', .. id.ToBytes(), (byte)'u'];

    /// <summary>A message that has an attachment.</summary>
    public static byte[] Reference(AttachmentId id, ConversationId conversation, ulong sequence)
    {
        byte[] key = [(byte)'B', .. id.ToBytes(), (byte)'r', .. ControlMap.IdBytes(conversation.Value), 0, 0, 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(key.Length - sizeof(ulong)), sequence);
        return key;
    }

    /// <summary>A piece of the content, as an upload brought it.</summary>
    public static byte[] Chunk(AttachmentId id, ulong upload, uint index)
    {
        byte[] key = new byte[ChunkSize];
        key[0] = (byte)'C';
        id.Write(key.AsSpan(1));
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(1 + AttachmentId.Size), upload);
        BinaryPrimitives.WriteUInt32BigEndian(key.AsSpan(1 + AttachmentId.Size + sizeof(ulong)), index);
        return key;
    }

    /// <summary>That somebody's upload or claim ends at a time; with no user, that the attachment itself is to be looked at.</summary>
    public static byte[] Due(long timeMicros, AttachmentId id, UserId user)
    {
        byte[] key = new byte[DueSize];
        key[0] = (byte)'D';
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(1), timeMicros);
        id.Write(key.AsSpan(1 + sizeof(long)));
        user.Write(key.AsSpan(1 + sizeof(long) + AttachmentId.Size));
        return key;
    }

    /// <summary>True for the keys whose change is owed by other shards: an entry somebody pays for, and references.</summary>
    public static bool IsOwedKind(ReadOnlySpan<byte> key) => IsOwned(key) || IsReference(key);

    /// <summary>True for the key of one thing that somebody pays for.</summary>
    public static bool IsOwned(ReadOnlySpan<byte> key) => key.Length == OwnedSize && key[0] == (byte)'A';

    /// <summary>True for the key of a reference.</summary>
    public static bool IsReference(ReadOnlySpan<byte> key) => key.Length == ReferenceSize && key[0] == (byte)'B' && key[AttachmentSize] == (byte)'r';

    /// <summary>True for the key of an upload.</summary>
    public static bool IsUpload(ReadOnlySpan<byte> key) => key.Length == UploadSize && key[0] == (byte)'B' && key[AttachmentSize] == (byte)'u';

    /// <summary>Which attachment and upload a chunk's key is of.</summary>
    public static (AttachmentId Id, ulong Upload) OfChunk(ReadOnlySpan<byte> key) =>
        (AttachmentId.Read(key[1..]), BinaryPrimitives.ReadUInt64BigEndian(key[(1 + AttachmentId.Size)..]));

    /// <summary>The user at the end of an upload's or a due entry's key.</summary>
    public static UserId UserAtEnd(ReadOnlySpan<byte> key) => UserId.Read(key[^Id128.Size..]);
}
