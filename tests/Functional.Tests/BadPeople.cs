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
