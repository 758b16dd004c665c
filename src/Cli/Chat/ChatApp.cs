using System.Runtime.InteropServices;
using System.Threading.Channels;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// The interactive client. One loop owns everything that is on the screen; keys, messages, acknowledgements and the terminal's size reach it as actions through one
/// bounded queue, and it never waits for the network itself. What has to wait runs beside it and posts what came of it.
/// </summary>
internal sealed class ChatApp : IDisposable
{
    private const int ActionsMax = 1024;
    private const int InputBufferBytes = 4096;
    private const int OlderPageSize = 500;

    // A lone Escape is told from the beginning of a sequence by the silence behind it.
    private static readonly TimeSpan EscapePause = TimeSpan.FromMilliseconds(40);

    private readonly FastChatClient _client;
    private readonly RawTerminal _terminal;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _ending;
    private readonly Channel<Action> _actions = Channel.CreateBounded<Action>(new BoundedChannelOptions(ActionsMax) { SingleReader = true });
    private readonly KeyDecoder _decoder = new();
    private readonly LineEditor _editor = new();
    private readonly Screen _screen = new();
    private readonly ChatCommands _commands;
    private readonly ChatTyping _typing;

    /// <summary>Makes the chat; the terminal is in raw mode already.</summary>
    public ChatApp(FastChatClient client, RawTerminal terminal, TimeProvider time, CancellationToken cancellation)
    {
        _client = client;
        _terminal = terminal;
        _time = time;
        _ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Rooms = new ChatRooms(client, PostAsync, time, () => _terminal.Size().Columns, _ending.Token);
        _commands = new ChatCommands(client, Rooms, time, _ending);
        _typing = new ChatTyping(client, Rooms);
    }

    /// <summary>The open rooms.</summary>
    public ChatRooms Rooms { get; }

    /// <summary>Runs until the user leaves.</summary>
    public async Task RunAsync(ConversationInfo first)
    {
        Thread reader = new(ReadKeys) { IsBackground = true, Name = "keys" };
        reader.Start();
        using PosixSignalRegistration? resized = OperatingSystem.IsWindows()
            ? null
            : PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => _actions.Writer.TryWrite(_screen.Invalidate));
        _client.StateChanged += OnStateChanged;
        _client.TypingChanged += OnTypingChanged;
        try
        {
            Rooms.Show(Rooms.Open(first));
            _commands.Start(Rooms.OpenMembershipsAsync);
            await LoopAsync().ConfigureAwait(false);
        }
        finally
        {
            _client.StateChanged -= OnStateChanged;
            _client.TypingChanged -= OnTypingChanged;
            await _ending.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _ending.Dispose();

    private async Task LoopAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            Draw();
            if (!await WaitAsync().ConfigureAwait(false))
            {
                FlushKeys();
            }

            // Everything that is there is done before the next picture: a burst of messages costs one.
            for (int i = 0; i < ActionsMax && _actions.Reader.TryRead(out Action? action); i++)
            {
                action();
            }
        }
    }

    // False when a key has begun and nothing followed.
    private async Task<bool> WaitAsync()
    {
        try
        {
            Task<bool> ready = _actions.Reader.WaitToReadAsync(_ending.Token).AsTask();
            return _decoder.IsPending ? await ready.WaitAsync(EscapePause, _time, _ending.Token).ConfigureAwait(false) : await ready.ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return false;
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            return true;
        }
    }

    private void Draw()
    {
        (int columns, int height) = _terminal.Size();
        (List<StyledRow> rows, int cursorColumn) = ChatView.Compose(
            Rooms.All, Rooms.Current, _editor, _client.UserName, _client.State, _typing.LineOf(Rooms.Current), columns, height, out bool wantsOlder);
        _terminal.Write(_screen.Draw(rows, columns, rows.Count - 1, cursorColumn));
        if (wantsOlder && Rooms.Current.IsScrolled)
        {
            Rooms.LoadOlder(Rooms.Current, OlderPageSize);
        }
    }

    private void ReadKeys()
    {
        byte[] buffer = new byte[InputBufferBytes];
        while (true)
        {
            int count = _terminal.Read(buffer);
            byte[] bytes = buffer[..count];
            Action action = count == 0 ? Quit : () => Handle(bytes);
            while (!_actions.Writer.TryWrite(action))
            {
                // The loop is behind; keys wait for it like everything else, and this thread has nothing better to do.
                Thread.Sleep(1);
            }

            if (count == 0)
            {
                return;
            }
        }
    }

    private void Handle(byte[] bytes)
    {
        List<Key> keys = [];
        _decoder.Feed(bytes, keys);
        keys.ForEach(Handle);
    }

    private void FlushKeys()
    {
        List<Key> keys = [];
        _decoder.Flush(keys);
        keys.ForEach(Handle);
    }

    private void Handle(Key key)
    {
        int page = Math.Max(1, _terminal.Size().Rows - ScreenLayout.ReservedRows - 1);
        switch (key.Code)
        {
            case KeyCode.Enter: _commands.Run(ChatInput.Parse(_editor.Submit())); break;
            case KeyCode.PageUp: Rooms.Current.Scroll(page); break;
            case KeyCode.PageDown: Rooms.Current.Scroll(-page); break;
            case KeyCode.Escape: Rooms.Current.ScrollToEnd(); break;
            case KeyCode.Tab: Rooms.ShowNext(); break;
            case KeyCode.Select: Rooms.Show(key.Text[0] - '1'); break;
            case KeyCode.Redraw: _screen.Invalidate(); break;
            case KeyCode.Interrupt when _editor.Text.Length > 0: _editor.Replace(string.Empty); break;
            case KeyCode.EndOfInput when _editor.Text.Length > 0: break;
            case KeyCode.Interrupt or KeyCode.EndOfInput: Quit(); break;
            default: _editor.Handle(key); break;
        }

        if (!_ending.IsCancellationRequested)
        {
            _typing.OnEdited(Rooms.Current, _editor.Text);
        }
    }

    private void Quit() => _ending.Cancel();

    private void OnStateChanged(ConnectionState state) => _actions.Writer.TryWrite(static () => { });

    // Dropped when the loop is behind, as every signal may be.
    private void OnTypingChanged(TypingNotice notice) => _actions.Writer.TryWrite(() => _typing.OnChanged(notice, _commands.Start));

    private async ValueTask PostAsync(Action action)
    {
        try
        {
            await _actions.Writer.WriteAsync(action, _ending.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            // Nobody looks at the screen any more.
        }
    }
}
