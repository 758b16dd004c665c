using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What the keys of control bodies must hold (protocol.md §3.2, §4.6). Keys that are not listed are ones of a later version and pass.</summary>
internal static class ControlKeys
{
    private static readonly Dictionary<string, Action<ControlMap, string>> Requests = new(StringComparer.Ordinal)
    {
        ["conversation"] = static (map, key) => map.Id(key),
        ["user"] = static (map, key) => map.Id(key),
        ["after"] = static (map, key) => map.Id(key),
        ["key"] = static (map, key) => map.Id(key),
        ["users"] = static (map, key) => map.Ids(key),
        ["members"] = static (map, key) => map.Ids(key),
        ["names"] = static (map, key) => map.Texts(key, ProtocolLimits.NameSizeMax),
        ["name"] = static (map, key) => map.Text(key, ProtocolLimits.NameSizeMax),
        ["kind"] = static (map, key) => map.Text(key, ProtocolLimits.NameSizeMax),
        ["role"] = static (map, key) => map.Text(key, ProtocolLimits.NameSizeMax),
        ["title"] = static (map, key) => map.Text(key, ProtocolLimits.TitleSizeMax),
        ["create"] = static (map, key) => map.Flag(key),
        ["limit"] = static (map, key) => map.Number(key, 0),
        ["directory"] = static (map, key) => map.Text(key, ProtocolLimits.PathSizeMax),
        ["keep"] = static (map, key) => map.Number(key, 0),
        ["prefix"] = static (map, key) => map.Text(key, PeopleLimits.DisplayNameSizeMax),
        ["blocked"] = static (map, key) => map.Flag(key),
        ["rights"] = static (map, key) => map.Texts(key, ProtocolLimits.NameSizeMax),
        ["conversations"] = static (map, key) => map.Ids(key),
        ["availability"] = static (map, key) => map.Text(key, ProtocolLimits.NameSizeMax),
        ["status"] = static (map, key) => map.Text(key, ProtocolLimits.StatusSizeMax),
        ["status_until"] = static (map, key) => map.Number(key, 0, long.MaxValue),
        ["idle"] = static (map, key) => map.Flag(key),
        ["watch"] = static (map, key) => map.Flag(key),
        ["stop"] = static (map, key) => map.Flag(key),
        ["topic"] = static (map, key) => map.Text(key, ProtocolLimits.TopicSizeMax),
        ["avatar"] = static (map, key) => map.Text(key, ProtocolLimits.AvatarSizeMax),
        ["archived"] = static (map, key) => map.Flag(key),
        ["slow_mode"] = static (map, key) => map.Number(key, 0, ProtocolLimits.SlowModeSecondsMax),
        ["retention_seconds"] = static (map, key) => map.Number(key, 0, ProtocolLimits.RetentionSecondsMax),
        ["retention_bytes"] = static (map, key) => map.Number(key, 0, long.MaxValue),
        ["history"] = static (map, key) => map.Text(key, ProtocolLimits.NameSizeMax),
        ["change"] = static (map, key) => map.Text(key, ProtocolLimits.NameSizeMax),
        ["seconds"] = static (map, key) => map.Number(key, 0, ProtocolLimits.DurationDaysMax * 24UL * 60 * 60),
        ["uses"] = static (map, key) => map.Number(key, 0, uint.MaxValue - 1),
        ["id"] = static (map, key) => map.Id(key),
        ["hash"] = static (map, key) => map.Bytes(key, AttachmentId.Size),
        ["size"] = static (map, key) => map.Number(key, 0),
        ["sequence"] = static (map, key) => map.Number(key, 0),
        ["offset"] = static (map, key) => map.Number(key, 0),
        ["length"] = static (map, key) => map.Number(key, 0, AttachmentLimits.ChunkSize),
        ["crc"] = static (map, key) => map.Number(key, 0, uint.MaxValue),
        ["bytes"] = static (map, key) => map.Bytes(key, AttachmentLimits.ChunkSize),
        ["token"] = static (map, key) => map.Text(key, ProtocolLimits.TokenSizeMax),
        ["refresh"] = static (map, key) => map.Text(key, ProtocolLimits.TokenSizeMax),
        ["assertion"] = static (map, key) => map.Text(key, ProtocolLimits.AssertionSizeMax),
        ["add"] = static (map, key) => map.Text(key, ProtocolLimits.PublicKeySizeMax),
        ["remove"] = static (map, key) => map.Text(key, ProtocolLimits.NameSizeMax),
        ["password"] = static (map, key) => map.Text(key, ProtocolLimits.HelloSizeMax),
        ["new"] = static (map, key) => map.Text(key, ProtocolLimits.HelloSizeMax),
        ["scram"] = static (map, key) => map.Text(key, ProtocolLimits.ScramSizeMax),
        ["changes"] = static (map, key) => map.Flag(key),
        ["stored_key"] = static (map, key) => map.Bytes(key, ScramKeys.Size),
        ["server_key"] = static (map, key) => map.Bytes(key, ScramKeys.Size),
        ["renews"] = static (map, key) => map.Flag(key),
        ["device"] = static (map, key) => map.Number(key, 0),
        ["others"] = static (map, key) => map.Flag(key),
        ["all"] = static (map, key) => map.Flag(key),
        ["suspended"] = static (map, key) => map.Flag(key),
        ["begin"] = static (map, key) => map.Flag(key),
        ["discard"] = static (map, key) => map.Flag(key),
        ["limits"] = static (map, key) => map.Map(key),
        ["link"] = static (map, key) => map.Text(key, ProtocolLimits.NameSizeMax),
    };

