namespace FastChat.History;

/// <summary>An (epoch, sequence) as one ordered number: what comes later in an epoch, or in a later epoch, is greater. Zero is before everything.</summary>
internal readonly record struct Position(UInt128 Packed) : IComparable<Position>
{
    public Position(uint epoch, ulong sequence)
        : this(((UInt128)epoch << 64) | sequence)
    {
    }

    public uint Epoch => (uint)(Packed >> 64);

    public ulong Sequence => (ulong)Packed;

    public bool IsNone => Packed == 0;

    public static bool operator <(Position left, Position right) => left.Packed < right.Packed;

    public static bool operator >(Position left, Position right) => left.Packed > right.Packed;

    public static bool operator <=(Position left, Position right) => left.Packed <= right.Packed;

    public static bool operator >=(Position left, Position right) => left.Packed >= right.Packed;

    public int CompareTo(Position other) => Packed.CompareTo(other.Packed);

    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Epoch}:{Sequence}");
}
