using System.Collections.Concurrent;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// Users by id. An id keeps its name for ever (protocol.md §5.4), so what is cached never becomes wrong; it is only bounded. Two generations: when the
/// young one holds half of the maximum it becomes the old one, and what was not asked for since is forgotten with the next change. Thread-safe, without a lock; a few
/// entries over the maximum are possible while threads race.
/// </summary>
internal sealed class NameCache
{
    private readonly int _generationMax;
    private Generations _generations = new([], []);

    public NameCache(int usersMax) => _generationMax = Math.Max(1, usersMax / 2);

    /// <summary>Users remembered.</summary>
    public int Count
    {
        get
        {
            Generations now = Volatile.Read(ref _generations);
            return now.Young.Count + now.Old.Count(user => !now.Young.ContainsKey(user.Key));
        }
    }

    public UserInfo? Find(UserId user)
    {
        Generations now = Volatile.Read(ref _generations);
        if (now.Young.TryGetValue(user, out UserInfo? info))
        {
            return info;
        }

        if (now.Old.TryGetValue(user, out info))
        {
            Add(info);
        }

        return info;
    }

    public void Add(UserInfo info)
    {
        Generations now = Volatile.Read(ref _generations);
        now.Young[info.User] = info;
        if (now.Young.Count >= _generationMax)
        {
            Interlocked.CompareExchange(ref _generations, new Generations([], now.Young), now);
        }
    }

    private sealed record Generations(ConcurrentDictionary<UserId, UserInfo> Young, ConcurrentDictionary<UserId, UserInfo> Old);
}
