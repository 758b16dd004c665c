using System.Diagnostics;

namespace FastChat.Campaigns;

/// <summary>Waits until something about a broker is so.</summary>
internal static class Watch
{
    /// <summary>Looks again and again.</summary>
    /// <exception cref="InvalidOperationException">It was not so in time; the message says what was expected.</exception>
    public static async Task UntilAsync(Func<Task<bool>> isSo, string expected, TimeSpan patience, CancellationToken cancellation)
    {
        if (!await IsEverAsync(isSo, patience, cancellation))
        {
            throw new InvalidOperationException($"not within {patience.TotalSeconds} s: {expected}");
        }
    }

    /// <summary>Looks again and again; false when it was not so in time.</summary>
    public static async Task<bool> IsEverAsync(Func<Task<bool>> isSo, TimeSpan patience, CancellationToken cancellation)
    {
        for (long begun = Stopwatch.GetTimestamp(); !await isSo();)
        {
            if (Stopwatch.GetElapsedTime(begun) > patience)
            {
                return false;
            }

            await Task.Delay(20, cancellation);
        }

        return true;
    }

    /// <summary>True when the health endpoint gives this status.</summary>
    public static async Task<bool> HasHealthAsync(BrokerProcess broker, int status, CancellationToken cancellation) => await broker.GetHealthAsync(cancellation) == status;
}
