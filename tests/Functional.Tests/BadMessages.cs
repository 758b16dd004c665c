namespace FastChat.Functional.Tests;

/// <summary>Rows about what became of messages, about cursors, the inbox and forwarding.</summary>
internal static class BadMessages
{
    private static readonly FrameType[] Types =
        [FrameType.GetAnnotations, FrameType.GetThread, FrameType.GetPins, FrameType.MoveCursor, FrameType.ListCursors, FrameType.GetInbox, FrameType.Forward];

    private static readonly FrameType[] OfOneConversation = [FrameType.GetAnnotations, FrameType.GetThread, FrameType.GetPins, FrameType.MoveCursor, FrameType.ListCursors];

    /// <summary>The rows.</summary>
    public static IReadOnlyList<BadInput> Rows { get; } =
    [
        .. Types.SelectMany(type => BadHello.Maps.Select(map => BadInput.Refused($"{type}: {map.Name}", type, _ => map.Body, ErrorCode.BadRequest))),
        .. Types.Select(type => new BadInput($"{type}: cut off at every byte", stage => CutAsync(stage, type))),
        .. OfOneConversation.SelectMany(type => Unknown(type)),
        .. OfOneConversation.SelectMany(type => Wrong(type, "conversation", 7, "x", new byte[15], new byte[17], true)),

        .. Wrong(FrameType.GetAnnotations, "first", -1, "1", 1.5, true, new byte[8]),
        .. Wrong(FrameType.GetAnnotations, "last", -1, "1", new byte[8]),
        .. Wrong(FrameType.GetThread, "root", 0, -1, "1", new byte[8]),
        .. Wrong(FrameType.GetThread, "after", -1, "1"),
        .. Wrong(FrameType.GetThread, "limit", -1, 501, "1", long.MaxValue),
        .. Wrong(FrameType.GetPins, "after", -1, "1"),
        .. Wrong(FrameType.GetPins, "limit", -1, 501, "1", long.MaxValue),
        Answered("annotations from behind the head", FrameType.GetAnnotations, stage => Of(stage.Room).Set("first", long.MaxValue), "annotations"),
        Answered("annotations of a stretch that ends before it begins", FrameType.GetAnnotations, stage => Of(stage.Room).Set("first", 9L).Set("last", 1L), "annotations"),
        Answered("annotations from the sequence 0", FrameType.GetAnnotations, stage => Of(stage.Room).Set("first", 0L).Set("last", 0L), "annotations"),
        Answered("pins behind the last sequence", FrameType.GetPins, stage => Of(stage.Room).Set("after", long.MaxValue), "records"),
        Answered("a thread that is none", FrameType.GetThread, stage => Of(stage.Room).Set("root", long.MaxValue), "records"),

        .. Wrong(FrameType.MoveCursor, "read", -1, "1", 1.5, new byte[8]),
        .. Wrong(FrameType.MoveCursor, "delivered", -1, "1", true),
        .. Wrong(FrameType.MoveCursor, "private", 1, "yes"),
        .. Wrong(FrameType.MoveCursor, "thread", -1, "1"),
        Refused("a cursor that moves nowhere", FrameType.MoveCursor, stage => Of(stage.Room), ErrorCode.BadRequest),
        Refused("a cursor that moves to 0", FrameType.MoveCursor, stage => Of(stage.Room).Set("read", 0L).Set("delivered", 0L), ErrorCode.BadRequest),
        new("cursors past the head, of other rooms, of threads that are none, and backwards", CursorsAsync),
        Refused("a cursor of who is no member", FrameType.MoveCursor, stage => Of(stage.Room).Set("read", 1L), ErrorCode.Forbidden),
        Refused("who has read in a public conversation", FrameType.ListCursors, stage => Of(stage.Room), ErrorCode.Forbidden),
        new("pages of cursors that are none", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            ConversationId own = (await client.CreateGroupAsync()).Conversation;
            foreach ((string key, object value) in new (string, object)[] { ("limit", -1L), ("limit", 501L), ("limit", "1"), ("after", 7L), ("after", new byte[15]), ("thread", -1L), ("thread", "1") })
            {
                await RefusedAsync(client, FrameType.ListCursors, Of(own).Set(key, value), ErrorCode.BadRequest);
            }
        }),

