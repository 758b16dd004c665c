namespace FastChat.Functional.Tests;

/// <summary>Rows about messages that are published later, and messages that somebody hides.</summary>
internal static class BadLater
{
    /// <summary>The rows.</summary>
    public static IReadOnlyList<BadInput> Rows { get; } =
    [
        .. new[] { FrameType.Schedule, FrameType.ListScheduled, FrameType.CancelScheduled, FrameType.Hide, FrameType.ListHidden }
            .SelectMany(type => BadHello.Maps.Select(map => BadInput.Refused($"{type}: {map.Name}", type, _ => map.Body, ErrorCode.BadRequest))),

        BadInput.Refused("a schedule without an id", FrameType.Schedule, stage => Of(stage.Room).Set("body", "x"u8.ToArray()).Set("at", Soon), ErrorCode.BadRequest),
        BadInput.Refused("a schedule without a time", FrameType.Schedule, stage => Of(stage.Room).SetId("id", 7).Set("body", "x"u8.ToArray()), ErrorCode.BadRequest),
        BadInput.Refused("a schedule before 1970", FrameType.Schedule, stage => Message(stage.Room).Set("at", -1L), ErrorCode.BadRequest),
        BadInput.Refused("a schedule in 367 days", FrameType.Schedule, stage => Message(stage.Room).Set("at", Soon + (367L * 24 * 60 * 60 * 1_000_000)), ErrorCode.BadRequest),
        BadInput.Refused("a schedule at the end of time", FrameType.Schedule, stage => Message(stage.Room).Set("at", long.MaxValue), ErrorCode.BadRequest),
        BadInput.Refused("a schedule of no body", FrameType.Schedule, stage => Of(stage.Room).SetId("id", 7).Set("at", Soon), ErrorCode.BadRequest),
        BadInput.Refused("a schedule of a body that is a text", FrameType.Schedule, stage => Message(stage.Room).Set("body", "text"), ErrorCode.BadRequest),
        BadInput.Refused("a schedule of 64 KiB and a byte", FrameType.Schedule, stage => Message(stage.Room).Set("body", new byte[65_537]), ErrorCode.BodyTooLarge),
        BadInput.Refused("a schedule of a text that is none", FrameType.Schedule, stage => Message(stage.Room).Set("body", new byte[] { 0xFF }), ErrorCode.InvalidText),
        BadInput.Refused("a scheduled deletion", FrameType.Schedule, stage => Message(stage.Room).Set("kind", 4).Set("body", new DeleteBody(1).ToBytes()), ErrorCode.KindInvalid),
        BadInput.Refused("a scheduled record of the broker's", FrameType.Schedule, stage => Message(stage.Room).Set("kind", 128), ErrorCode.KindInvalid),
        BadInput.Refused("a schedule of kind 300", FrameType.Schedule, stage => Message(stage.Room).Set("kind", 300), ErrorCode.BadRequest),
        BadInput.Refused("a schedule where there is nothing", FrameType.Schedule, _ => Message(new ConversationId(42)), ErrorCode.NoSuchConversation),
        BadInput.Refused("a schedule where one is no member", FrameType.Schedule, stage => Message(stage.Secret), ErrorCode.NoSuchConversation),
        BadInput.Refused("a cancellation where there is nothing", FrameType.CancelScheduled, _ => Of(new ConversationId(42)).SetId("id", 1), ErrorCode.NoSuchConversation),
        BadInput.Refused("a page of what is scheduled behind nowhere", FrameType.ListScheduled, _ => new ControlMap().Set("after", new byte[31]), ErrorCode.BadRequest),
        BadInput.Refused("501 of what is scheduled", FrameType.ListScheduled, _ => new ControlMap().Set("limit", 501L), ErrorCode.BadRequest),

        BadInput.Refused("hiding nothing", FrameType.Hide, stage => Of(stage.Room).Set("hidden", true), ErrorCode.BadRequest),
        BadInput.Refused("hiding half a message", FrameType.Hide, stage => Hide(stage.Room, new byte[12]), ErrorCode.BadRequest),
        BadInput.Refused("hiding 501", FrameType.Hide, stage => Hide(stage.Room, new byte[501 * 8]), ErrorCode.BadRequest),
        BadInput.Refused("neither hidden nor not", FrameType.Hide, stage => Of(stage.Room).Set("sequences", One(1)), ErrorCode.BadRequest),
        BadInput.Refused("hiding what is not there yet", FrameType.Hide, stage => Hide(stage.Room, One(ulong.MaxValue)), ErrorCode.NoSuchMessage),
        BadInput.Refused("hiding message 0", FrameType.Hide, stage => Hide(stage.Room, One(0)), ErrorCode.NoSuchMessage),
        BadInput.Refused("hiding where there is nothing", FrameType.Hide, _ => Hide(new ConversationId(42), One(1)), ErrorCode.NoSuchConversation),
        BadInput.Refused("hiding where one is no member", FrameType.Hide, stage => Hide(stage.Secret, One(1)), ErrorCode.NoSuchConversation),
        BadInput.Refused("a page of what is hidden behind nowhere", FrameType.ListHidden, _ => new ControlMap().Set("after", new byte[23]), ErrorCode.BadRequest),
    ];

    private static long Soon => Micros.Of((DateTimeOffset?)DateTimeOffset.UtcNow.AddDays(1))!.Value;

    private static ControlMap Of(ConversationId conversation) => new ControlMap().SetId("conversation", conversation.Value);

    private static ControlMap Message(ConversationId conversation) => Of(conversation).SetId("id", 7).Set("body", "x"u8.ToArray()).Set("at", Soon);

    private static ControlMap Hide(ConversationId conversation, byte[] sequences) => Of(conversation).Set("sequences", sequences).Set("hidden", true);

    private static byte[] One(ulong sequence) => BitConverter.GetBytes(sequence);
}
