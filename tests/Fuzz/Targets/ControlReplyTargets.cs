using System.Buffers;
using System.Text;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>What the client makes of replies and notices that it only reads.</summary>
internal static class ControlReplyTargets
{
    public static IReadOnlyList<Func<IFuzzTarget>> All { get; } =
    [
        static () => new ControlReplyTarget("reply-message-state", FrameType.GetAnnotations, map => MessageState.Parse(map)),
        static () => new ControlReplyTarget("reply-inbox-entry", FrameType.GetInbox, map => InboxEntry.Parse(map)),
        static () => new ControlReplyTarget("reply-cursor-notice", FrameType.Notice, map => CursorNotice.Parse(new ConversationId(9), map)),
        static () => new ControlReplyTarget("reply-presence", FrameType.WatchPresence, map => PresenceSnapshot.Parse(map)),
        static () => new ControlReplyTarget("reply-backup", FrameType.Backup, map => BackupStatus.Parse(map)),
    ];
}

/// <summary>A reply's fields: only <see cref="ControlFormatException"/> leaves the parser, which a client takes for a broker that does not speak the protocol.</summary>
internal sealed class ControlReplyTarget(string name, FrameType request, Func<ControlMap, object> parse) : IFuzzTarget
{
    public string Name => name;

    public IReadOnlyList<byte[]> Words { get; } =
    [
        [0xC0], [0xC2], [0xC3], [0xCF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xCF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xCE, 0xFF, 0xFF, 0xFF, 0xFF], [0xFF], [0xC4, 0x10], [0x90], [0x80], [0xA0], [0x91, 0x80], [0x91, 0xC0],
        .. ControlKeys.All.Select(key => new byte[] { (byte)(0xA0 | key.Length) }.Concat(Encoding.ASCII.GetBytes(key)).ToArray()),
    ];

    public IEnumerable<byte[]> Seeds()
    {
        ArrayBufferWriter<byte> whole = new();
        new ControlMap()
            .SetId("conversation", 9).SetId("user", 5).Set("sequence", 3L).Set("unread", 2L).Set("activity", 1_700_000_000_000_000L).Set("content", "x"u8.ToArray()).Set("kind", 1L).Set("availability", "away")
            .Set("last", new ControlMap().Set("sequence", 3L).SetId("sender", 5).Set("sent_at", 17L).Set("kind", 1L).Set("text", "x"))
            .Set("reactions", new List<object?> { new ControlMap().Set("reaction", "👍").Set("count", 2L).Set("own", true) })
            .Set("entries", new List<object?> { new ControlMap().SetId("user", 5).Set("availability", "online") })
            .Write(whole);
        return VectorSeeds.Bodies(FrameType.Reply).Concat(VectorSeeds.Bodies(request)).Append(whole.WrittenSpan.ToArray());
    }

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
            object value = parse(map);
            foreach (string key in map.Keys)
            {
                outcome.Add(ControlKeys.All.Contains(key) ? key : "?");
            }

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
