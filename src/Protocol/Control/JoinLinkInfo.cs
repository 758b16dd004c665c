namespace FastChat.Protocol;

/// <summary>A join link as the reply of ListJoinLinks describes it: all but what would let anybody follow it.</summary>
/// <param name="Id">What it is called by when it is revoked.</param>
/// <param name="Role">What who follows it becomes.</param>
/// <param name="UsesLeft">How often it can be followed still; null = any number of times.</param>
/// <param name="Expires">When it ends.</param>
/// <param name="IsExpired">True when nobody can follow it any more: out of time or of uses.</param>
/// <param name="Creator">Who made it.</param>
public sealed record JoinLinkInfo(UInt128 Id, MemberRole Role, uint? UsesLeft, DateTimeOffset Expires, bool IsExpired, UserId Creator)
{
    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static JoinLinkInfo Parse(ControlMap map) => new(
        map.Id("id"),
        MemberRoles.Parse(map.Text("role", ProtocolLimits.NameSizeMax)),
        map["uses_left"] is null ? null : (uint)map.Number("uses_left", 0, uint.MaxValue),
        Micros.ToTime((long)map.Number("expires", 0, long.MaxValue)),
        map.Flag("expired"),
        new UserId(map.Id("creator")));

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("id", Id)
        .Set("role", MemberRoles.NameOf(Role))
        .Set("uses_left", UsesLeft)
        .Set("expires", Micros.Of(Expires))
        .Set("expired", IsExpired)
        .SetId("creator", Creator.Value);
}
