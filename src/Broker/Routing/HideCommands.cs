using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>Body of <see cref="CommandKind.Hide"/>: conversation (16), hidden u8, then the sequences, u64 each.</summary>
/// <param name="Conversation">Where the messages are.</param>
/// <param name="IsHidden">False to show them again.</param>
/// <param name="Sequences">The messages.</param>
internal readonly record struct HideCommand(ConversationId Conversation, bool IsHidden, IReadOnlyList<ulong> Sequences)
{
    public byte[] ToBytes() => [.. ControlMap.IdBytes(Conversation.Value), IsHidden ? (byte)1 : (byte)0, .. Sequences.SelectMany(BitConverter.GetBytes)];

    public static HideCommand Parse(ReadOnlySpan<byte> source)
    {
        ulong[] sequences = new ulong[(source.Length - 17) / sizeof(ulong)];
        for (int i = 0; i < sequences.Length; i++)
        {
            sequences[i] = BinaryPrimitives.ReadUInt64LittleEndian(source[(17 + (i * sizeof(ulong)))..]);
        }

        return new(ConversationId.Read(source), source[16] != 0, sequences);
    }
}

/// <summary>How often somebody changed what is hidden from them, and how much is: version u64, count u32 under <c>H</c>.</summary>
internal readonly record struct HiddenSummary(ulong Version, uint Count)
{
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[12];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Version);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), Count);
        return bytes;
    }

    public static HiddenSummary Parse(ReadOnlySpan<byte> source) =>
        source.Length < 12 ? default : new(BinaryPrimitives.ReadUInt64LittleEndian(source), BinaryPrimitives.ReadUInt32LittleEndian(source[8..]));
}

/// <summary>Keys of hidden messages (docs/log-format.md §6). They belong to the person from whom they are hidden.</summary>
internal static class HiddenKeys
{
    /// <summary>A message that is hidden from somebody.</summary>
    public static byte[] Message(UserId user, ConversationId conversation, ulong sequence)
    {
        byte[] key = [.. AllOf(user, conversation), .. BitConverter.GetBytes(sequence)];
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(key.Length - sizeof(ulong)), sequence);
        return key;
    }

    /// <summary>Prefix of what is hidden from somebody in a conversation, or, without one, anywhere.</summary>
    public static byte[] AllOf(UserId user, ConversationId conversation) =>
        conversation.IsNone ? [(byte)'h', .. ControlMap.IdBytes(user.Value)] : [(byte)'h', .. ControlMap.IdBytes(user.Value), .. ControlMap.IdBytes(conversation.Value)];

    /// <summary>A <see cref="HiddenSummary"/>.</summary>
    public static byte[] Summary(UserId user) => [(byte)'H', .. ControlMap.IdBytes(user.Value)];

    /// <summary>The conversation in a key of <see cref="Message"/>.</summary>
    public static ConversationId ConversationOf(ReadOnlySpan<byte> key) => ConversationId.Read(key[(1 + Id128.Size)..]);
}

/// <summary>
/// Messages that somebody does not want to see: "delete for me". The log has them still, with the same bytes for everybody; what is hidden is a list of the person's own, which their devices go by. In the
/// person's shard. Loop thread only.
/// </summary>
internal sealed class HideCommands(ShardState state)
{
    public CommandResult Apply(in CommandHeader header, HideCommand command, Turn turn, Turn? previous)
    {
        UserId user = header.Actor.User;
        byte[] summaryKey = HiddenKeys.Summary(user);
        HiddenSummary before = HiddenSummary.Parse(state.Read(summaryKey, turn, previous));
        List<byte[]> changes = [];
        foreach (ulong sequence in command.Sequences.Distinct())
        {
            byte[] key = HiddenKeys.Message(user, command.Conversation, sequence);
            if (state.Read(key, turn, previous) is null == command.IsHidden)
            {
                changes.Add(key);
            }
        }

        long count = before.Count + (command.IsHidden ? changes.Count : -changes.Count);
        if (count > ProtocolLimits.HiddenMax)
        {
            return new CommandResult(ErrorCode.TooMany, $"at most {ProtocolLimits.HiddenMax} messages are hidden from somebody");
        }

        if (changes.Count == 0)
        {
            return new CommandResult(ErrorCode.None) { Version = before.Version };
        }

        foreach (byte[] key in changes)
        {
            if (command.IsHidden)
            {
                turn.Put(key, []);
            }
            else
            {
                turn.Delete(key);
            }
        }

        HiddenSummary after = new(before.Version + 1, (uint)count);
        turn.Put(summaryKey, after.ToBytes());
        return new CommandResult(ErrorCode.None) { Count = changes.Count, Version = after.Version };
    }
}
