using System.Buffers.Binary;
using System.Security.Cryptography;

using FastChat.Cli;
using FastChat.Client;
using FastChat.History;

namespace FastChat.Campaigns;

/// <summary>Reads whole logs through a fresh session, into a history when there is one, and says what they held in one number.</summary>
internal sealed class LogReading(FastChatClient client, HistoryWriter? writer)
{
    private const string Process = "reader";

    private ulong _request;

    /// <summary>Reads a log from its first record to its head.</summary>
    public async Task<FinishedConversation> ReadAsync(ConversationId conversation, CancellationToken cancellation)
    {
        HistoryEvent reading = new() { Process = Process, Op = HistoryOp.ReadLog, Request = ++_request, Conversation = conversation };
        writer?.Write(reading with { Phase = HistoryPhase.Invoke });
        using IncrementalHash digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        LogPosition after = LogPosition.Start;
        while (true)
        {
            HistoryPage page = await client.FetchAsync(conversation, after, FetchDirection.Forward, cancellationToken: cancellation);
            foreach (ChatMessage message in page.Messages)
            {
                writer?.Write(ReadMessage.ToEvent(message) with { Process = Process, Request = _request });
                Add(digest, message);
                after = message.Position;
            }

            if (page.IsComplete)
            {
                writer?.Write(reading with { Phase = HistoryPhase.Ok, Epoch = page.Epoch, Head = page.Head });
                return new FinishedConversation(conversation.ToString(), page.Epoch, page.Head, Convert.ToHexStringLower(digest.GetHashAndReset()));
            }
        }
    }

    private static void Add(IncrementalHash digest, ChatMessage message)
    {
        Span<byte> head = stackalloc byte[40];
        BinaryPrimitives.WriteUInt64BigEndian(head, message.Sequence);
        BinaryPrimitives.WriteUInt128BigEndian(head[8..], message.ClientMessageId.Value);
        BinaryPrimitives.WriteUInt128BigEndian(head[24..], message.Sender.Value);
        digest.AppendData(head);
        digest.AppendData(message.Body.Span);
    }
}
