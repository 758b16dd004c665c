namespace FastChat.Cli;

/// <summary>A named value of a frame, as people and programs read it.</summary>
/// <param name="Name">The name it has in protocol.md.</param>
/// <param name="Offset">Where it begins, in bytes of the frame's body; −1 inside a control map, which has no fixed places.</param>
/// <param name="Value">null, bool, long, ulong or string.</param>
/// <param name="Note">What a number stands for; null when it says everything itself.</param>
/// <param name="Children">The parts of a record, map or array.</param>
internal sealed record DecodedField(string Name, int Offset, object? Value, string? Note = null, IReadOnlyList<DecodedField>? Children = null);

/// <summary>A frame taken apart, or as much of it as could be.</summary>
internal sealed class DecodedFrame
{
    private readonly List<DecodedField> _fields = [];
    private readonly List<string> _problems = [];

    /// <summary>The frame's name in protocol.md §4.1, or its number.</summary>
    public required string Name { get; init; }

    /// <summary>"C→S", "S→C", "both", or "unknown".</summary>
    public required string Sender { get; init; }

    /// <summary>The request number.</summary>
    public uint Request { get; init; }

    /// <summary>Bytes of the body that the header declares.</summary>
    public int Length { get; init; }

    /// <summary>Where the frame begins in the input.</summary>
    public int Position { get; init; }

    /// <summary>The body, field by field.</summary>
    public IReadOnlyList<DecodedField> Fields => _fields;

    /// <summary>What is wrong with it; empty for a good frame.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Adds a field.</summary>
    public void Add(DecodedField field) => _fields.Add(field);

    /// <summary>Says what is wrong.</summary>
    public void Blame(string problem) => _problems.Add(problem);
}
