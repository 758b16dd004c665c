using System.Buffers;
using System.Text;

using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>What is made of control bodies field by field.</summary>
internal static class ControlBodyTargets
{
    public static IReadOnlyList<Func<IFuzzTarget>> All { get; } =
    [
        static () => new ControlBodyTarget<Hello>("control-hello", [FrameType.Hello], Hello.Parse, hello => hello.ToMap()),
        static () => new ControlBodyTarget<Welcome>("control-welcome", [FrameType.Welcome], Welcome.Parse, welcome => welcome.ToMap()),
        static () => new ControlBodyTarget<Challenge>("control-challenge", [FrameType.Challenge], Challenge.Parse, challenge => challenge.ToMap()),
        static () => new ControlBodyTarget<Proof>("control-proof", [FrameType.Proof], Proof.Parse, proof => proof.ToMap()),
        static () => new ControlBodyTarget<ConversationInfo>("control-conversation", [FrameType.Reply, FrameType.CreateConversation], ConversationInfo.Parse, info => info.ToMap()),
        static () => new ControlBodyTarget<MemberInfo>("control-member", [FrameType.Reply, FrameType.ListMembers], MemberInfo.Parse, member => member.ToMap()),
        static () => new ControlBodyTarget<UserInfo>("control-user", [FrameType.Reply, FrameType.ResolveUsers], UserInfo.Parse, user => user.ToMap()),
        static () => new ControlBodyTarget<ProfileChange>("control-profile-change", [FrameType.SetProfile], ProfileChange.Parse, change => change.ToMap()),
        static () => new ControlBodyTarget<Profile>("control-profile", [FrameType.Reply, FrameType.SetProfile], Profile.Parse, profile => profile.ToMap()),
        static () => new ControlBodyTarget<FoundUser>("control-found-user", [FrameType.Reply, FrameType.SearchUsers], FoundUser.Parse, user => user.ToMap()),
        static () => new ControlBodyTarget<BlockInfo>("control-block", [FrameType.Reply, FrameType.Block], BlockInfo.Parse, block => block.ToMap()),
        static () => new ControlBodyTarget<ServiceInfo>("control-service", [FrameType.Reply, FrameType.CreateService], ServiceInfo.Parse, service => service.ToMap()),
        static () => new ControlBodyTarget<DeviceInfo>("control-device", [FrameType.Reply, FrameType.ListDevices], DeviceInfo.Parse, device => device.ToMap()),
        static () => new ControlBodyTarget<AccountInfo>("control-account", [FrameType.Reply, FrameType.ListUsers], AccountInfo.Parse, account => account.ToMap()),
        static () => new ControlBodyTarget<SessionInfo>("control-session", [FrameType.Reply, FrameType.ListSessions], SessionInfo.Parse, session => session.ToMap()),
        static () => new ControlBodyTarget<ShardActivity>("control-shard-activity", [FrameType.Reply, FrameType.GetActivity], ShardActivity.Parse, shard => shard.ToMap()),
        static () => new ControlBodyTarget<ConversationActivity>("control-conversation-activity", [FrameType.Reply, FrameType.GetActivity], ConversationActivity.Parse, conversation => conversation.ToMap()),
        static () => new ControlBodyTarget<RefusalActivity>("control-refusal-activity", [FrameType.Reply, FrameType.GetActivity], RefusalActivity.Parse, refusal => refusal.ToMap()),
        static () => new ControlBodyTarget<TokenPair>("control-token-pair", [FrameType.Reply, FrameType.Reauthenticate], TokenPair.Parse, pair => pair.ToMap()),
        static () => new ControlBodyTarget<ConversationChanges>("control-changes", [FrameType.ChangeConversation], ConversationChanges.Parse, changes => changes.ToMap()),
        static () => new ControlBodyTarget<JoinLinkInfo>("control-join-link", [FrameType.Reply, FrameType.CreateJoinLink], JoinLinkInfo.Parse, link => link.ToMap()),
        static () => new ControlBodyTarget<PresenceSetting>("control-presence-setting", [FrameType.Reply, FrameType.SetPresence], PresenceSetting.Parse, setting => setting.ToMap()),
        static () => new ControlBodyTarget<PresenceEntry>("control-presence-entry", [FrameType.Reply, FrameType.WatchPresence], PresenceEntry.Parse, entry => entry.ToMap()),
    ];
}

/// <summary>
/// A control body's fields. Only <see cref="ControlFormatException"/> leaves the parser; and what it reads is the same after it was written and read again, so nothing that a peer sent is lost or made up on the
/// way through the type.
/// </summary>
internal sealed class ControlBodyTarget<T>(string name, FrameType[] types, Func<ControlMap, T> parse, Func<T, ControlMap> toMap) : IFuzzTarget
    where T : class, IEquatable<T>
{
    public string Name => name;

    public IReadOnlyList<byte[]> Words { get; } =
    [
        [0xC0], [0xC2], [0xC3], [0xCF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xCE, 0xFF, 0xFF, 0xFF, 0xFF], [0xCE, 0x80, 0, 0, 0], [0xD3, 0x80, 0, 0, 0, 0, 0, 0, 0], [0xFF], [0xC4, 0x10], [0xC4, 0x0F],
        [0xD9, 0x41], [0x90], [0x80], [0xA0],
        .. ControlKeys.All.Select(key => new byte[] { (byte)(0xA0 | key.Length) }.Concat(Encoding.ASCII.GetBytes(key)).ToArray()),
    ];

    public IEnumerable<byte[]> Seeds() => types.SelectMany(VectorSeeds.Bodies);

    public long AllocationCap(int inputSize) => 32 * 1024 + (800 * inputSize);

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        if (!ControlMap.TryParse(new ReadOnlySequence<byte>(input.ToArray()), out ControlMap? map, out string reason))
        {
            outcome.Add(reason);
            return outcome.Value;
        }

        try
        {
            T value = parse(map);
            foreach (string key in map.Keys)
            {
                outcome.Add(ControlKeys.All.Contains(key) ? key : "?");
            }

            Property.Holds(value.Equals(parse(toMap(value))), "what was read is another thing after it was written");
            _ = value.ToString();
        }
        catch (ControlFormatException wrong)
        {
            outcome.Add(wrong.Message);
        }

        return outcome.Value;
    }

    public void Dispose()
    {
    }
}
