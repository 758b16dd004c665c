using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>
/// Takes away what nobody can sign in with any more and nobody comes to end: devices whose time is over, and families of refresh tokens whose device is gone. It walks all of them, a few hundred every ten seconds, and begins again: that costs nothing that anybody notices, and what lies there harms nobody until it is found.
/// A week more is waited than is promised, so that a clock that was wrong for an hour ends nobody's sign-in for good. One step at a time, on the thread pool.
/// </summary>
internal sealed class DeviceSweep : IDisposable
{
    /// <summary>Entries that a step looks at.</summary>
    public const int StepMax = 256;

    /// <summary>Between two steps.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>Kept so much longer than it is of use.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromDays(7);

    private static readonly byte[][] s_prefixes = [IdentityKeys.AllDevices, IdentityKeys.AllFamilies];

    private readonly Devices _devices;
    private readonly IConversationLog _log;
    private readonly Action<Exception> _failed;
    private readonly ITimer _timer;
    private byte[] _after = [];
    private int _prefix;
    private int _sweeping;
    private int _disposed;

    /// <param name="devices">Ends them.</param>
    /// <param name="log">Where they are.</param>
    /// <param name="clock">Ticks.</param>
    /// <param name="failed">Told of a defect; the next tick goes on.</param>
    public DeviceSweep(Devices devices, IConversationLog log, TimeProvider clock, Action<Exception> failed)
    {
        (_devices, _log, _failed) = (devices, log, failed);
        _timer = clock.CreateTimer(static sweep => ((DeviceSweep)sweep!).OnTick(), this, Interval, Interval);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Volatile.Write(ref _disposed, 1);
        _timer.Dispose();
        SpinWait.SpinUntil(() => Volatile.Read(ref _sweeping) == 0, TimeSpan.FromSeconds(5));
    }

    /// <summary>Looks at the next few entries.</summary>
    /// <returns>How many were taken away.</returns>
    public async Task<int> StepAsync()
    {
        List<byte[]> keys = [];
        _log.Scan(Table.State, s_prefixes[_prefix], _after, (key, _) =>
        {
            keys.Add(key.ToArray());
            return keys.Count < StepMax;
        });
        int taken = 0;
        foreach (byte[] key in keys)
        {
            // Looked at again, and decided under the condition that it still is what it was: somebody may sign in with it just now.
            bool isGone = Volatile.Read(ref _disposed) == 0 && await (_prefix == 0 ? _devices.ForgetIfOverAsync(key, Grace) : _devices.ForgetFamilyIfLeftAsync(key));
            taken += isGone ? 1 : 0;
        }

        (_prefix, _after) = keys.Count == StepMax ? (_prefix, keys[^1]) : ((_prefix + 1) % s_prefixes.Length, []);
        return taken;
    }

    private void OnTick()
    {
        if (Interlocked.Exchange(ref _sweeping, 1) == 0)
        {
            Continuation.Queue(static sweep => _ = sweep.RunAsync(), this);
        }
    }

    private async Task RunAsync()
    {
        try
        {
            if (Volatile.Read(ref _disposed) == 0)
            {
                await StepAsync();
            }
        }
        catch (Exception defect)
        {
            _failed(defect);
        }
        finally
        {
            Volatile.Write(ref _sweeping, 0);
        }
    }
}
