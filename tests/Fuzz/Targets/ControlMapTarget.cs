using System.Buffers;
using System.Text;

using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// The reader of control bodies (protocol.md §2.4). It never throws; what it makes of the bytes does not depend on how they lie in memory; the limits on entries, elements and nesting hold for what comes out, also
/// in fields that nobody asked for; and a map that is written and read again is the same map.
/// </summary>
internal sealed class ControlMapTarget : IFuzzTarget
{
    /// <summary>Bytes of objects for a byte of the wire, at the most: an empty map is one byte and a dictionary. Four readings of the same bytes.</summary>
    private const int BytesPerByte = 4 * 200;

    public string Name => "control-map";

    public IReadOnlyList<byte[]> Words { get; } =
    [
        [0xDE, 0x00, 0x40], [0xDE, 0x00, 0x41], [0xDC, 0x01, 0xF4], [0xDC, 0x01, 0xF5], [0xDD, 0xFF, 0xFF, 0xFF, 0xFF], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF], [0xC6, 0x80, 0x00, 0x00, 0x00],
        [0xDB, 0xFF, 0xFF, 0xFF, 0xFF], [0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91], [0x81, 0xA1, 0x61, 0x81, 0xA1, 0x61], [0xCB, 0x7F, 0xF8, 0, 0, 0, 0, 0, 0], [0xCA, 0x7F, 0xA0, 0, 0], [0xC7, 0, 1], [0xD4, 1, 0],
        [0xCF, 0x80, 0, 0, 0, 0, 0, 0, 0], [0xD3, 0x80, 0, 0, 0, 0, 0, 0, 0], [0xA2, 0xC3, 0x28], [0xC0], [0xC1],
        .. ControlKeys.All.Select(key => new byte[] { (byte)(0xA0 | key.Length) }.Concat(Encoding.ASCII.GetBytes(key)).ToArray()),
    ];

    public IEnumerable<byte[]> Seeds() => VectorSeeds.Maps();

    public long AllocationCap(int inputSize) => 16 * 1024 + (BytesPerByte * inputSize);

    public ulong Run(ReadOnlySpan<byte> input)
    {
        byte[] bytes = input.ToArray();
        bool isRead = ControlMap.TryParse(new ReadOnlySequence<byte>(bytes), out ControlMap? map, out string reason);
        CheckSplit(bytes, bytes.Length / 2, map, reason);
        CheckSplit(bytes, bytes.Length == 0 ? 0 : bytes[0] % bytes.Length, map, reason);

        Outcome outcome = default;
        outcome.Add(reason);
        if (isRead)
        {
            CheckLimits(map, 1, ref outcome);
            ArrayBufferWriter<byte> written = new(bytes.Length + 16);
            map!.Write(written);
            Property.Holds(ControlMap.TryParse(new ReadOnlySequence<byte>(written.WrittenMemory), out ControlMap? again, out _), "a map that was written cannot be read");
            Property.Holds(ControlValues.AreEqual(map, again), "a map that is written and read again is another one");
        }

        return outcome.Value;
    }

    public void Dispose()
    {
    }

    private static void CheckSplit(byte[] bytes, int at, ControlMap? expected, string reason)
    {
        Piece last = new(bytes.AsMemory(at), at, null);
        Piece first = new(bytes.AsMemory(0, at), 0, last);
        bool isRead = ControlMap.TryParse(new ReadOnlySequence<byte>(first, 0, last, bytes.Length - at), out ControlMap? map, out string otherReason);
        Property.Holds(isRead == (expected is not null) && reason == otherReason, "a map in two pieces is judged in another way");
        Property.Holds(!isRead || ControlValues.AreEqual(expected, map), "a map in two pieces is another one");
    }

    private static void CheckLimits(object? value, int depth, ref Outcome outcome)
    {
        switch (value)
        {
            case ControlMap map:
                Property.Holds(depth <= ProtocolLimits.ControlDepthMax, "a map lies deeper than the limit");
                Property.Holds(map.Count <= ProtocolLimits.ControlMapMax, "a map has more entries than the limit");
                outcome.Add((ulong)depth);
                outcome.AddSize(map.Count);
                foreach (string key in map.Keys)
                {
                    outcome.Add((ulong)(map[key]?.GetType().Name.Length ?? 0));
                    CheckLimits(map[key], depth + 1, ref outcome);
                }

                break;
            case List<object?> list:
                Property.Holds(depth <= ProtocolLimits.ControlDepthMax, "an array lies deeper than the limit");
                Property.Holds(list.Count <= ProtocolLimits.ControlArrayMax, "an array has more elements than the limit");
                outcome.AddSize(list.Count);
                foreach (object? element in list)
                {
                    Outcome unseen = default;
                    CheckLimits(element, depth + 1, ref unseen);
                }

                break;
            default:
                Property.Holds(value is null or bool or long or ulong or string or byte[] or double, "a value of a kind that control bodies do not have");
                break;
        }
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, long before, Piece? next)
        {
            Memory = memory;
            RunningIndex = before;
            Next = next;
        }
    }
}
