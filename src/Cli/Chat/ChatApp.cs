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
    private const string Bell = "\a";

    // A lone Escape is told from the beginning of a sequence by the silence behind it.
    private static readonly TimeSpan EscapePause = TimeSpan.FromMilliseconds(40);

    // Pictures at the most: 40 a second. Faster than anybody reads, and a flood of messages costs no more.
    private static readonly TimeSpan PicturePause = TimeSpan.FromMilliseconds(25);

    // Who reads on another device moves the cursor there; what was seen here in the last moment is still said when the chat ends.
    private static readonly TimeSpan FarewellPause = TimeSpan.FromSeconds(5);

    private readonly FastChatClient _client;
    private readonly RawTerminal _terminal;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _ending;
    private readonly Channel<Action> _actions = Channel.CreateBounded<Action>(new BoundedChannelOptions(ActionsMax) { SingleReader = true });
    private readonly KeyDecoder _decoder = new();
    private readonly LineEditor _editor = new();
    private readonly Screen _screen = new();
    private readonly ReadReporter _reporter;
    private readonly ChatRooms _rooms;
    private readonly ChatPresence _presence;
    private readonly ChatCommands _commands;
    private readonly ChatTyping _typing;
    private readonly ChatKeys _keys;
    private readonly IdleWatch _idle;
    private long _drawnAt;
    private long _typedAt;
    private bool _bell;

    /// <summary>Makes the chat; the terminal is in raw mode already.</summary>
    public ChatApp(FastChatClient client, RawTerminal terminal, TimeProvider time, CancellationToken cancellation)
    {
        _client = client;
        _terminal = terminal;
        _time = time;
        _ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _reporter = ReadReporter.Of(client, time);
        _rooms = new ChatRooms(client, PostAsync, time, _reporter, _ending.Token);
        _presence = new ChatPresence(client, PostAsync, _ending.Token);
        _commands = new ChatCommands(client, _rooms, _presence, time, _ending);
        _typing = new ChatTyping(client, _rooms);
        _keys = new ChatKeys(_rooms, _editor, _commands, Quit, _screen.Invalidate);
        _idle = new IdleWatch(time, isIdle => _commands.Start(stop => _client.SetPresenceAsync(isIdle: isIdle, cancellationToken: stop)));
        _rooms.Called += () => _bell = _presence.Own != Availability.DoNotDisturb;
        _rooms.Shown += room =>
        {
            _presence.Show(room);
            _commands.Start(stop => _commands.LearnNamesAsync(room, stop));
            _commands.Start(stop => _commands.LearnReadersAsync(room, stop));
        };
    }

    /// <summary>Runs until the user leaves.</summary>
    /// <param name="first">The conversation to begin with.</param>
    /// <param name="label">What people call it.</param>
    /// <param name="waiting">What is unread there; null when nothing is.</param>
    public async Task RunAsync(ConversationInfo first, string label, InboxEntry? waiting)
    {
        Thread reader = new(ReadKeys) { IsBackground = true, Name = "keys" };
        reader.Start();
        using PosixSignalRegistration? resized = OperatingSystem.IsWindows()
            ? null
            : PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => _actions.Writer.TryWrite(_screen.Invalidate));
        _client.StateChanged += OnStateChanged;
        _client.TypingChanged += OnTypingChanged;
        _client.CursorMoved += OnCursorMoved;
        _client.NoticeReceived += OnNotice;
        try
        {
            _rooms.Show(_rooms.Open(first, label, waiting));
            _commands.Start(_rooms.OpenMembershipsAsync);
            _commands.Start(_commands.LearnOwnPresenceAsync);
            Task reporting = _reporter.RunAsync(_ending.Token);
            _idle.Start();
            await LoopAsync().ConfigureAwait(false);
            await SayGoodbyeAsync(reporting).ConfigureAwait(false);
        }
        finally
        {
            _client.StateChanged -= OnStateChanged;
            _client.TypingChanged -= OnTypingChanged;
            _client.CursorMoved -= OnCursorMoved;
            _client.NoticeReceived -= OnNotice;
            await _ending.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _idle.Dispose();
        _ending.Dispose();
    }

    private async Task LoopAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            Draw();
            await WaitAsync().ConfigureAwait(false);

            // Everything that is there is done before the next picture: a burst of messages costs one.
            for (int i = 0; i < ActionsMax && _actions.Reader.TryRead(out Action? action); i++)
            {
                action();
            }

            // The silence is that of the keys: messages may come all the while.
            if (_decoder.IsPending && _time.GetElapsedTime(_typedAt) >= EscapePause)
            {
                FlushKeys();
            }
        }
    }

    // Until there is something to do, or a key that has begun has had its time; and until the last picture has been there for a moment.
    private async Task WaitAsync()
    {
        try
        {
            Task<bool> ready = _actions.Reader.WaitToReadAsync(_ending.Token).AsTask();
            await (_decoder.IsPending ? ready.WaitAsync(EscapePause, _time, _ending.Token) : ready).ConfigureAwait(false);
            TimeSpan early = PicturePause - _time.GetElapsedTime(_drawnAt);
            if (early > TimeSpan.Zero)
            {
                await Task.Delay(early, _time, _ending.Token).ConfigureAwait(false);
            }
        }
        catch (TimeoutException)
        {
            // Nothing followed: what has begun is all of the key.
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            // The chat ends.
        }
    }

    private void Draw()
    {
        (int columns, int height) = _terminal.Size();
        ChatRoom room = _rooms.Current;
        ChatPicture picture = new()
        {
            Rooms = _rooms.All,
            Current = room,
            Editor = _editor,
            UserName = _client.UserName,
            Availability = _presence.Own,
            State = _client.State,
            Typing = _typing.LineOf(room) is { Length: > 0 } typing ? typing : room.SeenLine(),
            Presence = _client.State.Phase == ConnectionPhase.Connected ? _presence.LineOf(room, _time.LocalTimeZone) : string.Empty,
        };
        (List<StyledRow> rows, int cursorColumn) = ChatView.Compose(picture, columns, height, out bool wantsOlder);
        if (_rooms.NoteSeen())
        {
            // What this picture shows is read with it: its own counts say so.
            (rows, cursorColumn) = ChatView.Compose(picture, columns, height, out wantsOlder);
        }

        _terminal.Write(_screen.Draw(rows, columns, rows.Count - 1, cursorColumn) + (_bell ? Bell : string.Empty));
        _bell = false;
        _drawnAt = _time.GetTimestamp();
        if (wantsOlder)
        {
            _rooms.LoadOlder(room, OlderPageSize);
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
        _typedAt = _time.GetTimestamp();
        _decoder.Feed(bytes, keys);
        Handle(keys);
    }

    private void FlushKeys()
    {
        List<Key> keys = [];
        _decoder.Flush(keys);
        Handle(keys);
    }

    private void Handle(List<Key> keys)
    {
        int page = Math.Max(1, ChatView.MessageRows(_terminal.Size().Rows) - 1);
        foreach (Key key in keys)
        {
            if (key.Code is KeyCode.FocusIn or KeyCode.FocusOut)
            {
                _rooms.IsLookedAt = key.Code == KeyCode.FocusIn;
                continue;
            }

            _rooms.IsLookedAt = true;
            _keys.Handle(key, page);
            if (!_ending.IsCancellationRequested)
            {
                _idle.OnKey();
                _typing.OnEdited(_rooms.Current, _editor.Text);
            }
        }
    }

    private async Task SayGoodbyeAsync(Task reporting)
    {
        using CancellationTokenSource deadline = new(FarewellPause, _time);
        try
        {
            // It is given up with the chat, and what it was telling then waits again.
            await reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_client.State.Phase == ConnectionPhase.Connected)
            {
                await _reporter.SendAsync(deadline.Token).ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (failure is OperationCanceledException or ClientException)
        {
            // The connection broke just now: what was read is read again on the other devices.
        }
    }

    private void Quit() => _ending.Cancel();

    private void OnStateChanged(ConnectionState state) => _actions.Writer.TryWrite(static () => { });

    // Dropped when the loop is behind, as every signal may be.
    private void OnTypingChanged(TypingNotice notice) => _actions.Writer.TryWrite(() => _typing.OnChanged(notice, _commands.Start));

    // Hints, too: the next visit asks for what they said.
    private void OnCursorMoved(CursorNotice notice) => _actions.Writer.TryWrite(() => _rooms.OnCursor(notice));

    private void OnNotice(ClientNotice notice)
    {
        if (notice.Event is "added" or "invited")
        {
            _commands.Start(stop => _rooms.OnBelongingAsync(notice.Conversation, stop));
        }
        else if (notice.Event == "hidden")
        {
            _commands.Start(stop => _rooms.OnHiddenAsync(notice.Conversation, stop));
        }
    }

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
