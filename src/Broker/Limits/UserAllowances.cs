using System.Collections.Concurrent;

using FastChat.Protocol;

namespace FastChat.Broker.Limits;

/// <summary>
/// The allowances by user. One is there while the user is connected, and afterwards until its buckets are full again: who comes back early finds what they left, who comes back late is nobody we remember. At most
/// <see cref="RememberedMax"/> are remembered beyond their connections, those who left first are forgotten first. Each call looks at two that may be forgotten, so that nothing has to sweep. Any thread; a lock of one user's, when connections come and go.
/// </summary>
internal sealed class UserAllowances(TimeProvider clock)
{
    /// <summary>Users remembered beyond their last connection, some 15 MB.</summary>
    public const int RememberedMax = 100_000;

    private readonly ConcurrentDictionary<UserId, UserAllowance> _allowances = new();
    private readonly ConcurrentQueue<UserAllowance> _left = new();

    /// <summary>Allowances in memory.</summary>
    public int Count => _allowances.Count;

    /// <summary>Counts a connection of the user in; null when the user has as many as they may.</summary>
    public UserAllowance? Enter(UserId user, int connectionsMax)
    {
        Forget();
        while (true)
        {
            UserAllowance allowance = _allowances.GetOrAdd(user, static user => new UserAllowance(user));
            lock (allowance)
            {
                if (allowance.IsForgotten)
                {
                    // It went in between; the table has none or another one by now.
                    continue;
                }

                if (allowance.Connections >= connectionsMax)
                {
                    return null;
                }

                allowance.Connections++;
                return allowance;
            }
        }
    }

    /// <summary>Counts a connection out.</summary>
    public void Leave(UserAllowance allowance)
    {
        lock (allowance)
        {
            allowance.Connections--;
        }

        Queue(allowance);
        Forget();
    }

    /// <summary>The allowance of a user, connected or not.</summary>
    public UserAllowance Of(UserId user)
    {
        if (_allowances.TryGetValue(user, out UserAllowance? known))
        {
            return known;
        }

        Forget();
        UserAllowance allowance = _allowances.GetOrAdd(user, static user => new UserAllowance(user));
        Queue(allowance);
        return allowance;
    }

    private void Queue(UserAllowance allowance)
    {
        lock (allowance)
        {
            if (allowance.Connections > 0 || allowance.IsQueued || allowance.IsForgotten)
            {
                return;
            }

            allowance.IsQueued = true;
        }

        _left.Enqueue(allowance);
    }

    private void Forget()
    {
        long now = clock.GetTimestamp();
        for (int i = 0; i < 2 && _left.TryDequeue(out UserAllowance? allowance); i++)
        {
            bool isCrowded = _left.Count >= RememberedMax;
            lock (allowance)
            {
                allowance.IsQueued = false;
                if (allowance.Connections > 0)
                {
                    continue;
                }

                if (isCrowded || allowance.IsFull(now))
                {
                    allowance.IsForgotten = true;
                    _allowances.TryRemove(new KeyValuePair<UserId, UserAllowance>(allowance.User, allowance));
                    continue;
                }
            }

            Queue(allowance);
        }
    }
}
