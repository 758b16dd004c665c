using System.Buffers;
using System.Security.Cryptography;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>Writes conversations as a shard does: dense sequences, chained hashes, a dedupe entry per message.</summary>
internal sealed class ConversationWriter(ConversationId conversation)
{
    public ConversationId Conversation { get; } = conversation;

    public ulong Sequence { get; private set; }

    public ChainHash Chain { get; private set; }

    public List<byte[]> Records { get; } = [];

    /// <summary>The chain behind each record, and before the first one.</summary>
    public List<ChainHash> Chains { get; } = [default];

    /// <summary>Adds one chunk with a record per body and returns where its records lie in the batch.</summary>
    public (int Offset, int Size) Append(CommitBatch batch, params byte[][] bodies) => Append(batch, MessageKind.Text, bodies);

    public (int Offset, int Size) Append(CommitBatch batch, MessageKind kind, params byte[][] bodies)
    {
        ArrayBufferWriter<byte> records = new();
        ulong first = Sequence + 1;
        foreach (byte[] body in bodies)
        {
            byte[] record = Next(kind, body);
            records.Write(record);
            Records.Add(record);
            if ((byte)kind < MessageKinds.FirstSystemKind)
            {
                PutDedupe(batch, record);
            }
        }

        int offset = batch.AppendChunk(Conversation, first, (uint)bodies.Length, Chain, records.WrittenSpan);
        return (offset, records.WrittenCount);
    }

    public byte[] Concatenated(ulong first, ulong last) => [.. Records.Skip((int)first - 1).Take((int)(last - first + 1)).SelectMany(r => r)];

    public static byte[] Body(int seed, int size)
    {
        byte[] body = new byte[size];
        new Random(seed).NextBytes(body);
        return body;
    }

    private byte[] Next(MessageKind kind, byte[] body)
    {
        Sequence++;
        UserId sender = new(7);
        UserId publisher = new(Sequence % 3 == 0 ? 8u : 7u);
        byte[] bytes = new byte[MessageRecord.SizeOf(publisher != sender, body.Length)];
        MessageRecord.Write(
            bytes, Sequence, 1_700_000_000_000_000 + (long)Sequence, sender, publisher, new DeviceId(5),
            new ClientMessageId(1000 + Sequence), kind, RecordFlags.None, body);
        ReadOnlySpan<byte> source = bytes;
        Assert.That(MessageRecord.TryRead(ref source, out MessageRecord record), Is.True);
        Chain = Chain.Next(record);
        Chains.Add(Chain);
        return bytes;
    }

    private void PutDedupe(CommitBatch batch, byte[] bytes)
    {
        ReadOnlySpan<byte> source = bytes;
        Assert.That(MessageRecord.TryRead(ref source, out MessageRecord record), Is.True);
        Span<byte> key = stackalloc byte[DedupeKey.Size];
        Span<byte> value = stackalloc byte[DedupeValue.Size];
        DedupeKey.Write(key, Conversation, record);
        DedupeValue.Of(record.Sequence, SHA256.HashData(record.Body)).Write(value);
        batch.Put(Table.Dedupe, key, value);
    }
}

/// <summary>A directory that lives as long as a test.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("fastchat-storage-").FullName;

    public StorageOptions Options => new() { Directory = Path };

    /// <summary>The files as they are now, as a killed process leaves them to its successor.</summary>
    public TemporaryDirectory CopyLive()
    {
        TemporaryDirectory copy = new();
        foreach (string file in Directory.EnumerateFiles(Path, "*", SearchOption.AllDirectories))
        {
            string relative = System.IO.Path.GetRelativePath(Path, file);
            if (relative == "lock")
            {
                continue;
            }

            string target = System.IO.Path.Combine(copy.Path, relative);
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            using FileStream source = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using FileStream sink = File.Create(target);
            source.CopyTo(sink);
        }

        return copy;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
