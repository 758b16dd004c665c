using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>A page of history that is being received. After a break it is asked for again from the start: a page is one answer.</summary>
internal sealed class FetchRequest : PendingRequest<HistoryPage>
{
    private readonly Fetch _fetch;
    private List<ChatMessage> _messages = [];

    public FetchRequest(in Fetch fetch, SemaphoreSlim slots)
        : base(FrameType.Fetch, slots) => _fetch = fetch;

    public override void Write(IBufferWriter<byte> target) => _fetch.Write(FrameWriter.Begin(target, FrameType.Fetch, Number, Fetch.Size));

    public override bool TakeAnswer(in Frame frame)
    {
        switch (frame.Type)
        {
            case FrameType.Chunk:
                TakeChunk(frame.Body.FirstSpan);
                return false;

            case FrameType.FetchEnd when FetchEnd.TryRead(frame.Body.FirstSpan, out FetchEnd end):
                TakeEnd(end);
                return true;

            default:
                throw Unexpected(frame);
        }
    }

    public override bool TrySurviveBreak()
    {
        _messages = [];
        return true;
    }

    private void TakeChunk(ReadOnlySpan<byte> body)
    {
        if (!Deliver.TryRead(body, out Deliver chunk) || chunk.Conversation != _fetch.Conversation)
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "a Chunk cannot be read, or is of another conversation");
        }

        RecordRun.Check(chunk, NextDue());
        if (_messages.Count > 0 && _messages[^1].Position.Epoch != chunk.Epoch)
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "two Chunks of one page are of different epochs");
        }

        ReadOnlyMemory<byte> rest = chunk.Records.ToArray();
        while (rest.Length > 0)
        {
            _messages.Add(ChatMessage.Take(_fetch.Conversation, chunk.Epoch, ref rest));
        }
    }

    private ulong NextDue()
    {
        if (_messages.Count > 0)
        {
            return _messages[^1].Sequence + 1;
        }

        // The first record behind a position may be a later one where old records are no longer kept, so only what follows is certain.
        return 0;
    }

    private void TakeEnd(in FetchEnd end)
    {
        bool agrees = end.Count == (uint)_messages.Count &&
            (_messages.Count == 0 || (_messages[0].Sequence == end.First && _messages[^1].Sequence == end.Last));
        if (!agrees)
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, $"FetchEnd speaks of {end.Count} records, {_messages.Count} came");
        }

        Complete(new HistoryPage(_messages, end.IsComplete, end.Epoch, end.Head));
    }
}
