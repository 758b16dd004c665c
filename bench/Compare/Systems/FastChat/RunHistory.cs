using System.Globalization;
using System.Runtime.InteropServices;

using FastChat.History;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.FastChat;

/// <summary>
/// The history of a run (docs/history-format.md): one file, in which every connection of the generator, with those that take its place after a cut, is a process. All that is published goes
/// through these, so the conversations are declared closed: a record that none of them sent is a forgery. Any thread; <see cref="EndProcesses"/> when no wire is used any more.
/// </summary>
public sealed class RunHistory : IDisposable
{
    /// <summary>Records after which no further log is read back: some gigabytes of lines, most of the history of a long run.</summary>
    public const long ReadBackMax = 2_500_000;

    private readonly HistoryWriter _writer;
    private readonly Lock _lock = new();
    private readonly List<ProcessHistory> _processes = [];
    private readonly Dictionary<ConversationId, long> _published = [];

    private RunHistory(HistoryWriter writer) => _writer = writer;

    /// <summary>Begins a history; what the file held is gone.</summary>
    /// <exception cref="UnavailableException">It cannot be written.</exception>
    public static RunHistory Create(string file)
    {
        try
        {
            return new RunHistory(HistoryWriter.Create(file, TimeProvider.System));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UnavailableException($"{file} cannot be written: {failure.Message}");
        }
    }

    /// <summary>A conversation is made, and nothing was published to it by anybody who is recorded.</summary>
    public void OnConversation(ConversationInfo info) => _writer.Write(new HistoryEvent
    {
        Op = HistoryOp.Conversation,
        Conversation = info.Conversation,

        // A group is not called one: its members came in before the history, and without them nobody could say who may read.
        ConversationKind = info.Kind == ConversationKind.Group ? HistoryKind.Unknown : HistoryKind.Public,
        Epoch = info.Epoch,
        Head = info.Head,
        Closed = true,
    });

    /// <summary>One more client of the generator, or one that reads when the run is over.</summary>
    public ProcessHistory AddProcess(string kind = "load")
    {
        lock (_lock)
        {
            ProcessHistory process = new(this, string.Create(CultureInfo.InvariantCulture, $"{kind}-{_processes.Count}"));
            _processes.Add(process);
            return process;
        }
    }

    /// <summary>The generator has closed its connections: what has no answer gets none.</summary>
    public void EndProcesses()
    {
        _processes.ForEach(static process => process.End());
    }

    /// <summary>Of these conversations the first that were published to, <see cref="ReadBackMax"/> messages or a log more; a log is read whole or not at all.</summary>
    public ConversationId[] ToReadBack(IEnumerable<ConversationId> conversations)
    {
        long records = 0;
        return conversations.Where(_published.ContainsKey).TakeWhile(conversation =>
        {
            bool isRead = records < ReadBackMax;
            records += _published[conversation];
            return isRead;
        }).ToArray();
    }

    /// <summary>Says which of the logs that were published to were read back.</summary>
    public string Describe(int read, long records)
    {
        int left = _published.Count - read;
        string unread = left == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"; {left:N0} more were NOT read back: no log is begun after {ReadBackMax:N0} records");
        return string.Create(CultureInfo.InvariantCulture, $"{records:N0} records of {read:N0} conversations read back by two readers{unread}");
    }

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    internal void Write(in HistoryEvent line) => _writer.Write(line);

    /// <summary>A message is about to be published there.</summary>
    internal void Count(ConversationId conversation)
    {
        lock (_lock)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_published, conversation, out _)++;
        }
    }
}
