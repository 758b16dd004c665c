using BenchmarkDotNet.Attributes;

using FastChat.Bench.Micro;

namespace FastChat.Allocation.Tests;

/// <summary>Benchmarks in form only, which allocate on purpose: what the gate's own tests measure.</summary>
public class CarelessBenchmarks : IDisposable
{
    private const int PerCall = 100;

    private readonly AutoResetEvent _begin = new(false);
    private readonly AutoResetEvent _end = new(false);
    private byte[] _last = [];
    private Thread? _other;
    private int _calls;
    private volatile bool _isEnding;

    /// <summary>Bytes of the array.</summary>
    [Params(100)]
    public int Size { get; set; }

    /// <summary>Starts the other thread.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        _other = new Thread(() =>
        {
            while (_begin.WaitOne() && !_isEnding)
            {
                for (int i = 0; i < PerCall; i++)
                {
                    _last = new byte[Size];
                }

                _end.Set();
            }
        });
        _other.Start();
    }

    /// <summary>Ends it.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _isEnding = true;
        _begin.Set();
        _other!.Join();
        _begin.Dispose();
        _end.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Allocates nothing.</summary>
    [Benchmark]
    public int Nothing() => _last.Length;

    /// <summary>Allocates an array.</summary>
    [Benchmark]
    public void EveryTime() => _last = new byte[Size];

    /// <summary>Allocates an array now and then.</summary>
    [Benchmark]
    public int OnceInAHundred() => ++_calls % 100 == 0 ? (_last = new byte[Size]).Length : 0;

    /// <summary>Has another thread allocate.</summary>
    [Benchmark(OperationsPerInvoke = PerCall)]
    [BenchmarkCategory(MicroCategories.Threads)]
    public void OnAnotherThread()
    {
        _begin.Set();
        _end.WaitOne();
    }
}
