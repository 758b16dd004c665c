using System.Runtime.CompilerServices;

using FastChat.Protocol;

namespace FastChat.Broker.Limits;

/// <summary>
/// What one user has left: a bucket's state for each <see cref="Budget"/>, and how many connections they have. All connections of the user share one, so that a second connection gives nobody a second budget, and the publish path finds it without a
/// lookup (<c>Peer.Allowance</c>). 150 bytes for each user who is connected, or was and has spent something since. Buckets: any thread, without a lock. The rest: <see cref="UserAllowances"/>.
/// </summary>
internal sealed class UserAllowance(UserId user)
{
    private States _fullAt;

    /// <summary>Whose.</summary>
    public UserId User { get; } = user;

    /// <summary>Connections that hold it. Under its lock.</summary>
    public int Connections { get; set; }

    /// <summary>True while it stands in the queue of those that may be forgotten. Under its lock.</summary>
    public bool IsQueued { get; set; }

    /// <summary>True once it is in no table any more. Under its lock.</summary>
    public bool IsForgotten { get; set; }

    /// <summary>The state of a bucket.</summary>
    public ref long this[Budget budget] => ref _fullAt[(int)budget];

    /// <summary>True when every bucket is full: then a new one is as good.</summary>
    public bool IsFull(long now)
    {
        for (int i = 0; i < FixedBudgets.Count; i++)
        {
            if (Volatile.Read(ref _fullAt[i]) > now)
            {
                return false;
            }
        }

        return true;
    }

    [InlineArray(FixedBudgets.Count)]
    private struct States
    {
        private long _first;
    }
}
