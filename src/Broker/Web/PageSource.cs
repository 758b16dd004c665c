using FastChat.Broker.Diagnostics;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Web;

/// <summary>
/// What the broker serves as its page just now: the files of a directory, or as long as there are none a document that says how to build them. The directory's index is looked at every second, so a page that is built beside the
/// running broker appears, and a new build replaces the old one as a whole. Any thread.
/// </summary>
internal sealed class PageSource : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly string _directory;
    private readonly ILogger _log;
    private readonly Lock _reading = new();
    private readonly ITimer _timer;
    private readonly PageFiles _missing;
    private PageFiles _current;
    private (DateTime Written, long Size) _seen;

    /// <param name="directory">Where the built page lies; it need not be there.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="log">Is told what is served, and what cannot be.</param>
    public PageSource(string directory, TimeProvider clock, ILogger log)
    {
        (_directory, _log) = (directory, log);
        _missing = _current = PageFiles.OfDocument(MissingPage.Html);
        Look();
        _timer = clock.CreateTimer(static source => ((PageSource)source!).Look(), this, Interval, Interval);
    }

    /// <summary>What is served.</summary>
    public PageFiles Current => Volatile.Read(ref _current);

    /// <summary>Reads the directory again if its index has changed. Does not throw: a directory that cannot be read leaves everything as it is.</summary>
    public void Look()
    {
        lock (_reading)
        {
            (DateTime Written, long Size) seen = _seen;
            try
            {
                FileInfo index = new(Path.Combine(_directory, PageFiles.Index));
                seen = index.Exists ? (index.LastWriteTimeUtc, index.Length) : default;
                if (seen == _seen)
                {
                    return;
                }

                PageFiles files = index.Exists ? PageFiles.Read(_directory) : _missing;
                Volatile.Write(ref _current, files);
                BrokerLog.PageLoaded(_log, index.Exists ? files.Count : 0, _directory);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // Said once for each state of the index; what was served before goes on being served.
                BrokerLog.PageUnreadable(_log, _directory, failure.Message);
            }
            finally
            {
                _seen = seen;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();
}
