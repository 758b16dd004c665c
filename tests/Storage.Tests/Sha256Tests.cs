using System.Security.Cryptography;

namespace FastChat.Storage.Tests;

/// <summary>The direct way to SHA-256 gives the bytes of the platform's.</summary>
public sealed class Sha256Tests
{
    [Test]
    public void Every_length_around_the_block_sizes_and_a_whole_message_agree_with_the_platform()
    {
        byte[] source = new byte[65_536];
        new Random(1).NextBytes(source);
        byte[] hash = new byte[Sha256.Size];
        foreach (int length in Enumerable.Range(0, 400).Append(source.Length))
        {
            Sha256.Hash(source.AsSpan(0, length), hash);
            Assert.That(hash, Is.EqualTo(SHA256.HashData(source.AsSpan(0, length))), $"{length} bytes");
        }
    }

    [Test]
    public void The_standard_s_own_example_holds()
    {
        byte[] hash = new byte[Sha256.Size];
        Sha256.Hash("abc"u8, hash);
        Assert.That(Convert.ToHexStringLower(hash), Is.EqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    }

    [Test]
    public void Threads_do_not_disturb_one_another()
    {
        byte[] source = new byte[300];
        byte[] expected = SHA256.HashData(source);
        Parallel.For(0, 50_000, _ =>
        {
            Span<byte> hash = stackalloc byte[Sha256.Size];
            Sha256.Hash(source, hash);
            if (!hash.SequenceEqual(expected))
            {
                throw new InvalidOperationException("another thread's bytes");
            }
        });
    }

    [Test]
    public void A_target_that_is_too_short_is_refused() =>
        Assert.That(() => Sha256.Hash("abc"u8, new byte[Sha256.Size - 1]), Throws.ArgumentException);

    [Test, Platform("Linux")]
    public void On_this_platform_it_is_direct_where_the_library_is() =>
        Assert.That(Sha256.IsDirect, Is.EqualTo(System.Runtime.InteropServices.NativeLibrary.TryLoad("libcrypto.so.3", out _)));
}
