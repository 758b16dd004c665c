using System.Security.Cryptography;

using BenchmarkDotNet.Attributes;

using FastChat.Storage;

namespace FastChat.Bench.Micro;

/// <summary>SHA-256 of a message body of 128 bytes, which every message costs twice (body and chain).</summary>
[MemoryDiagnoser]
public class HashBenchmarks
{
    private readonly byte[] _body = new byte[128];
    private readonly byte[] _hash = new byte[Sha256.Size];

    /// <summary>The way taken: 123 ns.</summary>
    [Benchmark(Baseline = true)]
    public void Direct() => Sha256.Hash(_body, _hash);

    /// <summary>Lost, 505 ns: a context is made and freed for each call.</summary>
    [Benchmark]
    [BenchmarkCategory(MicroCategories.Lost)]
    public void OneShot() => SHA256.HashData(_body, _hash);

    /// <summary>Lost, 415 ns: the context is kept, and every step still goes through OpenSSL's providers. One for each thread would be needed too.</summary>
    [Benchmark]
    [BenchmarkCategory(MicroCategories.Lost)]
    public void Incremental()
    {
        _incremental.AppendData(_body);
        _incremental.GetHashAndReset(_hash);
    }

    private readonly IncrementalHash _incremental = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
}
