using System.Security.Cryptography;
using System.Text;

namespace FastChat.Storage.Tests;

/// <summary>What sealing is built on gives the bytes that its specifications give, on both ways.</summary>
[TestFixture]
internal sealed class CipherTests
{
    private const string Plain = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";

    /// <summary>McGrew and Viega, The Galois/Counter Mode of Operation, test cases 13, 14 and 16 (AES-256).</summary>
    [TestCase("0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b")]
    [TestCase(
        "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919")]
    [TestCase(
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", Plain,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662", "76fc6ece0f4e1768cddf8853bb2d551b")]
    public void AesGcmGivesThePublishedBytes(string key, string nonce, string associated, string plain, string ciphertext, string tag)
    {
        foreach (bool isDirect in (ReadOnlySpan<bool>)[true, false])
        {
            using Aes256Gcm cipher = new(isDirect);
            byte[] made = new byte[plain.Length / 2];
            byte[] madeTag = new byte[Aes256Gcm.TagSize];
            cipher.Encrypt(Hex(key), Hex(nonce), Hex(associated), Hex(plain), made, madeTag);
            Assert.That((Convert.ToHexStringLower(made), Convert.ToHexStringLower(madeTag)), Is.EqualTo((ciphertext, tag)));
            byte[] opened = new byte[made.Length];
            Assert.That(cipher.TryDecrypt(Hex(key), Hex(nonce), Hex(associated), made, madeTag, opened), Is.True);
            Assert.That(opened, Is.EqualTo(Hex(plain)));
        }
    }

    [Test]
    public void LibcryptoIsCalledDirectlyWhereItIs() => Assert.That(new Aes256Gcm().IsDirect, Is.EqualTo(OperatingSystem.IsLinux()));

    /// <summary>One context, many keys, both directions in turn: no call sees another's.</summary>
    [Test]
    public void BothWaysAgreeAndNothingThatWasChangedOpens()
    {
        Random random = new(36);
        using Aes256Gcm direct = new();
        using Aes256Gcm platform = new(isDirect: false);
        for (int i = 0; i < 300; i++)
        {
            byte[] key = Bytes(random, 32);
            byte[] nonce = Bytes(random, 12);
            byte[] associated = Bytes(random, random.Next(0, 90));
            byte[] plain = Bytes(random, random.Next(0, 700));
            byte[] one = new byte[plain.Length];
            byte[] other = new byte[plain.Length];
            byte[] tag = new byte[16];
            byte[] otherTag = new byte[16];
            direct.Encrypt(key, nonce, associated, plain, one, tag);
            platform.Encrypt(key, nonce, associated, plain, other, otherTag);
            Assert.That((one, tag), Is.EqualTo((other, otherTag)));

            byte[] opened = new byte[plain.Length];
            byte[][] parts = [key, nonce, associated, one, tag];
            byte[] changed = parts.Where(part => part.Length > 0).ElementAt(random.Next(parts.Count(part => part.Length > 0)));
            int at = random.Next(changed.Length);
            changed[at] ^= (byte)(1 << random.Next(8));
            Assert.That(direct.TryDecrypt(key, nonce, associated, one, tag, opened), Is.False);
            Assert.That(opened, Is.All.Zero);
            changed[at] = changed == key ? key[at] : changed[at];
        }
    }

    /// <summary>RFC 4231, test cases 1 and 2; a key that is shorter than a block is the same with zeros behind it.</summary>
    [TestCase("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")]
    [TestCase("4a656665", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")]
    public void HmacGivesTheRfcsBytes(string key, string message, string expected)
    {
        byte[] padded = new byte[HmacSha256.KeySize];
        Hex(key).CopyTo(padded, 0);
        byte[] mac = new byte[32];
        HmacSha256.Compute(padded, Encoding.ASCII.GetBytes(message), mac);
        Assert.That(Convert.ToHexStringLower(mac), Is.EqualTo(expected));
    }

    /// <summary>RFC 5869 §2 by hand, with the platform's HMAC: extract with the salt, expand twice with the context.</summary>
    [Test]
    public void BodyKeysAreHkdfOfBothSecrets()
    {
        byte[] secrets = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];
        byte[] context = [.. new byte[15], 7, .. new byte[15], 9];
        byte[] extracted = HMACSHA256.HashData("FastChat body keys 1"u8, secrets);
        byte[] first = HMACSHA256.HashData(extracted, (byte[])[.. context, 1]);
        byte[] second = HMACSHA256.HashData(extracted, (byte[])[.. first, .. context, 2]);
        BodyKeys keys = BodyKeys.Derive(new(7), VaultSecret.Read(secrets), new(9), VaultSecret.Read(secrets.AsSpan(32)));
        Assert.That(keys.Body.ToArray(), Is.EqualTo(first));
        Assert.That(keys.Nonce.ToArray(), Is.EqualTo(second));
    }

    private static byte[] Hex(string text) => Convert.FromHexString(text);

    private static byte[] Bytes(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
