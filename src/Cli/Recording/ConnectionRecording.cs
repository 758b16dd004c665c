using FastChat.Client;
using FastChat.History;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// The connections of one client in a history. Its state changes come before anybody holds the client: from the first Welcome on they wait until it is known who was welcomed, also when that connection
/// has ended by then, for everything that the client does afterwards is done as that user.
/// </summary>
internal sealed class ConnectionRecording
{
    private readonly HistoryWriter _writer;
    private readonly string _process;
    private readonly Lock _lock = new();
    private readonly List<HistoryEvent> _waiting = [];
    private FastChatClient? _client;
    private uint _connections;
    private bool _isConnected;

    /// <summary>The number of the connection that there is, or was.</summary>
    public uint Number => Volatile.Read(ref _connections);

    /// <summary>Writes for the client called <paramref name="process"/>.</summary>
    public ConnectionRecording(HistoryWriter writer, string process)
    {
        _writer = writer;
        _process = process;
    }

    /// <summary>The client's state changed.</summary>
    public void OnStateChanged(ConnectionState state)
    {
        lock (_lock)
        {
            switch (state.Phase)
            {
                case ConnectionPhase.Connecting:
                    Write(new HistoryEvent { Process = _process, Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke });
                    break;

                case ConnectionPhase.Connected:
                    _connections++;
                    _isConnected = true;
                    Write(new HistoryEvent { Process = _process, Op = HistoryOp.Connect, Phase = HistoryPhase.Ok, Connection = _connections });
                    break;

                case ConnectionPhase.Waiting or ConnectionPhase.Closed when _isConnected:
                    _isConnected = false;
                    Write(new HistoryEvent { Process = _process, Op = HistoryOp.Close, Connection = _connections, Code = (ushort)(state.LastClose?.Code ?? CloseCode.None) });
                    break;

                default:
                    Write(new HistoryEvent { Process = _process, Op = HistoryOp.Connect, Phase = HistoryPhase.Fail });
                    break;
            }
        }
    }

    /// <summary>The client is there.</summary>
    public void Attach(FastChatClient client)
    {
        lock (_lock)
        {
            _client = client;
            foreach (HistoryEvent e in _waiting)
            {
                Write(e);
            }

            _waiting.Clear();
        }
    }

    private void Write(HistoryEvent e)
    {
        if (_client is null && _connections > 0)
        {
            _waiting.Add(e);
            return;
        }

        if (e.Op == HistoryOp.Connect && e.Phase == HistoryPhase.Ok)
        {
            e.User = _client!.User;
            e.Device = _client.Device;
        }

        _writer.Write(e);
    }
}
