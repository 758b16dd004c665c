using FastChat.Client;
using FastChat.History;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>The connections of one client in a history. Its state changes come before anybody holds the client, so the first Welcome waits until it is known who was welcomed.</summary>
internal sealed class ConnectionRecording
{
    private readonly HistoryWriter _writer;
    private readonly string _process;
    private readonly Lock _lock = new();
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
                    _writer.Write(new HistoryEvent { Process = _process, Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke });
                    break;

                case ConnectionPhase.Connected:
                    _connections++;
                    _isConnected = true;
                    WriteWelcome();
                    break;

                case ConnectionPhase.Waiting or ConnectionPhase.Closed when _isConnected:
                    _isConnected = false;
                    _writer.Write(new HistoryEvent { Process = _process, Op = HistoryOp.Close, Connection = _connections, Code = (ushort)(state.LastClose?.Code ?? CloseCode.None) });
                    break;

                default:
                    _writer.Write(new HistoryEvent { Process = _process, Op = HistoryOp.Connect, Phase = HistoryPhase.Fail });
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
            WriteWelcome();
        }
    }

    private void WriteWelcome()
    {
        if (_client is { } client && _isConnected)
        {
            _writer.Write(new HistoryEvent
            {
                Process = _process,
                Op = HistoryOp.Connect,
                Phase = HistoryPhase.Ok,
                Connection = _connections,
                User = client.User,
                Device = client.Device,
            });
        }
    }
}
