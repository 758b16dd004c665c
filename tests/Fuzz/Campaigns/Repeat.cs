namespace FastChat.Fuzz;

/// <summary>Runs one input again, found by its number or read from a file.</summary>
internal static class Repeat
{
    /// <summary>The bytes of an input: its block is run up to it.</summary>
    public static byte[] Find(IFuzzTarget target, ulong seed, long number)
    {
        InputSequence sequence = new(target, Corpus.Load(target), seed);
        sequence.Begin(number / target.BlockSize);
        while (true)
        {
            ReadOnlySpan<byte> input = sequence.Next();
            if (sequence.Number == number)
            {
                return input.ToArray();
            }

            // All of them are run: what they reach decides which inputs come next, and a target with a state of its own must have it when the input comes.
            if (TryRun(target, input, out ulong outcome) is null)
            {
                sequence.Learn(outcome);
            }
        }
    }

    /// <summary>Runs an input; what went wrong, or null.</summary>
    public static Exception? TryRun(IFuzzTarget target, ReadOnlySpan<byte> input, out ulong outcome)
    {
        outcome = 0;
        try
        {
            outcome = target.Run(input);
            return null;
        }
        catch (Exception failure)
        {
            return failure;
        }
    }
}
