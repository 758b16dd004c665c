namespace FastChat.Functional.Tests;

/// <summary>Rows about a person's data.</summary>
internal static class BadPrivacy
{
    /// <summary>The rows.</summary>
    public static IReadOnlyList<BadInput> Rows { get; } =
    [
        .. new[] { FrameType.ExportPerson, FrameType.GetExport, FrameType.ErasePerson }
            .SelectMany(type => BadHello.Maps.Select(map => BadInput.Refused($"{type}: {map.Name}", type, _ => map.Body, ErrorCode.BadRequest))),
        .. new[] { FrameType.ExportPerson, FrameType.GetExport, FrameType.ErasePerson }
            .Select(type => BadInput.Refused($"{type} of another", type, stage => new ControlMap().SetId("user", stage.Witness.Welcome.User.Value).Set("begin", true), ErrorCode.Forbidden)),

        BadInput.Refused("begin as a number", FrameType.ExportPerson, _ => new ControlMap().Set("begin", 1), ErrorCode.BadRequest),
        BadInput.Refused("a user of four bytes", FrameType.ExportPerson, _ => new ControlMap().Set("user", new byte[4]), ErrorCode.BadRequest),
        BadInput.Refused("an archive before there is one", FrameType.GetExport, _ => new ControlMap().Set("offset", 0L), ErrorCode.NoSuchExport),
        BadInput.Refused("an archive from a negative place", FrameType.GetExport, _ => new ControlMap().Set("offset", -1), ErrorCode.BadRequest),
        BadInput.Refused("a range of 65,537 bytes", FrameType.GetExport, _ => new ControlMap().Set("length", 65_537L), ErrorCode.BadRequest),
        BadInput.Refused("erasing without the password", FrameType.ErasePerson, _ => new ControlMap().Set("begin", true), ErrorCode.BadRequest),
    ];
}
