using System.Buffers;
using System.Diagnostics.CodeAnalysis;

using FastChat.Protocol;

namespace FastChat.Broker.People;

/// <summary>
/// Body of the command that changes what belongs to the acting person: one byte that says what, then that. One command and not one for each, because the shard treats them alike: it asks
/// <see cref="PersonRules"/> and writes what these say.
/// <code>
///  1 · ProfileChange as its control body           the profile
///  2 · other (16) · blocked u8                     a block
/// </code>
/// A profile's change travels as the map that the client sent, read and written again: the one reader that is fuzzed anyway, and keys may be added to it.
/// </summary>
internal abstract record PersonCommand
{
    private const byte ProfileTag = 1;
    private const byte BlockTag = 2;

    /// <summary>The profile.</summary>
    public sealed record SetProfile(ProfileChange Change) : PersonCommand;

    /// <summary>A block, or its end.</summary>
    public sealed record SetBlock(UserId Other, bool IsBlocked) : PersonCommand;

    public byte[] ToBytes()
    {
        ArrayBufferWriter<byte> bytes = new();
        switch (this)
        {
            case SetProfile profile:
                bytes.Write([ProfileTag]);
                profile.Change.ToMap().Write(bytes);
                break;
            case SetBlock block:
                bytes.Write([BlockTag]);
                block.Other.Write(bytes.GetSpan(Id128.Size));
                bytes.Advance(Id128.Size);
                bytes.Write([block.IsBlocked ? (byte)1 : (byte)0]);
                break;
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>False when the bytes are none that <see cref="ToBytes"/> makes.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out PersonCommand? command)
    {
        command = null;
        if (source.Length == 2 + Id128.Size && source[0] == BlockTag && source[^1] <= 1)
        {
            command = new SetBlock(UserId.Read(source[1..]), source[^1] == 1);
        }
        else if (source.Length > 1 && source[0] == ProfileTag && ControlMap.TryParse(new ReadOnlySequence<byte>(source[1..].ToArray()), out ControlMap? map, out _))
        {
            try
            {
                command = new SetProfile(ProfileChange.Parse(map));
            }
            catch (ControlFormatException)
            {
                // The handler has read the same change before: bytes that are none come from nowhere but a test.
                return false;
            }
        }

        return command is not null;
    }
}
