using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Bench.Micro;

/// <summary>
/// A conversation as the benchmarks of reading find it: 64 chunks of 64 messages with their dedupe entries, in a RocksDB that was closed and opened again, so that
/// the data lies in table files behind filters and not in a memtable; and the same in memory.
/// </summary>
internal sealed class StoredRoom : IDisposable
{
    public const int Messages = Chunks * PerChunk;

    private const int Chunks = 64;
    private const int PerChunk = 64;
    private const int BodySize = 58;

    private readonly string _directory = Directory.CreateTempSubdirectory("fastchat-micro-").FullName;

    public StoredRoom()
    {
        StorageOptions options = new() { Directory = _directory };
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(options))
        {
            Fill(log);
        }

        Fill(Memory);
        Disk = RocksDbConversationLog.Open(options);
    }

    public static ConversationId Id => new(1);

    public RocksDbConversationLog Disk { get; }

    public InMemoryConversationLog Memory { get; } = new();

    /// <summary>The dedupe key of message number <paramref name="number"/>, from 1; beyond <see cref="Messages"/> there is none.</summary>
    public static void WriteDedupeKey(Span<byte> key, ulong number) =>
        DedupeKey.Write(key, Id, new UserId(3), new DeviceId(4), new ClientMessageId(number));

    public void Dispose()
    {
        Disk.Dispose();
        Memory.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static void Fill(IConversationLog log)
    {
        CommitBatch batch = new(log.Epoch);
        byte[] records = new byte[PerChunk * MessageRecord.SizeOf(false, BodySize)];
        byte[] body = new byte[BodySize];
        Span<byte> key = stackalloc byte[DedupeKey.Size];
        Span<byte> value = stackalloc byte[DedupeValue.Size];
        ulong sequence = 0;
        for (int chunk = 0; chunk < Chunks; chunk++)
        {
            ulong first = sequence + 1;
            int size = 0;
            for (int i = 0; i < PerChunk; i++)
            {
                sequence++;
                size += MessageRecord.Write(
                    records.AsSpan(size), sequence, 2, new UserId(3), new UserId(3), new DeviceId(4), new ClientMessageId(sequence), MessageKind.Text,
                    RecordFlags.None, body);
                WriteDedupeKey(key, sequence);
                new DedupeValue(sequence, 7).Write(value);
                batch.Put(Table.Dedupe, key, value);
            }

            batch.AppendChunk(Id, first, PerChunk, default, records.AsSpan(0, size));
        }

        log.Commit([batch]);
    }
}
