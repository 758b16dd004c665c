namespace FastChat.Fuzz;

/// <summary>
/// One piece of code that reads bytes it did not write, and what must hold whatever the bytes are. <see cref="Run"/> catches the exceptions that the code documents and no others; everything else
/// that leaves it is a violation, and so are a run that takes too long or allocates more than <see cref="AllocationCap"/>.
/// <para>
/// Each worker has a target of its own: one thread at a time. A target may keep buffers between runs, but no run may depend on the one before it within what a block promises
/// (<see cref="BeginBlock"/>), or an input number would not repeat a failure.
/// </para>
/// </summary>
internal interface IFuzzTarget : IDisposable
{
    /// <summary>How it is called on the command line and in the corpus.</summary>
    string Name { get; }

    /// <summary>The longest input.</summary>
    int SizeMax => 1024;

    /// <summary>Inputs after which everything that was learned is forgotten: the most that has to be run again to repeat one of them.</summary>
    int BlockSize => 64 * 1024;

    /// <summary>
    /// True when what <see cref="Run"/> returns is a function of the input: then inputs that reach something new become parents of later ones. A target with threads of its own is not guided, because
    /// chance would decide what its inputs are.
    /// </summary>
    bool IsGuided => true;

    /// <summary>Byte strings that mean something to the code: mutation puts them in.</summary>
    IReadOnlyList<byte[]> Words => [];

    /// <summary>Inputs to begin with, beside the files of the corpus. Always the same ones in the same order.</summary>
    IEnumerable<byte[]> Seeds();

    /// <summary>Bytes that the run of an input of this size may allocate on its thread.</summary>
    long AllocationCap(int inputSize);

    /// <summary>
    /// Repairs what would otherwise end every mutated input at the first gate, for example a checksum that the code compares before anything else. Returns the new size.
    /// </summary>
    int Shape(Span<byte> buffer, int size, ref FuzzRandom random) => size;

    /// <summary>A new block begins: forget what earlier inputs left behind.</summary>
    void BeginBlock()
    {
    }

    /// <summary>Runs the code and checks what must hold. Returns the class of the outcome (<see cref="Outcome"/>): few values, one for each way through the code.</summary>
    ulong Run(ReadOnlySpan<byte> input);
}

/// <summary>A property does not hold.</summary>
internal sealed class FuzzFailureException(string message) : Exception(message);

/// <summary>Says what must hold. Messages are constants: the check stands on the hottest path there is here.</summary>
internal static class Property
{
    public static void Holds(bool condition, string message)
    {
        if (!condition)
        {
            throw new FuzzFailureException(message);
        }
    }
}

/// <summary>Puts the facts that make an outcome's class together.</summary>
internal struct Outcome
{
    public ulong Value { get; private set; }

    public void Add(ulong fact) => Value = System.Numerics.BitOperations.RotateLeft((Value ^ fact) * 0x9E37_79B9_7F4A_7C15, 29);

    public void Add(bool fact) => Add(fact ? 1ul : 2);

    /// <summary>Adds the order of magnitude of a size: each byte more would be a class of its own.</summary>
    public void AddSize(long size) => Add((ulong)System.Numerics.BitOperations.Log2((ulong)size + 1));

    /// <summary>Adds a text, for example a reason that was given.</summary>
    public void Add(ReadOnlySpan<char> text)
    {
        ulong hash = 14695981039346656037;
        foreach (char letter in text)
        {
            // Numbers in reasons are the input's, not the code's.
            hash = char.IsAsciiDigit(letter) ? hash : (hash ^ letter) * 1099511628211;
        }

        Add(hash);
    }
}
