using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>
/// Commits stay in the journal and reads come from its images (0); every second commit is moved with the one before it, and reads cross from the tables into the images (2).
/// </summary>
[TestFixture(0)]
[TestFixture(2)]
internal sealed class JournaledLogContractTests(int settleEach) : ConversationLogContract
{
    private DurableLog _durable = null!;

    protected override IConversationLog Create() => (_durable = new DurableLog(settleEach)).Open();

    protected override IConversationLog Reopen(IConversationLog log) => _durable.Reopen(log);

    protected override void FailNextWrite(IConversationLog log) => DurableLog.FailNextWrite(log);

    public override void Close()
    {
        base.Close();
        _durable.Dispose();
    }
}

/// <summary>Every commit is moved at once: reads come from the tables.</summary>
[TestFixture]
internal sealed class MovedLogContractTests : ConversationLogDamageContract
{
    private DurableLog _durable = null!;

    protected override IConversationLog Create() => (_durable = new DurableLog(settleEach: 1)).Open();

    protected override IConversationLog Reopen(IConversationLog log) => _durable.Reopen(log);

    protected override void FailNextWrite(IConversationLog log) => DurableLog.FailNextWrite(log);

    protected override void Plant(IConversationLog log, Table table, byte[] key, byte[] value) =>
        ((SettlingLog)log).Inner.Store.Plant(table, key, value);

    public override void Close()
    {
        base.Close();
        _durable.Dispose();
    }
}

[TestFixture]
internal sealed class InMemoryConversationLogContractTests : ConversationLogDamageContract
{
    protected override IConversationLog Create() => new InMemoryConversationLog();

    protected override IConversationLog Reopen(IConversationLog log) => ((InMemoryConversationLog)log).Crash();

    protected override void Plant(IConversationLog log, Table table, byte[] key, byte[] value) =>
        ((InMemoryConversationLog)log).Plant(table, key, value);

    protected override void FailNextWrite(IConversationLog log) =>
        ((InMemoryConversationLog)log).BeforeSync = () => throw new IOException("input/output error");
}

/// <summary>A directory and the durable log in it, settled after every so many commits (0 = never).</summary>
internal sealed class DurableLog(int settleEach) : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public IConversationLog Open() => new SettlingLog(RocksDbConversationLog.Open(_directory.Options), settleEach);

    public IConversationLog Reopen(IConversationLog log)
    {
        log.Dispose();
        return Open();
    }

    public static void FailNextWrite(IConversationLog log) =>
        ((SettlingLog)log).Inner.BeforeWrite = () => throw new IOException("no space left on device");

    public void Dispose() => _directory.Dispose();
}

/// <summary>Has commits moved into the tables by their number, not by the journal's size.</summary>
internal sealed class SettlingLog(RocksDbConversationLog inner, int settleEach) : IConversationLog
{
    public RocksDbConversationLog Inner { get; } = inner;

    public uint Epoch => Inner.Epoch;

    public ulong CommitNumber => Inner.CommitNumber;

    public StorageException? Failure => Inner.Failure;

    public ErasureCounts Erasures => Inner.Erasures;

    public ErasureWork ErasureWork => Inner.ErasureWork;

    public void Commit(ReadOnlySpan<CommitBatch> batches)
    {
        Inner.Commit(batches);
        if (settleEach != 0 && Inner.CommitNumber % (ulong)settleEach == 0)
        {
            Inner.Settle();
        }
    }

    public LogHead ReadHead(ConversationId conversation) => Inner.ReadHead(conversation);

    public LogStart ReadStart(ConversationId conversation) => Inner.ReadStart(conversation);

    public ChainHash? ReadChain(ConversationId conversation, ulong sequence) => Inner.ReadChain(conversation, sequence);

    public LogPage ReadForward(ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target) =>
        Inner.ReadForward(conversation, after, through, countMax, bytesMax, target);

    public ILogReader OpenReader() => Inner.OpenReader();

    public LogPage ReadBackward(ConversationId conversation, ulong before, int countMax, int bytesMax, IBufferWriter<byte> target) =>
        Inner.ReadBackward(conversation, before, countMax, bytesMax, target);

    public int Get(Table table, ReadOnlySpan<byte> key, Span<byte> value) => Inner.Get(table, key, value);

    public byte[]? Get(Table table, ReadOnlySpan<byte> key) => Inner.Get(table, key);

    public void Scan(Table table, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> after, ScanVisitor visitor) => Inner.Scan(table, prefix, after, visitor);

    public void Dispose() => Inner.Dispose();
}
