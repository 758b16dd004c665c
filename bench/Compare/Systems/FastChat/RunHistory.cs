using System.Globalization;

using FastChat.History;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.FastChat;

/// <summary>
/// The history of a run (docs/history-format.md): one file, in which every connection of the generator, with those that take its place after a cut, is a process. All that is published goes
/// through these, so the conversations are declared closed: a record that none of them sent is a forgery. Any thread; <see cref="EndProcesses"/> when no wire is used any more.
/// </summary>
public sealed class RunHistory : IDisposable
{
    private readonly HistoryWriter _writer;
    private readonly Lock _lock = new();
    private readonly List<ProcessHistory> _processes = [];
    private readonly HashSet<ConversationId> _publishedTo = [];

    private RunHistory(HistoryWriter writer)
    {
        _writer = writer;
        Reader = new ProcessHistory(writer, "reader");
    }

    /// <summary>Who reads the logs when the run is over.</summary>
    public ProcessHistory Reader { get; }

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

    /// <summary>One more client.</summary>
    public ProcessHistory AddProcess()
    {
        lock (_lock)
        {
            ProcessHistory process = new(_writer, string.Create(CultureInfo.InvariantCulture, $"load-{_processes.Count}"));
            _processes.Add(process);
            return process;
        }
    }

    /// <summary>The generator has closed its connections: what has no answer gets none.</summary>
    public void EndProcesses()
    {
        foreach (ProcessHistory process in _processes)
        {
            process.End();
            _publishedTo.UnionWith(process.PublishedTo);
        }
    }

    /// <summary>True when a client published there. Known after <see cref="EndProcesses"/>.</summary>
    public bool IsPublishedTo(ConversationId conversation) => _publishedTo.Contains(conversation);

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();
}
