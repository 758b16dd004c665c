using System.Globalization;

namespace FastChat.Protocol;

/// <summary>
/// A place in a conversation's log: the incarnation of the log and a number from 1 without holes; sequence 0 stands before the first.
/// Two positions can be compared only inside one epoch: the epoch changes when acknowledged records were lost, so that nobody resumes
/// on a log that is not the one he read (protocol.md §6).
/// </summary>
/// <param name="Epoch">Incarnation of the log, from 1. 0 means "whichever is current".</param>
/// <param name="Sequence">Number of the record, from 1; 0 = before the first.</param>
public readonly record struct LogPosition(uint Epoch, ulong Sequence)
{
    /// <summary>The sequence that stands for "after whatever is the head now".</summary>
    public const ulong Latest = ulong.MaxValue;

    /// <summary>Before the first record of the current epoch.</summary>
    public static LogPosition Start => default;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Epoch}:{Sequence}");
}
