using System.Buffers.Binary;

namespace FastChat.Storage.Tests;

/// <summary>The hash of tables in memory: clients choose parts of the keys, and must not be able to choose where they land.</summary>
internal sealed class KeyHashTests
{
    /// <summary>Without the process's secrets every key of these would have the same hash: one factor of each product would be 0.</summary>
    [Test]
    public void ClientsCannotKnowWhatCollides([Values(16, 32, 40)] int size)
    {
        HashSet<ulong> hashes = [];
        byte[] key = new byte[size];
        for (ulong i = 0; i < 100_000; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(key.AsSpan(8), i * 0x9E37_79B9_7F4A_7C15);
            hashes.Add(KeyHash.Of(key));
        }

        Assert.That(hashes, Has.Count.EqualTo(100_000));
        Assert.That(hashes.Select(hash => hash & 0xFFF).Distinct().Count(), Is.EqualTo(4096), "each part of a table is used");
    }
}
