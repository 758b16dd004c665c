using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// A decoder of a frame's body. It never throws. What it reads and writes back is the same bytes; where it is lenient, the same but for the bytes that it does not look at, and reading and writing that once
/// more changes nothing.
/// </summary>
internal sealed class BodyTarget(BodyCodec codec) : IFuzzTarget
{
    private const int TypicalSize = 40;

    private readonly byte[] _once = new byte[2048];
    private readonly byte[] _twice = new byte[2048];

    public string Name => codec.Name;

    public int SizeMax => 640;

    public IReadOnlyList<byte[]> Words { get; } = [new byte[16], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [1, 0, 0, 0], [0xC3, 0xA9], [0xF0, 0x9F, 0x98, 0x80], [0xED, 0xA0, 0x80]];

    public IEnumerable<byte[]> Seeds() =>
        VectorSeeds.Bodies(codec.Type).Append(new byte[TypicalSize]).Append(new byte[24]).Append([.. Enumerable.Range(1, 64).Select(value => (byte)value)]);

    /// <summary>Bodies are views; only a reason is a text of its own, here read twice and encoded twice, and three bytes long for each that is ill-formed.</summary>
    public long AllocationCap(int inputSize) => codec.Type == FrameType.Error ? 1024 + (48 * inputSize) : 0;

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        bool isRead = codec.RoundTrip(input, _once, out int once, ref outcome);
        outcome.Add(isRead);
        outcome.AddSize(input.Length);
        if (!isRead)
        {
            return outcome.Value;
        }

        ReadOnlySpan<byte> written = _once.AsSpan(0, once);
        if (codec.IsExact)
        {
            Property.Holds(written.SequenceEqual(input), "what was read is written back as other bytes");
            return outcome.Value;
        }

        for (int i = 0; i < Math.Min(once, input.Length); i++)
        {
            Property.Holds(written[i] == input[i] || IsIgnored(i), "a byte that means something is written back as another one");
        }

        Outcome again = default;
        Property.Holds(codec.RoundTrip(written, _twice, out int twice, ref again), "what was written cannot be read");
        Property.Holds(written.SequenceEqual(_twice.AsSpan(0, twice)), "reading and writing once more changes the bytes");
        return outcome.Value;
    }

    public void Dispose()
    {
    }

    private bool IsIgnored(int offset)
    {
        foreach ((int from, int to) in codec.Ignored)
        {
            if (offset >= from && offset < to)
            {
                return true;
            }
        }

        return false;
    }
}
