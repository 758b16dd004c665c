using System.Buffers;
using System.IO.Pipelines;

using FastChat.Protocol;

using Microsoft.AspNetCore.Connections;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>The least that a connection costs in Kestrel: it is welcomed, then the handler waits for input with nothing in its buffers. Whatever a broker keeps for a session comes on top of this.</summary>
internal sealed class ParkedConnections : ConnectionHandler
{
    /// <inheritdoc/>
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        for (bool isOpen = true; isOpen;)
        {
            ReadResult read = await input.ReadAsync().ConfigureAwait(false);
            ReadOnlySequence<byte> buffer = read.Buffer;
            bool isSound = Take(ref buffer, connection.Transport.Output, out bool hasAnswered);
            input.AdvanceTo(buffer.Start, buffer.End);
            if (hasAnswered)
            {
                await connection.Transport.Output.FlushAsync().ConfigureAwait(false);
            }

            isOpen = isSound && !read.IsCompleted;
        }
    }

    private static bool Take(ref ReadOnlySequence<byte> buffer, PipeWriter output, out bool hasAnswered)
    {
        hasAnswered = false;
        FrameReadStatus status;
        while ((status = FrameReader.TryRead(ref buffer, ProtocolLimits.ClientFrameSizeMax, out Frame frame, out _)) == FrameReadStatus.Done)
        {
            hasAnswered = true;
            if (frame.Type == FrameType.Subscribe)
            {
                Courtesies.WriteSubscribed(output, frame.Request, SubscribeStatus.Resumed, first: 1, head: 0);
            }
            else if (!Courtesies.TryAnswer(new FrameHeader((int)frame.Body.Length, frame.Type, frame.Request), frame.Body.ToArray(), output))
            {
                FrameWriter.WriteError(output, frame.Request, ErrorCode.Unsupported, $"{frame.Type} is not spoken here");
            }
        }

        return status != FrameReadStatus.Invalid;
    }
}
