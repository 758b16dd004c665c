using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

using FastChat.Broker.Conversations;
using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>Body of <see cref="CommandKind.CreateConversation"/>: the id it gets if its name is free, what it is, and who belongs to it from the start.</summary>
/// <param name="Conversation">The id; of the name's placement when it has a name.</param>
/// <param name="Meta">What it is.</param>
/// <param name="FindExisting">When the name or the id exists already, answer with that conversation instead of an error.</param>
/// <param name="Members">Members beside the creator.</param>
internal sealed record CreateConversationCommand(ConversationId Conversation, ConversationMeta Meta, bool FindExisting, IReadOnlyList<UserId> Members)
{
    public byte[] ToBytes()
    {
        byte[] meta = Meta.ToBytes();
        byte[] bytes = new byte[Id128.Size + 1 + 2 + meta.Length + (Members.Count * Id128.Size)];
        Conversation.Write(bytes);
        bytes[16] = FindExisting ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(17), (ushort)meta.Length);
        meta.CopyTo(bytes, 19);
        for (int i = 0; i < Members.Count; i++)
        {
            Members[i].Write(bytes.AsSpan(19 + meta.Length + (i * Id128.Size)));
        }

        return bytes;
    }

    public static CreateConversationCommand Parse(ReadOnlySpan<byte> source)
    {
        int metaSize = BinaryPrimitives.ReadUInt16LittleEndian(source[17..]);
        ReadOnlySpan<byte> rest = source[(19 + metaSize)..];
        UserId[] members = new UserId[rest.Length / Id128.Size];
        for (int i = 0; i < members.Length; i++)
        {
            members[i] = UserId.Read(rest[(i * Id128.Size)..]);
        }

        return new(ConversationId.Read(source), ConversationMeta.Parse(source.Slice(19, metaSize)), source[16] != 0, members);
    }
}

/// <summary>Body of <see cref="CommandKind.ChangeMembers"/>.</summary>
/// <param name="Conversation">The conversation.</param>
/// <param name="Role">The role that the users get; None removes them.</param>
/// <param name="Users">Whom it concerns.</param>
internal sealed record ChangeMembersCommand(ConversationId Conversation, MemberRole Role, IReadOnlyList<UserId> Users)
{
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Id128.Size + 1 + (Users.Count * Id128.Size)];
        Conversation.Write(bytes);
        bytes[16] = (byte)Role;
        for (int i = 0; i < Users.Count; i++)
        {
            Users[i].Write(bytes.AsSpan(17 + (i * Id128.Size)));
        }

        return bytes;
    }

    public static ChangeMembersCommand Parse(ReadOnlySpan<byte> source)
    {
        UserId[] users = new UserId[(source.Length - 17) / Id128.Size];
        for (int i = 0; i < users.Length; i++)
        {
            users[i] = UserId.Read(source[(17 + (i * Id128.Size))..]);
        }

        return new(ConversationId.Read(source), (MemberRole)source[16], users);
    }
}

/// <summary>One entry of a <see cref="StateWriteCommand"/>.</summary>
/// <param name="Key">A key of Table.State.</param>
/// <param name="Value">The new value; null deletes.</param>
/// <param name="MustBeAbsent">The whole command is refused, with the existing value, when the key exists.</param>
internal readonly record struct StateEntry(byte[] Key, byte[]? Value, bool MustBeAbsent = false)
{
    /// <summary>A condition and no change: the whole command is refused (CONFLICT) when the key does not hold exactly this value; null = when it exists.</summary>
    public bool IsCondition { get; init; }

    /// <summary>What was read is still so: who reads, decides and writes puts this in front, and reads again when it fails.</summary>
    public static StateEntry Holds(byte[] key, byte[]? value) => new(key, value) { IsCondition = true };
}

/// <summary>
/// Body of <see cref="CommandKind.StateWrite"/>: entries that change together or not at all. Identity and lists are written with it; the shard need not know
/// what the values mean.
/// </summary>
internal sealed record StateWriteCommand(IReadOnlyList<StateEntry> Entries)
{
    private const byte Plain = 0;
    private const byte Claim = 1;
    private const byte Condition = 2;

    public byte[] ToBytes()
    {
        using MemoryStream bytes = new();
        using BinaryWriter writer = new(bytes, Encoding.UTF8);
        foreach (StateEntry entry in Entries)
        {
            writer.Write(entry.IsCondition ? Condition : entry.MustBeAbsent ? Claim : Plain);
            writer.Write((ushort)entry.Key.Length);
            writer.Write(entry.Key);
            writer.Write(entry.Value?.Length ?? -1);
            writer.Write(entry.Value ?? []);
        }

        writer.Flush();
        return bytes.ToArray();
    }

    /// <summary>False when the bytes are no whole entries.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out StateWriteCommand? write)
    {
        write = AreWhole(source) ? Parse(source) : null;
        return write is not null;
    }

    public static StateWriteCommand Parse(ReadOnlySpan<byte> source)
    {
        List<StateEntry> entries = [];
        while (source.Length > 0)
        {
            byte mode = source[0];
            int keySize = BinaryPrimitives.ReadUInt16LittleEndian(source[1..]);
            byte[] key = source.Slice(3, keySize).ToArray();
            source = source[(3 + keySize)..];
            int valueSize = BinaryPrimitives.ReadInt32LittleEndian(source);
            source = source[4..];
            byte[]? value = valueSize < 0 ? null : source[..valueSize].ToArray();
            source = source[Math.Max(valueSize, 0)..];
            entries.Add(mode == Condition ? StateEntry.Holds(key, value) : new StateEntry(key, value, mode != Plain));
        }

        return new StateWriteCommand(entries);
    }

    private static bool AreWhole(ReadOnlySpan<byte> source)
    {
        while (source.Length >= 3)
        {
            int keySize = BinaryPrimitives.ReadUInt16LittleEndian(source[1..]);
            if (source.Length < 3 + keySize + sizeof(int))
            {
                return false;
            }

            int valueSize = BinaryPrimitives.ReadInt32LittleEndian(source[(3 + keySize)..]);
            source = source[(3 + keySize + sizeof(int))..];
            if (valueSize < -1 || valueSize > source.Length)
            {
                return false;
            }

            source = source[Math.Max(valueSize, 0)..];
        }

        return source.IsEmpty;
    }
}
