using FastChat.Broker.Diagnostics;
using FastChat.Broker.Sessions;

using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace FastChat.Broker.Transport;

/// <summary>Wants to know when something has become possible with its descriptor. Called on an I/O thread, possibly on several at once; must not block.</summary>
internal interface IReadinessTarget
{
    void OnReady(Readiness readiness);
}

/// <summary>
/// The threads that wait for the kernel: all on one edge-triggered epoll set, so that whichever is free takes the next change, whatever connection it is of. What waits for a socket goes on right here, on the thread
/// that heard of it: it never blocks, and waking another thread costs more than parsing a frame. Any thread.
/// </summary>
internal sealed class IoThreads : IDisposable
{
    [ThreadStatic]
    private static Worker? t_worker;

    private readonly Epoll _epoll = new();
    private readonly SafeFileHandle _stop = Epoll.Own(Libc.EventFd(0), "eventfd");
    private readonly ILogger _log;
    private readonly Lock _tableLock = new();
    private readonly Thread[] _threads;
    private IReadinessTarget?[] _targets = new IReadinessTarget?[1024];
    private bool _stopping;

    public IoThreads(int count, ILogger log)
    {
        _log = log;
        _epoll.WatchLevel((int)_stop.DangerousGetHandle());
        _threads = Enumerable.Range(0, count)
            .Select(index => new Thread(() => new Worker(this).Run()) { Name = $"fastchat-io-{index}", IsBackground = true })
            .ToArray();
        foreach (Thread thread in _threads)
        {
            thread.Start();
        }
    }

    /// <summary>True on an I/O thread.</summary>
    public static bool IsCurrent => t_worker is not null;

    /// <summary>Calls back on this I/O thread, after whatever else it has to do now: a connection that always has more to read must not keep the others waiting.</summary>
    public static void Later(IReadinessTarget target) => t_worker!.Later(target);

    /// <summary>Reports every change of a descriptor until <see cref="Forget"/>.</summary>
    public void Watch(int descriptor, IReadinessTarget target)
    {
        lock (_tableLock)
        {
            if (descriptor >= _targets.Length)
            {
                IReadinessTarget?[] larger = new IReadinessTarget?[Math.Max(descriptor + 1, 2 * _targets.Length)];
                _targets.CopyTo(larger, 0);
                Volatile.Write(ref _targets, larger);
            }

            _targets[descriptor] = target;
        }

        _epoll.Watch(descriptor);
    }

    /// <summary>
    /// Reports no more; call before the descriptor is closed. A report that is on its way may still reach the target, or the next one with the same number: to both it is only a reason to look.
    /// </summary>
    public void Forget(int descriptor)
    {
        lock (_tableLock)
        {
            _targets[descriptor] = null;
        }
    }

    /// <summary>Ends the threads; nothing may be watched any more.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _stopping, true);
        RandomAccess.Write(_stop, BitConverter.GetBytes(1ul), 0);
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        _epoll.Dispose();
        _stop.Dispose();
    }

    private IReadinessTarget? Find(int descriptor)
    {
        IReadinessTarget?[] targets = Volatile.Read(ref _targets);
        return descriptor < targets.Length ? Volatile.Read(ref targets[descriptor]) : null;
    }

    /// <summary>One of the threads.</summary>
    private sealed unsafe class Worker(IoThreads owner)
    {
        private List<IReadinessTarget> _later = [];
        private List<IReadinessTarget> _running = [];

        public void Later(IReadinessTarget target) => _later.Add(target);

        public void Run()
        {
            t_worker = this;
            byte* reports = stackalloc byte[Epoll.BufferSize];
            while (!Volatile.Read(ref owner._stopping))
            {
                int count = owner._epoll.Wait(reports, isPatient: _later.Count == 0);
                if (count == 1 && _later.Count == 0)
                {
                    Errands.Offer();
                }

                for (int i = 0; i < count; i++)
                {
                    (int descriptor, Readiness readiness) = Epoll.Report(reports, i);
                    if (owner.Find(descriptor) is { } target)
                    {
                        Tell(target, readiness);
                    }
                }

                Errands.Run();
                (_later, _running) = (_running, _later);
                foreach (IReadinessTarget target in _running)
                {
                    Tell(target, Readiness.Read);
                }

                _running.Clear();
            }
        }

        private void Tell(IReadinessTarget target, Readiness readiness)
        {
            try
            {
                target.OnReady(readiness);
            }
            catch (Exception defect)
            {
                // Whoever waits takes their own failures; this is ours, and the other connections go on.
                BrokerLog.TransportDefect(owner._log, defect);
            }
        }
    }
}
