using System.Diagnostics.CodeAnalysis;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// Who types where, as far as this client was told. Each entry ends by itself when its time is over, with a message of the same user, and with the connection; the application hears of a beginning, a change and an
/// end, each once. The read loop puts in; the clock's timer ends; a lock makes one of them, also while the application is told.
/// </summary>
[SuppressMessage("Reliability", "CA1001", Justification = "The timer holds nothing once it was stopped, which the end of the last connection does.")]
internal sealed class TypingTable
{
    private const int EntriesMax = 1024;

    private readonly Lock _lock = new();
    private readonly List<Entry> _entries = [];
    private readonly TimeProvider _time;
    private readonly Action<TypingNotice> _changed;
    private readonly Action<Exception> _failed;
    private readonly ITimer _timer;

    /// <param name="time">The clock.</param>
    /// <param name="changed">The application's handlers.</param>
    /// <param name="failed">Learns what they threw on the timer's thread.</param>
    public TypingTable(TimeProvider time, Action<TypingNotice> changed, Action<Exception> failed)
    {
        _time = time;
        _changed = changed;
        _failed = failed;
        _timer = time.CreateTimer(static table => ((TypingTable)table!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>True when somebody types; a snapshot for the read loop, which is the only one that adds.</summary>
    public bool HasAny => Volatile.Read(ref _count) > 0;

    private int _count;

    /// <summary>A signal came. Read loop.</summary>
    public void OnSignal(in RelayedSignal signal)
    {
        lock (_lock)
        {
            int at = Find(signal.Conversation, signal.User);
            if (signal.Kind == SignalKind.Stopped)
            {
                End(at);
            }
            else if (signal.Kind is SignalKind.Typing or SignalKind.Recording && (at >= 0 || _entries.Count < EntriesMax))
            {
                Entry entry = new(signal.Conversation, signal.User, signal.Kind, _time.GetTimestamp(), TimeSpan.FromMilliseconds(signal.TimeToLiveMs));
                bool isNews = at < 0 || _entries[at].Kind != signal.Kind;
                if (at >= 0)
                {
                    _entries[at] = entry;
                }
                else
                {
                    _entries.Add(entry);
                }

                Arm();
                if (isNews)
                {
                    _changed(new TypingNotice(signal.Conversation, signal.User, signal.Kind));
                }
            }
        }
    }

    /// <summary>A message of the user came: whatever they typed is there. Read loop.</summary>
    public void OnMessage(ConversationId conversation, UserId sender)
    {
        lock (_lock)
        {
            End(Find(conversation, sender));
        }
    }

    /// <summary>The connection ended: nobody will tell any more.</summary>
    public void EndAll()
    {
        lock (_lock)
        {
            while (_entries.Count > 0)
            {
                End(_entries.Count - 1);
            }
        }
    }

    private void OnTimer()
    {
        try
        {
            lock (_lock)
            {
                for (int i = _entries.Count - 1; i >= 0; i--)
                {
                    if (_time.GetElapsedTime(_entries[i].Since) >= _entries[i].TimeToLive)
                    {
                        End(i);
                    }
                }
            }
        }
        catch (Exception failure)
        {
            _failed(failure);
        }
    }

    private void End(int at)
    {
        if (at < 0)
        {
            return;
        }

        Entry entry = _entries[at];
        _entries.RemoveAt(at);
        Arm();
        _changed(new TypingNotice(entry.Conversation, entry.User, SignalKind.Stopped));
    }

    private int Find(ConversationId conversation, UserId user) => _entries.FindIndex(entry => entry.Conversation == conversation && entry.User == user);

    private void Arm()
    {
        Volatile.Write(ref _count, _entries.Count);
        long now = _time.GetTimestamp();
        TimeSpan next = _entries.Count == 0 ? Timeout.InfiniteTimeSpan : _entries.Min(entry => entry.TimeToLive - _time.GetElapsedTime(entry.Since, now));
        _timer.Change(_entries.Count > 0 && next < TimeSpan.Zero ? TimeSpan.Zero : next, Timeout.InfiniteTimeSpan);
    }

    private readonly record struct Entry(ConversationId Conversation, UserId User, SignalKind Kind, long Since, TimeSpan TimeToLive);
}
