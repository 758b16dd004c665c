using BenchmarkDotNet.Attributes;

using FastChat.Broker.Transport;

namespace FastChat.Bench.Micro;

/// <summary>
/// Sealing and opening a TLS record, by cipher and size, with a key that stays loaded (one busy connection) and with one that has to be loaded each time (many connections in turn): which cipher the broker prefers (docs/decisions/0029). Opening copies the sealed record first, which
/// is a few per cent of it and the same for all.
/// </summary>
[MemoryDiagnoser]
public class AeadBenchmarks
{
    private readonly object[] _owners = [new(), new()];
    private readonly byte[] _key = new byte[32];
    private readonly byte[] _nonce = new byte[Aead.NonceSize];
    private readonly byte[] _header = new byte[5];
    private byte[] _plain = [];
    private byte[] _sealed = [];
    private byte[] _opened = [];
    private AeadCipher _cipher;
    private int _turn;

    /// <summary>The cipher.</summary>
    [Params("Aes128Gcm", "Aes256Gcm", "ChaCha20Poly1305")]
    public string Cipher { get; set; } = string.Empty;

    /// <summary>Bytes of a record.</summary>
    [Params(4096, 16384)]
    public int Size { get; set; }

    private ReadOnlySpan<byte> Key => _key.AsSpan(0, Aead.KeySize(_cipher));

    /// <summary>Makes a record.</summary>
    [GlobalSetup]
    public void Make()
    {
        _cipher = Enum.Parse<AeadCipher>(Cipher);
        _plain = new byte[Size];
        _sealed = new byte[Size + Aead.TagSize];
        _opened = new byte[_sealed.Length];
        Aead.Seal(_cipher, _owners[0], Key, _nonce, _header, _plain, 0, _sealed);
    }

    /// <summary>Sealing.</summary>
    [Benchmark]
    public void Seal() => Aead.Seal(_cipher, _owners[0], Key, _nonce, _header, _plain, 0, _opened);

    /// <summary>Sealing with a key that is loaded first.</summary>
    [Benchmark]
    public void SealInTurn() => Aead.Seal(_cipher, _owners[++_turn & 1], Key, _nonce, _header, _plain, 0, _opened);

    /// <summary>Opening.</summary>
    [Benchmark]
    public bool Open()
    {
        _sealed.CopyTo(_opened, 0);
        return Aead.TryOpen(_cipher, _owners[0], Key, _nonce, _header, _opened);
    }
}
