namespace FastChat.Functional.Tests;

/// <summary>Rows about profiles, searches, blocks and service accounts.</summary>
internal static class BadPeople
{
    /// <summary>The rows.</summary>
    public static IReadOnlyList<BadInput> Rows { get; } =
    [
        .. new[] { FrameType.SetProfile, FrameType.GetProfiles, FrameType.SearchUsers, FrameType.Block, FrameType.ListBlocks }
            .SelectMany(type => BadHello.Maps.Select(map => BadInput.Refused($"{type}: {map.Name}", type, _ => map.Body, ErrorCode.BadRequest))),

        BadInput.Refused("a display name with an escape", FrameType.SetProfile, _ => new ControlMap().Set("display_name", "\e[31mred"), ErrorCode.BadRequest),
        BadInput.Refused("a display name that turns the direction", FrameType.SetProfile, _ => new ControlMap().Set("display_name", "a\u202Eb"), ErrorCode.BadRequest),
        BadInput.Refused("a display name of 129 bytes", FrameType.SetProfile, _ => new ControlMap().Set("display_name", new string('x', 129)), ErrorCode.BadRequest),
        BadInput.Refused("a locale that is none", FrameType.SetProfile, _ => new ControlMap().Set("locale", "../../etc"), ErrorCode.BadRequest),
        BadInput.Refused("33 fields", FrameType.SetProfile, _ => new ControlMap().Set("fields", Fields(33, "v")), ErrorCode.BadRequest),
        BadInput.Refused("more than 8 KiB", FrameType.SetProfile, _ => new ControlMap().Set("fields", Fields(17, new string('x', 500))), ErrorCode.BadRequest),
        BadInput.Refused("a version that was not", FrameType.SetProfile, _ => new ControlMap().Set("display_name", "x").Set("if_version", 9L), ErrorCode.Conflict),
        BadInput.Refused("201 profiles", FrameType.GetProfiles, _ => Users(201), ErrorCode.BadRequest),
        BadInput.Refused("profiles of nobody named", FrameType.GetProfiles, _ => new ControlMap(), ErrorCode.BadRequest),
        BadInput.Refused("an empty search", FrameType.SearchUsers, _ => new ControlMap().Set("prefix", ""), ErrorCode.BadRequest),
        BadInput.Refused("a search of 51", FrameType.SearchUsers, _ => new ControlMap().Set("prefix", "a").Set("limit", 51L), ErrorCode.BadRequest),
        BadInput.Refused("blocking oneself", FrameType.Block, stage => Block(stage.Attacker.Welcome.User), ErrorCode.BadRequest),
        BadInput.Refused("blocking nobody", FrameType.Block, _ => Block(new UserId(42)), ErrorCode.NoSuchUser),
        BadInput.Refused("neither blocked nor not", FrameType.Block, stage => new ControlMap().SetId("user", stage.Witness.Welcome.User.Value), ErrorCode.BadRequest),
        BadInput.Refused(
            "making a service without the right", FrameType.CreateService,
            _ => new ControlMap().Set("name", "bot").Set("rights", new List<object?> { "publish" }), ErrorCode.Forbidden),
        BadInput.Refused("listing services without the right", FrameType.ListServices, _ => new ControlMap(), ErrorCode.Forbidden),
        BadInput.Refused("ending a service without the right", FrameType.RevokeService, stage => new ControlMap().SetId("user", stage.Witness.Welcome.User.Value), ErrorCode.Forbidden),
        BadInput.Refused("seeing the limits without the right", FrameType.GetLimits, _ => new ControlMap(), ErrorCode.Forbidden),
        BadInput.Refused("seeing what the broker does without the right", FrameType.GetActivity, _ => new ControlMap(), ErrorCode.Forbidden),
        BadInput.Refused("changing a limit without the right", FrameType.SetLimits, _ => Limits("limit_publishes_per_second", 1e9), ErrorCode.Forbidden),
        .. new (string Name, ControlMap Map, ErrorCode Code)[]
        {
            ("a limit that there is none of", Limits("limit_nonsense", 1L), ErrorCode.SettingInvalid),
            ("a setting that is no limit", Limits("data", "/tmp"), ErrorCode.SettingInvalid),
            ("a rate of nothing", Limits("limit_publishes_per_second", 0L), ErrorCode.SettingInvalid),
            ("a rate below nothing", Limits("limit_requests_per_second", -1L), ErrorCode.SettingInvalid),
            ("a rate that is no number", Limits("limit_connects_per_second", double.NaN), ErrorCode.SettingInvalid),
            ("a rate without end", Limits("limit_conversation_publishes_per_second", double.PositiveInfinity), ErrorCode.SettingInvalid),
            ("a rate that is a text", Limits("limit_sign_ins_per_second", "many"), ErrorCode.SettingInvalid),
            ("a cap with a fraction", Limits("limit_connections_per_user", 1.5), ErrorCode.SettingInvalid),
            ("a cap of 2^40", Limits("limit_connections_per_address", 1L << 40), ErrorCode.SettingInvalid),
            ("a switch that is a number", Limits("limits", 0L), ErrorCode.SettingInvalid),
            ("a network that is none", Limits("limit_trusted", new List<object?> { "10.0.0.0/33" }), ErrorCode.SettingInvalid),
            ("a network that is no text", Limits("limit_trusted", new List<object?> { 10L }), ErrorCode.SettingInvalid),
            ("257 networks", Limits("limit_trusted", Enumerable.Range(0, 257).Select(static i => (object?)$"10.0.{i % 256}.0/24").ToList()), ErrorCode.SettingInvalid),
            ("one that is right beside one that is wrong", Limits("limit_burst_seconds", 5L).Set("limits", Limits("limit_burst_seconds", 5L).Map("limits")!.Set("limit_wrong_passwords", 0L)), ErrorCode.SettingInvalid),
            ("no limits at all", new ControlMap(), ErrorCode.BadRequest),
        }.Select(wrong => new BadInput($"limits: {wrong.Name}", async stage =>
        {
            await using SignedInPeer runner = await stage.Broker.SignInAsync(stage.Broker.ReadOperatorToken());
            byte[] before = (await runner.AskAsync(FrameType.GetLimits, new ControlMap())).Body;
            await BadInput.ExpectErrorAsync(runner, await runner.AskAsync(FrameType.SetLimits, wrong.Map), wrong.Code);
            Assert.That((await runner.AskAsync(FrameType.GetLimits, new ControlMap())).Body, Is.EqualTo(before), "nothing has changed");
        })),
        BadInput.Refused("changing a service's keys without the right", FrameType.ChangeServiceKeys, stage => new ControlMap().SetId("user", stage.Witness.Welcome.User.Value).Set("add", "x"), ErrorCode.Forbidden),
        new("guessing names at scale", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            ReceivedFrame answer = default!;
            for (int i = 0; i < 4; i++)
            {
                int part = i;
                answer = await client.AskAsync(FrameType.ResolveUsers, new ControlMap().Set("names", Enumerable.Range(0, 400).Select(number => (object?)$"guess-{part}-{number}").ToList()));
            }

            await BadInput.ExpectErrorAsync(client, answer, ErrorCode.RateLimited);
            Assert.That(answer.ToFailure().RetryAfterMs, Is.Positive);
        }),
    ];

    private static ControlMap Limits(string name, object value) => new ControlMap().Set("limits", new ControlMap().Set(name, value));

    private static ControlMap Fields(int count, string value)
    {
        ControlMap fields = new();
        for (int i = 0; i < count; i++)
        {
            fields.Set($"k{i}", value);
        }

        return fields;
    }

    private static ControlMap Users(int count) =>
        new ControlMap().Set("users", Enumerable.Range(1, count).Select(id => (object?)new ControlMap().SetId("user", (UInt128)id)).ToList());

    private static ControlMap Block(UserId user) => new ControlMap().SetId("user", user.Value).Set("blocked", true);
}
