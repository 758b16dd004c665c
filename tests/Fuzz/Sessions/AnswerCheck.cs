using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Fuzz.Sessions;

/// <summary>
/// What a client may expect of the bytes that came, whatever it sent: whole frames that brokers send, Welcome or Close first, nothing behind Close, codes that exist, one answer to a request at the most and
/// none to what was not asked, contiguous deliveries, and records that are the same for everybody (protocol.md §1.3, §3, §6).
/// </summary>
internal sealed class AnswerCheck(SessionWorld world)
{
    private readonly Dictionary<uint, (int Sent, int Answered, FrameType Type, ConversationId Conversation)> _requests = [];
    private readonly Dictionary<ConversationId, ulong> _next = [];

    /// <summary>A request number was used twice: what answers what is not known.</summary>
    private bool _isAmbiguous;

    /// <summary>The client said that it is done, and what it asked before has an unknown outcome.</summary>
    private bool _saidClose;

    /// <summary>Judges a party's connection; what kinds of frames came goes into the outcome.</summary>
    public void Check(Party party, ref Outcome outcome)
    {
        _requests.Clear();
        _next.Clear();
        _isAmbiguous = false;
        _saidClose = false;
        ReadSent(new ReadOnlySequence<byte>(party.Sent.WrittenMemory));

        ReadOnlySequence<byte> rest = new(party.Received.ToArray());
        int count = 0;
        bool isClosed = false;
        bool wasChallenged = false;
        while (FrameReader.TryRead(ref rest, ProtocolLimits.ServerFrameSizeMax, out Frame frame, out _) == FrameReadStatus.Done)
        {
            Property.Holds(!isClosed, "a frame behind Close");
            Property.Holds(FrameTypes.IsFromServer(frame.Type), "a frame that brokers do not send");
            bool isAnswer = frame.Type is FrameType.Welcome or FrameType.Close;
            Property.Holds(count == 0 ? isAnswer || frame.Type == FrameType.Challenge : wasChallenged ? isAnswer : frame.Type is not (FrameType.Welcome or FrameType.Challenge), "Welcome comes first, or behind a Challenge, and once");
            wasChallenged = frame.Type == FrameType.Challenge;
            isClosed = frame.Type == FrameType.Close;
            CheckFrame(frame, frame.Body.ToArray(), ref outcome);
            count++;
        }

        Property.Holds(rest.IsEmpty, "the stream ends inside a frame");
        if (!isClosed && count > 0 && !_isAmbiguous && !_saidClose)
        {
            // The broker waits for its publishes when a client only stops sending; of what else was asked, the end of the connection may come first.
            foreach ((int sent, int answered, FrameType type, _) in _requests.Values)
            {
                Property.Holds(type != FrameType.Publish || answered == sent, "a publish has no answer, and the connection no Close");
            }
        }
    }

    private void ReadSent(ReadOnlySequence<byte> sent)
    {
        while (FrameReader.TryRead(ref sent, ProtocolLimits.ClientFrameSizeMax, out Frame frame, out _) == FrameReadStatus.Done)
        {
            ConversationId conversation = frame.Body.Length >= Id128.Size ? ConversationId.Read(frame.Body.Slice(0, Id128.Size).ToArray()) : default;
            bool isKnown = _requests.TryGetValue(frame.Request, out var request);
            _saidClose |= frame.Type == FrameType.Close;
            _isAmbiguous |= isKnown && frame.Request != 0;
            _requests[frame.Request] = (request.Sent + 1, 0, frame.Type, conversation);
        }
    }

    private void CheckFrame(in Frame frame, byte[] body, ref Outcome outcome)
    {
        outcome.Add((ulong)frame.Type);
        switch (frame.Type)
        {
            case FrameType.Close:
                Property.Holds(Failure.TryRead(body, out Failure close) && Enum.IsDefined((CloseCode)close.Code) && close.Code != 0, "a Close with a code that does not exist");
                Property.Holds((CloseCode)close.Code is not (CloseCode.InternalError or CloseCode.StoreUnavailable), "the broker closes because of itself");
                outcome.Add(close.Code);
                break;
            case FrameType.Error:
                Property.Holds(Failure.TryRead(body, out Failure error) && Enum.IsDefined((ErrorCode)error.Code) && error.Code != 0, "an Error with a code that does not exist");
                Property.Holds((ErrorCode)error.Code is not (ErrorCode.Internal or ErrorCode.StoreUnavailable), "a request fails because of the broker");
                outcome.Add(error.Code);
                Answer(frame);
                break;
            case FrameType.Subscribed:
                Answer(frame);
                Begin(frame, body);
                break;
            case FrameType.Deliver:
                CheckRecords(body, isDelivery: true);
                break;
            case FrameType.Chunk:
                Property.Holds(_requests.ContainsKey(frame.Request), "a page that was not asked for");
                CheckRecords(body, isDelivery: false);
                break;
            case FrameType.Unsubscribed:
                Property.Holds(Unsubscribe.TryRead(body, out Unsubscribe ended), "an Unsubscribed that cannot be read");
                _next.Remove(ended.Conversation);
                if (frame.Request != 0)
                {
                    Answer(frame);
                }

                break;
            case FrameType.Published or FrameType.FetchEnd or FrameType.Reply or FrameType.Pong:
                Answer(frame);
                break;
            case FrameType.Welcome or FrameType.Challenge or FrameType.Notice:
                Property.Holds(ControlMap.TryParse(new ReadOnlySequence<byte>(body), out _, out _), "a map that cannot be read");
                break;
        }
    }

    private void Answer(in Frame frame)
    {
        Property.Holds(_requests.TryGetValue(frame.Request, out var request), "an answer to what was not asked");
        _requests[frame.Request] = request with { Answered = request.Answered + 1 };
        Property.Holds(request.Answered < request.Sent, "two answers to one request");
    }

    private void Begin(in Frame frame, byte[] body)
    {
        Property.Holds(Subscribed.TryRead(body, out Subscribed subscribed), "a Subscribed that cannot be read");
        if (subscribed.Status != SubscribeStatus.EpochChanged)
        {
            _next[_requests[frame.Request].Conversation] = subscribed.First;
        }
    }

    private void CheckRecords(byte[] body, bool isDelivery)
    {
        Property.Holds(Deliver.TryRead(body, out Deliver deliver), "records that cannot be read");
        ReadOnlySpan<byte> rest = deliver.Records;
        ulong previous = 0;
        for (uint i = 0; i < deliver.Count; i++)
        {
            Property.Holds(MessageRecord.TryRead(ref rest, out MessageRecord record) && record.ChecksumMatches, "a record that is none");
            Property.Holds(previous == 0 || record.Sequence == previous + 1, "a gap inside a frame");
            if (isDelivery && !_isAmbiguous)
            {
                Property.Holds(_next.TryGetValue(deliver.Conversation, out ulong next) && record.Sequence == next, "a delivery without a subscription, or with a gap");
                _next[deliver.Conversation] = next + 1;
            }

            CheckSame((deliver.Conversation, deliver.Epoch, record.Sequence), record.Bytes);
            previous = record.Sequence;
        }

        Property.Holds(deliver.Count > 0 && rest.IsEmpty, "a frame holds other records than it says");
    }

    private void CheckSame((ConversationId Conversation, uint Epoch, ulong Sequence) place, ReadOnlySpan<byte> bytes)
    {
        if (world.Seen.TryGetValue(place, out byte[]? seen))
        {
            Property.Holds(bytes.SequenceEqual(seen), "one place in the log has two contents");
        }
        else
        {
            world.Seen.Add(place, bytes.ToArray());
        }
    }
}
