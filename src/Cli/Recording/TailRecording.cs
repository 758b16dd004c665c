using System.Globalization;

using FastChat.Client;
using FastChat.History;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Writes what a tail subscribed to and was brought as a history (docs/history-format.md): below the messages that it prints, with every reconnect.</summary>
internal sealed class TailRecording : IReadObserver, IDisposable
{
    private readonly string _process;
    private readonly HistoryWriter _writer;
    private readonly ConnectionRecording _connections;

    /// <summary>Writes for the client called <paramref name="process"/>, into a history that may have others.</summary>
    public TailRecording(HistoryWriter writer, string process)
    {
        _writer = writer;
        _process = process;
        _connections = new ConnectionRecording(writer, process);
    }

    /// <summary>Begins a history; what the file held is gone.</summary>
    /// <exception cref="CliException">It cannot be written.</exception>
    public static TailRecording Create(string path, TimeProvider time) => new(
        HistoryFile.Create(path, time), string.Create(CultureInfo.InvariantCulture, $"tail-{Environment.ProcessId}"));

    /// <summary>The client's state changed.</summary>
    public void OnStateChanged(ConnectionState state) => _connections.OnStateChanged(state);

    /// <summary>The client is there; nothing was subscribed to before.</summary>
    public void Attach(FastChatClient client) => _connections.Attach(client);

    /// <inheritdoc/>
    public void OnSubscribing(ConversationId conversation, LogPosition after, bool isContinued) => _writer.Write(Of(HistoryOp.Subscribe, conversation) with
    {
        Phase = HistoryPhase.Invoke,
        Epoch = after.Epoch,
        Cursor = after.Sequence,
        Fresh = !isContinued,
    });

    /// <inheritdoc/>
    public void OnSubscribed(ConversationId conversation, in Subscribed answer)
    {
        HistoryStatus status = answer.Status switch
        {
            SubscribeStatus.Resumed => HistoryStatus.Resumed,
            SubscribeStatus.Truncated => HistoryStatus.Truncated,
            _ => HistoryStatus.EpochChanged,
        };
        _writer.Write(Of(HistoryOp.Subscribe, conversation) with { Phase = HistoryPhase.Ok, Status = status, Epoch = answer.Epoch, First = answer.First, Head = answer.Head });
        if (status == HistoryStatus.Truncated)
        {
            // The client ends what does not begin where it was asked to, and leaves it to the application where to go on: nobody waits for these records.
            _writer.Write(Of(HistoryOp.Unsubscribed, conversation));
        }
    }

    /// <inheritdoc/>
    public void OnDelivered(in Deliver deliver)
    {
        ReadOnlySpan<byte> rest = deliver.Records;
        while (MessageRecord.TryRead(ref rest, out MessageRecord record))
        {
            _writer.Write(RecordEvents.Delivered(deliver.Conversation, deliver.Epoch, record) with { Process = _process, Connection = _connections.Number });
        }
    }

    /// <inheritdoc/>
    public void OnLagged(in Lag lag)
    {
        _writer.Write(Of(HistoryOp.Lag, lag.Conversation) with { Epoch = lag.Epoch, Next = lag.Next, Head = lag.Head, Status = lag.IsCut ? HistoryStatus.Truncated : HistoryStatus.None });
        if (lag.IsCut)
        {
            // As above.
            _writer.Write(Of(HistoryOp.Unsubscribed, lag.Conversation));
        }
    }

    /// <inheritdoc/>
    public void OnUnsubscribed(ConversationId conversation) => _writer.Write(Of(HistoryOp.Unsubscribed, conversation));

    /// <summary>The tail ended in order.</summary>
    public void OnEnd() => _writer.Write(new HistoryEvent { Process = _process, Op = HistoryOp.End });

    /// <summary>Ends the history.</summary>
    public void Dispose() => _writer.Dispose();

    private HistoryEvent Of(HistoryOp op, ConversationId conversation) => new()
    {
        Process = _process,
        Op = op,
        Conversation = conversation,
        Connection = _connections.Number,
    };
}
