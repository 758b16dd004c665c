namespace FastChat.Functional.Tests;

/// <summary>Rows about what conversations are and what people are in them.</summary>
internal static class BadMembers
{
    private const ulong TenYears = ProtocolLimits.DurationDaysMax * 24UL * 60 * 60;

    /// <summary>The requests that name a conversation and need nothing else to be well-formed.</summary>
    private static readonly FrameType[] OfOneConversation = [FrameType.ChangeConversation, FrameType.CreateJoinLink, FrameType.ListJoinLinks, FrameType.RevokeJoinLink, FrameType.EraseConversation];

    private static readonly string[] OwnChanges = ["join", "accept", "decline"];
    private static readonly string[] OtherChanges = ["invite", "uninvite", "role", "mute", "ban", "unban"];

    /// <summary>The rows.</summary>
    public static IReadOnlyList<BadInput> Rows { get; } =
    [
        .. OfOneConversation.SelectMany(type => Unknown(type.ToString(), type, conversation => Of(conversation))),
        .. OwnChanges.SelectMany(change => Unknown(change, FrameType.ChangeMember, conversation => Of(conversation).Set("change", change))),
        .. OtherChanges.SelectMany(change => UnknownTo(change)),

        .. Wrong("topic", new string('t', 1025), 7, true),
        .. Wrong("avatar", new string('a', 513), 7),
        .. Wrong("archived", "yes", 1),
        .. Wrong("slow_mode", 21_601, -1, "30"),
        .. Wrong("history", "some", 1),
        .. Wrong("retention_seconds", 36_525L * 86_400 + 1, -1, "30d"),
        .. Wrong("retention_bytes", -1, "1GiB"),
        Refused("keeping less of what one does not own", FrameType.ChangeConversation, stage => Of(stage.Room).Set("retention_bytes", 1L), ErrorCode.Forbidden),
        Refused("erasing what one does not own", FrameType.EraseConversation, stage => Of(stage.Room).Set("begin", true), ErrorCode.Forbidden),
        .. Wrong("title", new string('t', 257), 7),
        Refused("describing what one does not lead", FrameType.ChangeConversation, stage => Of(stage.Room).Set("title", "mine"), ErrorCode.Forbidden),
        Refused("archiving what one does not lead", FrameType.ChangeConversation, stage => Of(stage.Room).Set("archived", true), ErrorCode.Forbidden),

        Refused("a change without a name", FrameType.ChangeMember, stage => Of(stage.Room), ErrorCode.BadRequest),
        Refused("a change that is none", FrameType.ChangeMember, stage => Of(stage.Room).Set("change", "crown"), ErrorCode.BadRequest),
        Refused("a change that is a number", FrameType.ChangeMember, stage => Of(stage.Room).Set("change", 1), ErrorCode.BadRequest),
        .. OwnChanges.Select(change => Refused($"{change}: for somebody else", FrameType.ChangeMember, stage => About(stage, change), ErrorCode.BadRequest)),
        .. OtherChanges.Select(change => Refused($"{change}: nobody", FrameType.ChangeMember, stage => Of(stage.Room).Set("change", change).Set("role", "member"), ErrorCode.BadRequest)),
        .. OtherChanges.Select(change => Refused(
            $"{change}: oneself", FrameType.ChangeMember, stage => Of(stage.Room).Set("change", change).Set("role", "member").SetId("user", stage.Attacker.Welcome.User.Value), ErrorCode.BadRequest)),
        .. OtherChanges.Select(change => Refused(
            $"{change}: somebody who does not exist", FrameType.ChangeMember, stage => Of(stage.Room).Set("change", change).Set("role", "member").SetId("user", 42), ErrorCode.NoSuchUser)),
        .. new[] { "role", "mute", "ban" }.Select(change => Refused($"{change}: the owner", FrameType.ChangeMember, stage => About(stage, change).Set("role", "member"), ErrorCode.Forbidden)),
        Refused("a role that is none", FrameType.ChangeMember, stage => About(stage, "role").Set("role", "king"), ErrorCode.BadRequest),
        Refused("a role that is no member's", FrameType.ChangeMember, stage => About(stage, "role").Set("role", "banned"), ErrorCode.BadRequest),
        Refused("no role at all", FrameType.ChangeMember, stage => About(stage, "role"), ErrorCode.BadRequest),
        Refused("an invitation as banned", FrameType.ChangeMember, stage => About(stage, "invite").Set("role", "banned"), ErrorCode.BadRequest),
        Refused("a mute beyond ten years", FrameType.ChangeMember, stage => About(stage, "mute").Set("seconds", TenYears + 1), ErrorCode.BadRequest),
        Refused("a mute of minus one second", FrameType.ChangeMember, stage => About(stage, "mute").Set("seconds", -1), ErrorCode.BadRequest),
        Refused("accepting without an invitation", FrameType.ChangeMember, stage => Of(stage.Room).Set("change", "accept"), ErrorCode.Forbidden),
        Refused("adding as banned", FrameType.AddMembers, stage => Of(stage.Room).Set("role", "banned").Set("users", new List<object?> { ControlMap.IdBytes(stage.Witness.Welcome.User.Value) }), ErrorCode.BadRequest),

        Refused("a link to what one does not lead", FrameType.CreateJoinLink, stage => Of(stage.Room), ErrorCode.Forbidden),
        Refused("the links of what one does not lead", FrameType.ListJoinLinks, stage => Of(stage.Room), ErrorCode.Forbidden),
        Refused("ending a link of what one does not lead", FrameType.RevokeJoinLink, stage => Of(stage.Room).SetId("id", 1), ErrorCode.Forbidden),
        Refused("a link for the banned", FrameType.CreateJoinLink, stage => Of(stage.Room).Set("role", "banned"), ErrorCode.BadRequest),
        new("a link that is used too often or works too long", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            ConversationInfo own = await client.CreateGroupAsync();
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.CreateJoinLink, Of(own.Conversation).Set("uses", uint.MaxValue)), ErrorCode.BadRequest);
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.CreateJoinLink, Of(own.Conversation).Set("seconds", TenYears + 1)), ErrorCode.BadRequest);
        }),
        new("the hundred and first link", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            ConversationInfo own = await client.CreateGroupAsync();
            for (int i = 0; i < ProtocolLimits.JoinLinksMax; i++)
            {
                Assert.That((await client.AskAsync(FrameType.CreateJoinLink, Of(own.Conversation))).Type, Is.EqualTo(FrameType.Reply));
            }

            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.CreateJoinLink, Of(own.Conversation)), ErrorCode.TooMany);
        }),
        Refused("following no link", FrameType.JoinByLink, _ => new ControlMap(), ErrorCode.BadRequest),
        Refused("following what is no link", FrameType.JoinByLink, _ => new ControlMap().Set("link", "!!!"), ErrorCode.BadRequest),
        Refused("following a link of 31 bytes", FrameType.JoinByLink, _ => new ControlMap().Set("link", new string('A', 42)), ErrorCode.BadRequest),
        Refused("following a link of 65 characters", FrameType.JoinByLink, _ => new ControlMap().Set("link", new string('A', 65)), ErrorCode.BadRequest),
        Refused("following a link that was never made", FrameType.JoinByLink, _ => new ControlMap().Set("link", new string('A', 43)), ErrorCode.NoSuchConversation),

        Refused("a channel without a name", FrameType.CreateConversation, _ => new ControlMap().Set("kind", "channel"), ErrorCode.BadRequest),
        Refused("a direct conversation with nobody", FrameType.CreateConversation, _ => new ControlMap().Set("kind", "direct"), ErrorCode.BadRequest),
        Refused("a direct conversation with a name", FrameType.CreateConversation, stage => Direct(stage).Set("name", "pair"), ErrorCode.BadRequest),
        Refused("a direct conversation with a topic", FrameType.CreateConversation, stage => Direct(stage).Set("topic", "us"), ErrorCode.BadRequest),
        Refused("a direct conversation with who does not exist", FrameType.CreateConversation, _ => new ControlMap().Set("kind", "direct").Set("members", new List<object?> { ControlMap.IdBytes(42) }), ErrorCode.NoSuchUser),
        new("nobody leads, joins or leaves a direct conversation", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            ConversationId pair = ConversationInfo.Parse((await client.AskAsync(FrameType.CreateConversation, Direct(stage))).ToMap()).Conversation;
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.ChangeConversation, Of(pair).Set("title", "us")), ErrorCode.Forbidden);
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.RemoveMember, Of(pair)), ErrorCode.Forbidden);
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.CreateJoinLink, Of(pair)), ErrorCode.Forbidden);
            await BadInput.ExpectErrorAsync(
                client, await client.AskAsync(FrameType.ChangeMember, Of(pair).Set("change", "ban").SetId("user", stage.Witness.Welcome.User.Value)), ErrorCode.Forbidden);
        }),
    ];

    private static BadInput Refused(string name, FrameType type, Func<BadInputStage, ControlMap> map, ErrorCode code) => BadInput.Refused(name, type, map, code);

    private static ControlMap Of(ConversationId conversation) => new ControlMap().SetId("conversation", conversation.Value);

    /// <summary>Of the witness, who owns the room.</summary>
    private static ControlMap About(BadInputStage stage, string change) => Of(stage.Room).Set("change", change).SetId("user", stage.Witness.Welcome.User.Value);

    private static ControlMap Direct(BadInputStage stage) =>
        new ControlMap().Set("kind", "direct").Set("members", new List<object?> { ControlMap.IdBytes(stage.Witness.Welcome.User.Value) });

    private static IEnumerable<BadInput> Wrong(string key, params object[] values) =>
        values.Select((value, index) => Refused($"{key}: wrong value {index}", FrameType.ChangeConversation, stage => Of(stage.Room).Set(key, value), ErrorCode.BadRequest));

    private static IEnumerable<BadInput> Unknown(string what, FrameType type, Func<ConversationId, ControlMap> map) =>
    [
        Refused($"{what}: of a conversation that is not there", type, _ => map(Bodies.UnknownConversation()), ErrorCode.NoSuchConversation),
        Refused($"{what}: of a group of others", type, stage => map(stage.Secret), ErrorCode.NoSuchConversation),
    ];

    private static IEnumerable<BadInput> UnknownTo(string change) =>
    [
        Refused(
            $"{change}: in a group of others", FrameType.ChangeMember,
            stage => Of(stage.Secret).Set("change", change).Set("role", "member").SetId("user", stage.Witness.Welcome.User.Value), ErrorCode.NoSuchConversation),
    ];
}