        .. new object[] { new byte[39], new byte[41], "x", 7, true }.Select((value, i) => Refused($"an inbox that knows wrong value {i}", FrameType.GetInbox, _ => new ControlMap().Set("known", value), ErrorCode.BadRequest)),
        .. new object[] { new byte[23], new byte[25], "x", 7 }.Select((value, i) => Refused($"an inbox behind wrong value {i}", FrameType.GetInbox, _ => new ControlMap().Set("after", value), ErrorCode.BadRequest)),
        .. new object[] { -1, 201, "x", long.MaxValue }.Select((value, i) => Refused($"an inbox of wrong limit {i}", FrameType.GetInbox, _ => new ControlMap().Set("limit", value), ErrorCode.BadRequest)),
        .. new object[] { -1, "x" }.Select((value, i) => Refused($"an inbox of wrong epoch {i}", FrameType.GetInbox, _ => new ControlMap().Set("epoch", value), ErrorCode.BadRequest)),
        Answered("an inbox that knows 1,600 conversations nobody has", FrameType.GetInbox, _ => new ControlMap().Set("known", Enumerable.Range(1, 64_000).Select(i => (byte)(i * 7)).ToArray()), "gone"),
        Answered("an inbox behind everything", FrameType.GetInbox, _ => new ControlMap().Set("after", Enumerable.Repeat((byte)0xFF, 24).ToArray()), "conversations"),
        Answered("an inbox of another epoch", FrameType.GetInbox, _ => new ControlMap().Set("epoch", 99L).Set("known", new byte[40]), "recovered"),
        new("nobody else's conversation is in the inbox", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            ControlMap reply = (await client.AskAsync(FrameType.GetInbox, new ControlMap().Set("known", (byte[])[.. ControlMap.IdBytes(stage.Secret.Value), .. new byte[24]]))).ToMap();
            Assert.That((reply.Maps("conversations") ?? []).Select(one => new ConversationId(one!.Id("conversation"))), Has.None.EqualTo(stage.Secret));
            Assert.That(reply.Bytes("gone", 16), Is.EqualTo(ControlMap.IdBytes(stage.Secret.Value)));
        }),

        Refused("forwarding out of a group of others", FrameType.Forward, stage => Forward(stage.Secret, 1, stage.Room), ErrorCode.NoSuchConversation),
        Refused("forwarding into a group of others", FrameType.Forward, stage => Forward(stage.Room, 1, stage.Secret), ErrorCode.NoSuchConversation),
        Refused("forwarding into what is not there", FrameType.Forward, stage => Forward(stage.Room, 1, Bodies.UnknownConversation()), ErrorCode.NoSuchConversation),
        Refused("forwarding what is not there", FrameType.Forward, stage => Forward(stage.Room, long.MaxValue, stage.Room), ErrorCode.NoSuchMessage),
        Refused("forwarding nothing", FrameType.Forward, stage => Forward(stage.Room, 0, stage.Room), ErrorCode.BadRequest),
        Refused("forwarding without an id", FrameType.Forward, stage => Of(stage.Room).SetId("from", stage.Room.Value).Set("sequence", 1L), ErrorCode.BadRequest),
        Refused("forwarding minus one", FrameType.Forward, stage => Forward(stage.Room, -1, stage.Room), ErrorCode.BadRequest),
        Refused("forwarding with an id of a text", FrameType.Forward, stage => Of(stage.Room).SetId("from", stage.Room.Value).Set("sequence", 1L).Set("id", "x"), ErrorCode.BadRequest),
        new("forwarding what has no room for where it comes from", FullAttributesAsync),
    ];

    private static BadInput Refused(string name, FrameType type, Func<BadInputStage, ControlMap> map, ErrorCode code) => BadInput.Refused(name, type, map, code);

    private static ControlMap Of(ConversationId conversation) => new ControlMap().SetId("conversation", conversation.Value);

    private static ControlMap Forward(ConversationId from, long sequence, ConversationId to) => Of(to).SetId("from", from.Value).Set("sequence", sequence).SetId("id", Bodies.NewId().Value);

    /// <summary>What each of the requests needs beside the conversation to be well-formed.</summary>
    private static ControlMap Whole(FrameType type, ConversationId conversation) => type switch
    {
        FrameType.GetThread => Of(conversation).Set("root", 1L),
        FrameType.MoveCursor => Of(conversation).Set("read", 1L),
        FrameType.Forward => Forward(conversation, 1, conversation),
        FrameType.GetInbox => new ControlMap().Set("known", new byte[32]).Set("limit", 1L),
        _ => Of(conversation),
    };

    private static IEnumerable<BadInput> Unknown(FrameType type) =>
    [
        Refused($"{type}: of a conversation that is not there", type, _ => Whole(type, Bodies.UnknownConversation()), ErrorCode.NoSuchConversation),
        Refused($"{type}: of the id zero", type, _ => Whole(type, default), ErrorCode.NoSuchConversation),
        Refused($"{type}: of a group of others", type, stage => Whole(type, stage.Secret), ErrorCode.NoSuchConversation),
    ];

    private static IEnumerable<BadInput> Wrong(FrameType type, string key, params object[] values) => values.Select((value, i) =>
        Refused($"{type}: {key}: wrong value {i}", type, stage => Whole(type, stage.Room).Set(key, value), ErrorCode.BadRequest));

    /// <summary>What looks wrong and is no mistake: the reply says that there is nothing.</summary>
    private static BadInput Answered(string name, FrameType type, Func<BadInputStage, ControlMap> map, string key) => new(name, async stage =>
    {
        await using SignedInPeer client = await stage.SignInAsync();
        ReceivedFrame answer = await client.AskAsync(type, map(stage));
        Assert.That(answer.Type, Is.EqualTo(FrameType.Reply), $"{answer}");
        Assert.That(answer.ToMap()[key], Is.Not.Null);
    });

    private static async Task RefusedAsync(SignedInPeer client, FrameType type, ControlMap map, ErrorCode code) => await BadInput.ExpectErrorAsync(client, await client.AskAsync(type, map), code);

    private static async Task CutAsync(BadInputStage stage, FrameType type)
    {
        await using SignedInPeer client = await stage.SignInAsync();
        byte[] whole = RawFrame.ToBytes(type, 1, Whole(type, stage.Room))[FrameHeader.Size..];
        for (int size = 0; size < whole.Length; size++)
        {
            ReceivedFrame answer = await client.AskAsync(type, whole.AsMemory(0, size));
            Assert.That((answer.Type, (ErrorCode)answer.ToFailure().Code), Is.EqualTo((FrameType.Error, ErrorCode.BadRequest)), $"{size} bytes: {answer}");
        }

        await client.PingAsync();
    }

    private static async Task CursorsAsync(BadInputStage stage)
    {
        await using SignedInPeer client = await stage.SignInAsync();
        ConversationId own = (await client.CreateGroupAsync()).Conversation;
        ConversationId longer = (await client.CreateGroupAsync()).Conversation;
        for (int i = 0; i < 5; i++)
        {
            await client.PublishAsync(longer, "x"u8.ToArray());
        }

        await client.PublishAsync(own, "1"u8.ToArray());
        await client.PublishAsync(own, "2"u8.ToArray());
        foreach (string key in new[] { "read", "delivered" })
        {
            await RefusedAsync(client, FrameType.MoveCursor, Of(own).Set(key, 3L), ErrorCode.PositionAhead);
            await RefusedAsync(client, FrameType.MoveCursor, Of(own).Set(key, 5L), ErrorCode.PositionAhead);
            await RefusedAsync(client, FrameType.MoveCursor, Of(own).Set(key, long.MaxValue), ErrorCode.PositionAhead);
        }

        foreach (long thread in new[] { 1L, 2L, 3L, long.MaxValue })
        {
            await RefusedAsync(client, FrameType.MoveCursor, Of(own).Set("read", 1L).Set("thread", thread), ErrorCode.NoSuchMessage);
        }

        ControlMap moved = (await client.AskAsync(FrameType.MoveCursor, Of(own).Set("read", 2L))).ToMap();
        Assert.That((moved.Flag("changed"), moved.Number("read", 0), moved.Number("delivered", 0)), Is.EqualTo((true, 2ul, 2ul)));
        ControlMap back = (await client.AskAsync(FrameType.MoveCursor, Of(own).Set("read", 1L).Set("delivered", 1L))).ToMap();
        Assert.That((back.Flag("changed"), back.Number("read", 0), back.Number("delivered", 0)), Is.EqualTo((false, 2ul, 2ul)));
    }

    private static async Task FullAttributesAsync(BadInputStage stage)
    {
        await using SignedInPeer client = await stage.SignInAsync();
        ConversationId own = (await client.CreateGroupAsync()).Conversation;
        MessageAttributes full = new() { Own = new SortedDictionary<byte, byte[]> { [200] = new byte[ProtocolLimits.AttributesSizeMax - 4] } };
        await client.PublishAsync(own, new RichBody { Kind = MessageKind.Text, Attributes = full.ToBytes(), Content = "x"u8 }.ToBytes(), MessageKind.Rich);
        await RefusedAsync(client, FrameType.Forward, Forward(own, 1, own), ErrorCode.BodyTooLarge);
        Assert.That(await client.GetHeadAsync(own), Is.EqualTo(1), "nothing was stored that nobody could read");
    }
}
