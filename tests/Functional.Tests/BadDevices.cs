namespace FastChat.Functional.Tests;

/// <summary>Rows about tokens, devices, passwords and accounts.</summary>
internal static class BadDevices
{
    /// <summary>The rows.</summary>
    public static IReadOnlyList<BadInput> Rows { get; } =
    [
        .. new[] { FrameType.Reauthenticate, FrameType.ListDevices, FrameType.NameDevice, FrameType.EndDevices, FrameType.ChangePassword, FrameType.BeginProof, FrameType.SuspendUser, FrameType.ListUsers, FrameType.ListSessions }
            .SelectMany(type => BadHello.Maps.Select(map => BadInput.Refused($"{type}: {map.Name}", type, _ => map.Body, ErrorCode.BadRequest))),

        BadInput.InHello("a refresh token of nobody's", new Hello { Refresh = "fr1_" + new string('A', 86) }, CloseCode.TokenInvalid),
        BadInput.InHello("a refresh token that is none", new Hello { Refresh = "\0" }, CloseCode.TokenInvalid),
        BadInput.Refused("Reauthenticate with nothing", FrameType.Reauthenticate, _ => new ControlMap(), ErrorCode.BadRequest),
        BadInput.Refused("Reauthenticate with both", FrameType.Reauthenticate, _ => new ControlMap().Set("token", "a").Set("refresh", "b"), ErrorCode.BadRequest),
        BadInput.Refused("Reauthenticate with a token of 129 bytes", FrameType.Reauthenticate, _ => new ControlMap().Set("token", new string('t', 129)), ErrorCode.BadRequest),
        BadInput.Refused("Reauthenticate with another's token", FrameType.Reauthenticate, stage => new ControlMap().Set("token", stage.Witness.Welcome.Token), ErrorCode.WrongCredentials),
        BadInput.Refused("a name with an escape", FrameType.NameDevice, _ => new ControlMap().Set("name", "\e[31mred"), ErrorCode.BadRequest),
        BadInput.Refused("no name", FrameType.NameDevice, _ => new ControlMap(), ErrorCode.BadRequest),
        BadInput.Refused("a name of 65 bytes", FrameType.NameDevice, _ => new ControlMap().Set("name", new string('n', 65)), ErrorCode.BadRequest),
        BadInput.Refused("the name of another's device", FrameType.NameDevice, stage => new ControlMap().Set("name", "x").Set("device", stage.Witness.Welcome.Device.Value), ErrorCode.NoSuchDevice),
        BadInput.Refused("ending nothing", FrameType.EndDevices, _ => new ControlMap(), ErrorCode.BadRequest),
        BadInput.Refused("ending one and all", FrameType.EndDevices, _ => new ControlMap().Set("all", true).Set("others", true), ErrorCode.BadRequest),
        BadInput.Refused("ending another's device", FrameType.EndDevices, stage => new ControlMap().Set("device", stage.Witness.Welcome.Device.Value), ErrorCode.NoSuchDevice),
        BadInput.Refused("ending another's devices as if one ran the broker", FrameType.EndDevices, stage => new ControlMap().SetId("user", stage.Witness.Welcome.User.Value).Set("all", true), ErrorCode.Forbidden),
        BadInput.Refused("devices after a negative one", FrameType.ListDevices, _ => new ControlMap().Set("after", -1), ErrorCode.BadRequest),
        BadInput.Refused("another password without the old one", FrameType.ChangePassword, _ => new ControlMap().Set("new", "battery staple"), ErrorCode.BadRequest),
        BadInput.Refused("a new password of seven bytes", FrameType.ChangePassword, _ => new ControlMap().Set("password", TestBroker.Password).Set("new", "1234567"), ErrorCode.PasswordInvalid),
        BadInput.Refused("another password for a wrong one", FrameType.ChangePassword, _ => new ControlMap().Set("password", "not the password").Set("new", "battery staple"), ErrorCode.WrongCredentials),
        BadInput.Refused("a challenge where none are given", FrameType.BeginProof, _ => new ControlMap().Set("scram", "n,,n=witness,r=fyko+d2lbbFgONRv9qkx"), ErrorCode.MechanismRefused),
        BadInput.Refused("a challenge to nothing", FrameType.BeginProof, _ => new ControlMap(), ErrorCode.BadRequest),
        BadInput.Refused("a challenge to 1,025 bytes", FrameType.BeginProof, _ => new ControlMap().Set("scram", new string('x', 1025)), ErrorCode.BadRequest),
        BadInput.Refused("a proof that answers no challenge", FrameType.ChangePassword, _ => new ControlMap().Set("scram", "c=biws,r=x,p=x"), ErrorCode.BadRequest),
        BadInput.Refused("being erased by a proof that answers no challenge", FrameType.ErasePerson, _ => new ControlMap().Set("begin", true).Set("scram", "c=biws,r=x,p=x"), ErrorCode.BadRequest),
        BadInput.Refused("a key of 33 bytes", FrameType.ChangePassword, _ => new ControlMap().Set("scram", "x").Set("stored_key", new byte[33]), ErrorCode.BadRequest),
        new("guessing the password of an unlocked device", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            ReceivedFrame answer = default!;
            for (int i = 0; i < 6; i++)
            {
                answer = await client.AskAsync(FrameType.ChangePassword, new ControlMap().Set("password", $"guess number {i}").Set("new", "battery staple"));
            }

            await BadInput.ExpectErrorAsync(client, answer, ErrorCode.RateLimited);
            Assert.That(answer.ToFailure().RetryAfterMs, Is.Positive);
        }),
        BadInput.Refused("suspending without the right", FrameType.SuspendUser, stage => new ControlMap().SetId("user", stage.Witness.Welcome.User.Value).Set("suspended", true), ErrorCode.Forbidden),
        BadInput.Refused("listing accounts without the right", FrameType.ListUsers, _ => new ControlMap(), ErrorCode.Forbidden),
        BadInput.Refused("listing sessions without the right", FrameType.ListSessions, _ => new ControlMap(), ErrorCode.Forbidden),
    ];
}
