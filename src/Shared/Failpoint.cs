using System.Globalization;
using System.Runtime.CompilerServices;

namespace FastChat.Shared;

/// <summary>
/// A named place at which the process can be told to die, as kill -9 would have it just there: <c>FASTCHAT_FAILPOINT=name:n</c>, the n-th time that it is reached. For campaigns; without the variable
/// the check is a constant that the compiler removes. Any thread.
/// </summary>
internal static class Failpoint
{
    private static readonly (string Name, long Visit) s_wanted = Wanted(Environment.GetEnvironmentVariable("FASTCHAT_FAILPOINT"));
    private static readonly bool s_isArmed = s_wanted.Name.Length > 0;

    private static long s_visits;

    /// <summary>The process is at the place called <paramref name="name"/>; it may end here.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Reach(string name)
    {
        if (s_isArmed)
        {
            Visit(name);
        }
    }

    private static void Visit(string name)
    {
        if (name == s_wanted.Name && Interlocked.Increment(ref s_visits) == s_wanted.Visit)
        {
            System.Diagnostics.Process.GetCurrentProcess().Kill();

            // The signal is on its way to every thread; this one does nothing more in any case.
            Thread.Sleep(Timeout.Infinite);
        }
    }

    private static (string Name, long Visit) Wanted(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return (string.Empty, 0);
        }

        int colon = text.LastIndexOf(':');
        return colon > 0 && long.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long visit) && visit > 0
            ? (text[..colon], visit)
            : throw new FormatException($"FASTCHAT_FAILPOINT: name:n is expected, not '{text}'");
    }
}
