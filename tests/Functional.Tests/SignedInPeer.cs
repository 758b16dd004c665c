using System.Security.Cryptography;

namespace FastChat.Functional.Tests;

/// <summary>A message as it came back.</summary>
internal sealed record StoredMessage(ulong Sequence, UserId Sender, ClientMessageId Id, MessageKind Kind, byte[] Body);

/// <summary>
/// A scripted peer behind its Welcome: counts request numbers and waits for answers. Frames that are no answer to the request under way are passed over, so a test
/// that looks at deliveries receives them from <see cref="Peer"/> itself.
/// </summary>
internal sealed class SignedInPeer(ScriptedPeer peer, Welcome welcome) : IAsyncDisposable
{
    private uint _lastRequest;

    /// <summary>The connection.</summary>
    public ScriptedPeer Peer => peer;

    /// <summary>Who it is.</summary>
    public Welcome Welcome => welcome;

    /// <summary>A request number that is not in use.</summary>
    public uint NextRequest() => ++_lastRequest;

    /// <summary>Sends a request and returns its first answer.</summary>
    public async Task<ReceivedFrame> AskAsync(FrameType type, ReadOnlyMemory<byte> body)
    {
        uint request = NextRequest();
        await peer.SendAsync(type, request, body);
        return await peer.ReceiveUntilAsync(frame => frame.Request == request);
    }

    /// <summary>Sends a control request and returns its answer.</summary>
    public async Task<ReceivedFrame> AskAsync(FrameType type, ControlMap map)
    {
        uint request = NextRequest();
        await peer.SendAsync(type, request, map);
        return await peer.ReceiveUntilAsync(frame => frame.Request == request);
    }

    /// <summary>The next frame that is no Notice: those come when they like.</summary>
    public Task<ReceivedFrame> ReceiveAsync() => peer.ReceiveUntilAsync(frame => frame.Type != FrameType.Notice);

    /// <summary>Finds a public conversation or makes it.</summary>
    public async Task<ConversationInfo> OpenAsync(string name) =>
        ConversationInfo.Parse(Expect(FrameType.Reply, await AskAsync(FrameType.ResolveConversation, new ControlMap().Set("name", name).Set("create", true))).ToMap());

    /// <summary>Makes a group.</summary>
    public async Task<ConversationInfo> CreateGroupAsync(string? name = null, params UserId[] members) =>
        ConversationInfo.Parse(Expect(FrameType.Reply, await AskAsync(FrameType.CreateConversation, new ControlMap()
            .Set("kind", "group")
            .Set("name", name)
            .Set("members", members.Select(member => (object?)ControlMap.IdBytes(member.Value)).ToList()))).ToMap());

    /// <summary>Publishes and returns whatever answer comes.</summary>
    public Task<ReceivedFrame> TryPublishAsync(ConversationId conversation, byte[] body, MessageKind kind = MessageKind.Text, ClientMessageId id = default) =>
        AskAsync(FrameType.Publish, Bodies.Publish(conversation, body, kind, id));

    /// <summary>Publishes.</summary>
    public async Task<Published> PublishAsync(ConversationId conversation, byte[] body, MessageKind kind = MessageKind.Text, ClientMessageId id = default) =>
        Bodies.ReadPublished(Expect(FrameType.Published, await TryPublishAsync(conversation, body, kind, id)));

    /// <summary>Subscribes behind <paramref name="after"/>. Deliveries follow.</summary>
    public async Task<Subscribed> SubscribeAsync(ConversationId conversation, ulong after = LogPosition.Latest)
    {
        ReceivedFrame answer = Expect(FrameType.Subscribed, await AskAsync(FrameType.Subscribe, Bodies.Subscribe(conversation, after)));
        return Subscribed.TryRead(answer.Body, out Subscribed subscribed) ? subscribed : throw new ScriptException($"{answer}: not readable");
    }

    /// <summary>The conversation's head.</summary>
    public async Task<ulong> GetHeadAsync(ConversationId conversation)
    {
        ReceivedFrame reply = await AskAsync(FrameType.ResolveConversation, new ControlMap().SetId("conversation", conversation.Value));
        return ConversationInfo.Parse(Expect(FrameType.Reply, reply).ToMap()).Head;
    }

    /// <summary>Everything the conversation holds, page by page.</summary>
    public async Task<List<StoredMessage>> ReadAllAsync(ConversationId conversation)
    {
        List<StoredMessage> messages = [];
        while (true)
        {
            uint request = NextRequest();
            ulong last = messages.Count == 0 ? 0 : messages[^1].Sequence;
            await peer.SendAsync(FrameType.Fetch, request, Bodies.Fetch(conversation, last, FetchDirection.Forward));
            while (true)
            {
                ReceivedFrame frame = await peer.ReceiveUntilAsync(frame => frame.Request == request);
                if (frame.Type == FrameType.Chunk)
                {
                    messages.AddRange(Bodies.ReadRecords(frame));
                    continue;
                }

                if (!FetchEnd.TryRead(Expect(FrameType.FetchEnd, frame).Body, out FetchEnd end))
                {
                    throw new ScriptException($"{frame}: not readable");
                }

                if (end.IsComplete)
                {
                    return messages;
                }

                break;
            }
        }
    }

    /// <summary>Shows that the connection lives: a Ping is answered by its Pong.</summary>
    public async Task PingAsync()
    {
        byte[] body = RandomNumberGenerator.GetBytes(8);
        ReceivedFrame pong = await AskAsync(FrameType.Ping, body);
        Assert.That(pong.Type, Is.EqualTo(FrameType.Pong));
        Assert.That(pong.Body, Is.EqualTo(body));
    }

    /// <summary>Closes the connection.</summary>
    public ValueTask DisposeAsync() => peer.DisposeAsync();

    private static ReceivedFrame Expect(FrameType type, ReceivedFrame frame) =>
        frame.Type == type ? frame : throw new ScriptException($"{type} was expected, and {frame} came");
}
