using System.Runtime.InteropServices;

namespace FastChat.Broker.Limits;

/// <summary>
/// Wrong passwords by address: so many are free, then each attempt has to wait twice as long as the one before, up to a quarter of an hour; one is forgiven a minute. An attempt counts as wrong until it has proven right, so that a thousand at once are a thousand. A right
/// password forgives its own attempt and no other: who has an account of their own could try everybody else's between two sign-ins. At most <see cref="AddressesMax"/> addresses are remembered; when there are more, those come in first that have waited out most. Any thread; a lock,
/// because behind each attempt stand twenty milliseconds of hashing.
/// </summary>
internal sealed class WrongPasswords(TimeProvider clock)
{
    /// <summary>Addresses remembered, some 6 MB.</summary>
    public const int AddressesMax = 65_536;

    private const double PauseMaxSeconds = 900;
    private static readonly TimeSpan s_forgiven = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<AddressKey, Entry> _entries = [];
    private readonly Queue<AddressKey> _order = new();

    /// <summary>Addresses remembered now.</summary>
    public int Count
    {
        get
        {
            using (_gate.EnterScope())
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Counts an attempt; false, and when to come again, while its address has to wait.</summary>
    public bool TryBegin(AddressKey key, int free, out uint retryAfterMs)
    {
        using (_gate.EnterScope())
        {
            long now = clock.GetTimestamp();
            Forget(now);
            ref Entry entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_entries, key, out bool isKnown);
            if (!isKnown)
            {
                _order.Enqueue(key);
                entry.At = now;
            }

            double wait = PauseOf(entry.Level, free) - clock.GetElapsedTime(entry.At, now).TotalSeconds;
            retryAfterMs = wait > 0 ? (uint)(wait * 1000) + 1 : 0;
            if (wait > 0)
            {
                return false;
            }

            entry = new Entry(LevelOf(entry, now) + 1, now);
            return true;
        }
    }

    /// <summary>True, and when to come again, while an address has to wait. Counts nothing.</summary>
    public bool MustWait(AddressKey key, int free, out uint retryAfterMs)
    {
        using (_gate.EnterScope())
        {
            double wait = _entries.TryGetValue(key, out Entry entry) ? PauseOf(entry.Level, free) - clock.GetElapsedTime(entry.At).TotalSeconds : 0;
            retryAfterMs = wait > 0 ? (uint)(wait * 1000) + 1 : 0;
            return wait > 0;
        }
    }

    /// <summary>The attempt's password was right.</summary>
    public void OnRight(AddressKey key)
    {
        using (_gate.EnterScope())
        {
            ref Entry entry = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, key);
            if (!System.Runtime.CompilerServices.Unsafe.IsNullRef(ref entry))
            {
                entry.Level = Math.Max(0, entry.Level - 1);
            }
        }
    }

    /// <summary>The pause, in seconds, behind so many.</summary>
    private static double PauseOf(double level, int free) => level < free ? 0 : Math.Min(PauseMaxSeconds, Math.Pow(2, Math.Min(level - free, 20)));

    private double LevelOf(in Entry entry, long now) => Math.Max(0, entry.Level - (clock.GetElapsedTime(entry.At, now) / s_forgiven));

    /// <summary>Two a call, where a call adds one at most.</summary>
    private void Forget(long now)
    {
        for (int i = 0; i < 2 && _order.TryDequeue(out AddressKey key); i++)
        {
            if (_order.Count >= AddressesMax || LevelOf(_entries[key], now) == 0)
            {
                _entries.Remove(key);
            }
            else
            {
                _order.Enqueue(key);
            }
        }
    }

    private record struct Entry(double Level, long At);
}