    /// <summary>Says what is wrong with a body; nothing for frames whose keys depend on what they answer.</summary>
    public static void Judge(FrameType type, ControlMap map, Action<string> blame)
    {
        switch (type)
        {
            case FrameType.Hello:
                Try(() => Hello.Parse(map), blame);
                break;
            case FrameType.Welcome:
                Try(() => Welcome.Parse(map), blame);
                break;
            case FrameType.Challenge:
                Try(() => Challenge.Parse(map), blame);
                break;
            case FrameType.Proof:
                Try(() => Proof.Parse(map), blame);
                break;
            case FrameType.SetProfile:
                Try(() => ProfileChange.Parse(map), blame);
                break;
            case FrameType.GetProfiles:
                Try(() => Array.ForEach(map.Maps("users") ?? [], asked => JudgeQuery(asked)), blame);
                break;
            case FrameType.GetThread or FrameType.GetPins:
                // These page by sequences, not by ids.
                Try(() => _ = (map.Id("conversation"), map.Number("root", 0), map.Number("after", 0), map.Number("limit", 0)), blame);
                break;
            case FrameType.CreateService:
                // Its key is a public one.
                Try(
                    () => _ = (map.Text("name", ProtocolLimits.HelloSizeMax), map.Texts("rights", ProtocolLimits.NameSizeMax), map.Ids("conversations"), map.Text("key", ProtocolLimits.PublicKeySizeMax), map.Text("certificate", ProtocolLimits.CertificateNameSizeMax)),
                    blame);
                break;
            case FrameType.ListDevices:
                // It pages by the devices' numbers.
                Try(() => _ = (map.Id("user"), map.Number("after", 0), map.Number("limit", 0)), blame);
                break;
            case FrameType.GetInbox:
                Try(() => _ = (map.Bytes("known", ProtocolLimits.ClientFrameSizeMax), map.Bytes("after", ProtocolLimits.PingSizeMax), map.Number("epoch", 0), map.Number("limit", 0), map.Id("first"), map.Id("last")), blame);
                break;
            case FrameType.Schedule:
                Try(
                    () => _ = (map.Id("conversation"), map.Id("id"), map.Number("kind", 0, byte.MaxValue), map.Bytes("body", ProtocolLimits.ClientFrameSizeMax), map.Number("at", 0, long.MaxValue)),
                    blame);
                break;
            case FrameType.Hide:
                Try(() => _ = (map.Id("conversation"), map.Bytes("sequences", ProtocolLimits.ControlArrayMax * sizeof(ulong)), map.Flag("hidden")), blame);
                break;
            case FrameType.ListScheduled or FrameType.ListHidden:
                // These page by places of their own.
                Try(() => _ = (map.Id("conversation"), map.Bytes("after", ProtocolLimits.PingSizeMax), map.Number("limit", 0)), blame);
                break;
            case FrameType when FrameTypes.IsControlRequest(type):
                foreach (string key in map.Keys)
                {
                    if (Requests.TryGetValue(key, out Action<ControlMap, string>? read))
                    {
                        Try(() => read(map, key), blame);
                    }
                }

                break;
        }
    }

    private static void JudgeQuery(ControlMap? asked)
    {
        if (asked?["user"] is null)
        {
            throw new ControlFormatException("users: maps with a user are expected");
        }

        asked.Id("user");
        asked.Number("version", 0);
    }

    private static void Try(Action read, Action<string> blame)
    {
        try
        {
            read();
        }
        catch (ControlFormatException wrong)
        {
            blame(wrong.Message);
        }
    }
}
