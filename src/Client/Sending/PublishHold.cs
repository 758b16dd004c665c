using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>
/// What happens to publishes that the broker refused for the time being, because its disk is full or too many came in too short a time (protocol.md §7.4): none of them fails. The write loop sends no further publish; when everything
/// under way is answered and the broker's time is over, all that were refused go out again, in their order and from the same bytes, before anything newer. It repeats until there is room.
/// <para>
/// Whoever is refused for their rate was sending too far ahead: what stands behind the first refusal was sent in vain and is sent again. So the number of publishes under way is halved each time, and grows by one with each batch of answers: a sender that has more to say than it may
/// comes to rest at its rate.
/// </para>
/// <para>
/// Threads: <see cref="OnRefused"/> and <see cref="OnAnswered"/> by the read loop; <see cref="MayPublish"/> by the write loop; <see cref="Reset"/> between connections. The states follow one another
/// Open → Draining → Waiting → Due → Open, and each step has one owner.
/// </para>
/// </summary>
internal sealed class PublishHold(SendQueue sends, TimeProvider time, Action wake)
{
    private const int Open = 0;
    private const int Draining = 1;
    private const int Waiting = 2;
    private const int Due = 3;

    private const long WindowMin = 16;

    private static readonly TimeSpan s_retryAfter = TimeSpan.FromSeconds(1);

    private int _state;
    private int _connection;
    private TimeSpan _retryAfter;
    private long _window = long.MaxValue;

    /// <summary>Publishes that may be under way, beside what the broker allows at all.</summary>
    public long Window => Volatile.Read(ref _window);

    /// <summary>A publish was refused: it stays in the queue. False when no such publish is unanswered.</summary>
    public bool OnRefused(uint request, ErrorCode code, TimeSpan retryAfter)
    {
        long underWay = sends.InFlight;
        if (!sends.TryRefuse(request))
        {
            return false;
        }

        // While it waits nothing is under way, so a refusal can only come in these two states.
        _retryAfter = retryAfter > TimeSpan.Zero ? retryAfter : s_retryAfter;
        if (Interlocked.CompareExchange(ref _state, Draining, Open) == Open && code == ErrorCode.RateLimited)
        {
            Volatile.Write(ref _window, Math.Max(WindowMin, Math.Min(_window, underWay) / 2));
        }

        return true;
    }

    /// <summary>Behind each batch of answers that has been released: when nothing is under way any more, the waiting begins.</summary>
    public void OnAnswered()
    {
        int state = Volatile.Read(ref _state);
        if (state == Open && _window != long.MaxValue)
        {
            Volatile.Write(ref _window, _window + 1);
        }

        if (state is Open or Waiting || sends.InFlight != 0)
        {
            return;
        }

        if (state == Due)
        {
            wake();
            return;
        }

        Volatile.Write(ref _state, Waiting);
        _ = WaitAsync(Volatile.Read(ref _connection));
    }

    /// <summary>True when the write loop may take publishes; goes back to the first refused one when their time has come.</summary>
    public bool MayPublish()
    {
        int state = Volatile.Read(ref _state);
        if (state == Due && sends.InFlight == 0)
        {
            // A run that was on its way when the first refusal came may have been answered late: it counts, too.
            sends.GoBack();
            Volatile.Write(ref _state, Open);
            return true;
        }

        return state == Open;
    }

    /// <summary>A new connection knows of no refusal, and everything unanswered goes out on it anyway.</summary>
    public void Reset()
    {
        Interlocked.Increment(ref _connection);
        Volatile.Write(ref _window, long.MaxValue);
        Volatile.Write(ref _state, Open);
    }

    private async Task WaitAsync(int connection)
    {
        await Task.Delay(_retryAfter, time).ConfigureAwait(Continuation.InContext);
        if (Volatile.Read(ref _connection) == connection && Interlocked.CompareExchange(ref _state, Due, Waiting) == Waiting)
        {
            wake();
        }
    }
}
