using System.Buffers;
using System.Diagnostics;

using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>Body of <see cref="CommandKind.ChangeConversation"/>: conversation (16), then the changes as the map that their record will hold.</summary>
internal sealed record ChangeConversationCommand(ConversationId Conversation, ConversationChanges Changes)
{
    public byte[] ToBytes()
    {
        ArrayBufferWriter<byte> bytes = new();
        bytes.Write(ControlMap.IdBytes(Conversation.Value));
        Changes.ToMap().Write(bytes);
        return bytes.WrittenSpan.ToArray();
    }

    public static ChangeConversationCommand Parse(ReadOnlySpan<byte> source) => ControlMap.TryParse(new ReadOnlySequence<byte>(source[Id128.Size..].ToArray()), out ControlMap? map, out string reason)
        ? new(ConversationId.Read(source), ConversationChanges.Parse(map))
        : throw new UnreachableException(reason);
}
