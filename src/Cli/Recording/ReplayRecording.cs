using System.Globalization;

using FastChat.Client;
using FastChat.History;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// Writes what a replay's clients did and saw as a history (docs/history-format.md): a process for each connection and one for the reader. Any thread may call it. A request is
/// written before it is handed to the client and an answer after the client gave it out, so the times never say more than what happened.
/// </summary>
internal sealed class ReplayRecording : IDisposable
{
    private readonly HistoryWriter _writer;
    private readonly string?[] _processOfFile;

    /// <summary>Begins the history of a replay of so many files; what the file held is gone.</summary>
    /// <exception cref="CliException">It cannot be written.</exception>
    public ReplayRecording(string path, int files, TimeProvider time)
    {
        _writer = HistoryFile.Create(path, time);
        _processOfFile = new string?[files];
    }

    /// <summary>What a connection is called.</summary>
    public static string ProcessOf(int connection) => string.Create(CultureInfo.InvariantCulture, $"replay-{connection}");

    /// <summary>What stands in a conversation before the replay begins; other records there are not this history's.</summary>
    public void OnConversation(ConversationInfo info) => _writer.Write(new HistoryEvent
    {
        Op = HistoryOp.Conversation,
        Conversation = info.Conversation,
        ConversationKind = info.Kind == ConversationKind.Group ? HistoryKind.Group : HistoryKind.Public,
        Epoch = info.Epoch,
        Head = info.Head,
    });

    /// <summary>A file is published by this connection.</summary>
    public void Assign(int file, int connection) => Volatile.Write(ref _processOfFile[file], ProcessOf(connection));

    /// <summary>A message is about to be posted.</summary>
    public void OnPosting(int index, ReplayFile file, int message) => _writer.Write(Of(index, file, message, HistoryPhase.Invoke) with
    {
        User = file.Senders[message],
        Kind = file.Log.Messages[message].Kind,
        Hash = BodyHash.Of(file.Log.Text(file.Log.Messages[message]).Span),
    });

    /// <summary>It is durable.</summary>
    public void OnPublished(int index, ReplayFile file, int message, in PublishReceipt receipt) => _writer.Write(Of(index, file, message, HistoryPhase.Ok) with
    {
        Epoch = receipt.Epoch,
        Sequence = receipt.Sequence,
        Duplicate = receipt.IsDuplicate,
    });

    /// <summary>It was refused, or nobody knows.</summary>
    public void OnFailed(int index, ReplayFile file, int message, ClientException error)
    {
        ushort code = error is RequestException refused ? (ushort)refused.Code : (ushort)0;
        bool isRefused = code is not (0 or (ushort)ErrorCode.Internal);
        _writer.Write(Of(index, file, message, isRefused ? HistoryPhase.Fail : HistoryPhase.Info) with { Code = code });
    }

    /// <summary>The reading of a whole log begins.</summary>
    public void OnReading(string process, int index, ConversationId conversation) => _writer.Write(Reading(process, index, conversation) with { Phase = HistoryPhase.Invoke });

    /// <summary>A record of that reading.</summary>
    public void OnRecord(string process, int index, ChatMessage message) =>
        _writer.Write(ReadMessage.ToEvent(message) with { Process = process, Request = (ulong)index + 1 });

    /// <summary>The reading came to its end.</summary>
    public void OnRead(string process, int index, ConversationId conversation, uint epoch, ulong head) =>
        _writer.Write(Reading(process, index, conversation) with { Phase = HistoryPhase.Ok, Epoch = epoch, Head = head });

    /// <summary>Everything that a process was answered is written.</summary>
    public void OnEnd(string process) => _writer.Write(new HistoryEvent { Process = process, Op = HistoryOp.End });

    /// <summary>Writes the connections of a client that is about to be made.</summary>
    public ConnectionRecording Connections(string process) => new(_writer, process);

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    private HistoryEvent Of(int index, ReplayFile file, int message, HistoryPhase phase) => new()
    {
        Process = Volatile.Read(ref _processOfFile[index]),
        Op = HistoryOp.Publish,
        Phase = phase,
        Conversation = file.Conversation,
        ClientMessageId = file.Ids[message],
    };

    private static HistoryEvent Reading(string process, int index, ConversationId conversation) => new()
    {
        Process = process,
        Op = HistoryOp.ReadLog,
        Request = (ulong)index + 1,
        Conversation = conversation,
    };
}
