namespace FastChat.Cli;

/// <summary>A line on stderr that is written over while long work goes on; nothing when stderr is no terminal. Disposing takes it away.</summary>
internal sealed class ProgressLine : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly ITimer? _timer;

    /// <summary>Shows what <paramref name="text"/> says, four times a second.</summary>
    public ProgressLine(Func<string> text, TimeProvider time)
    {
        if (!Console.IsErrorRedirected)
        {
            _timer = time.CreateTimer(_ => Console.Error.Write($"\r{text()}\e[K"), null, Interval, Interval);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_timer is not null)
        {
            _timer.Dispose();
            Console.Error.Write("\r\e[K");
        }
    }
}
