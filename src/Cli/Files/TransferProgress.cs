using System.Globalization;

using FastChat.Client;

namespace FastChat.Cli;

/// <summary>How far an upload or download is, for the progress line. Told by the client, read by the line's timer.</summary>
internal sealed class TransferProgress : IProgress<AttachmentProgress>
{
    private ulong _done;
    private ulong _total;

    /// <inheritdoc/>
    public void Report(AttachmentProgress value)
    {
        Volatile.Write(ref _total, value.Total);
        Volatile.Write(ref _done, value.Done);
    }

    /// <summary>One line for people.</summary>
    public string Describe(string name)
    {
        ulong total = Volatile.Read(ref _total);
        ulong done = Volatile.Read(ref _done);
        return total == 0
            ? SafeText.OneLine(name)
            : string.Create(CultureInfo.InvariantCulture, $"{SafeText.OneLine(name)}: {AttachmentTexts.Size(done)} of {AttachmentTexts.Size(total)}, {100.0 * done / total:0} %");
    }
}
