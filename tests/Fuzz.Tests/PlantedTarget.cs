namespace FastChat.Fuzz.Tests;

/// <summary>A target whose code is a test's own.</summary>
internal sealed class PlantedTarget(Action<byte[]> run) : IFuzzTarget
{
    public string Name => "planted";

    public int SizeMax => 64;

    public int BlockSize { get; init; } = 4096;

    public bool HasMarks { get; init; } = true;

    public IEnumerable<byte[]> Seeds() => [new byte[16]];

    public long AllocationCap(int inputSize) => 1024 + inputSize;

    public ulong Run(ReadOnlySpan<byte> input)
    {
        run(input.ToArray());

        // Bytes that stand in order are a class of their own: with guidance, each is a step towards the next.
        int marks = 0;
        while (HasMarks && marks < input.Length && input[marks] == marks + 1)
        {
            marks++;
        }

        return (ulong)marks;
    }

    public void Dispose()
    {
    }
}
