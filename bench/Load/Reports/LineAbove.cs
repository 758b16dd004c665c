using System.Text;

namespace FastChat.Bench.Load.Reports;

/// <summary>Writes whole lines to a terminal that shows a <see cref="LiveLine"/>: the line is erased first and is back within a second.</summary>
internal sealed class LineAbove(TextWriter terminal) : TextWriter
{
    /// <inheritdoc/>
    public override Encoding Encoding => terminal.Encoding;

    /// <inheritdoc/>
    public override void Write(char value) => terminal.Write(value);

    /// <inheritdoc/>
    public override void Write(string? value) => terminal.Write(value);

    /// <inheritdoc/>
    public override void WriteLine(string? value) => terminal.WriteLine(LiveLine.Erase + value);

    /// <inheritdoc/>
    public override void Flush() => terminal.Flush();
}
