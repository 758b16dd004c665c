using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// Who types where, with names; and what the user's own keys tell others. The chat's loop owns it. A name that is not known yet is asked for beside the loop, and its person is shown
/// when it is there.
/// </summary>
internal sealed class ChatTyping(FastChatClient client, ChatRooms rooms)
{
    private const int NamesShownMax = 3;
    private const int NamesMax = 4096;

    private readonly Dictionary<UserId, string?> _names = [];
    private readonly List<TypingNotice> _typing = [];
    private ChatRoom? _typedIn;

    /// <summary>Somebody began or stopped.</summary>
    public void OnChanged(TypingNotice notice, Action<Func<CancellationToken, Task>> start)
    {
        _typing.RemoveAll(other => other.Conversation == notice.Conversation && other.User == notice.User);
        if (notice.Kind == SignalKind.Stopped)
        {
            return;
        }

        if (_names.Count >= NamesMax)
        {
            _names.Clear();
        }

        _typing.Add(notice);
        if (_names.TryAdd(notice.User, null))
        {
            start(cancellation => LearnAsync(notice.User, cancellation));
        }
    }

    /// <summary>The line under the messages of a room; empty when nobody types there.</summary>
    public string LineOf(ChatRoom room)
    {
        List<(string Name, SignalKind Kind)> here = [];
        foreach (TypingNotice notice in _typing)
        {
            if (notice.Conversation == room.Conversation && _names.GetValueOrDefault(notice.User) is { } name)
            {
                here.Add((name, notice.Kind));
            }
        }

        return Sentence(here);
    }

    /// <summary>Who types, as a sentence; empty for nobody.</summary>
    public static string Sentence(IReadOnlyList<(string Name, SignalKind Kind)> here)
    {
        if (here.Count == 0)
        {
            return string.Empty;
        }

        string what = here.All(static one => one.Kind == SignalKind.Recording) ? "recording" : "typing";
        string names = here.Count switch
        {
            1 => here[0].Name,
            > NamesShownMax => $"{here.Count} people",
            _ => $"{string.Join(", ", here.Take(here.Count - 1).Select(static one => one.Name))} and {here[^1].Name}",
        };
        return $"{names} {(here.Count == 1 ? "is" : "are")} {what}…";
    }

    /// <summary>The line being typed has changed: others are told while it is a message, and when it no longer is.</summary>
    public void OnEdited(ChatRoom room, string line)
    {
        bool isMessage = line.Length > 0 && ChatInput.Parse(line) is { Verb: ChatVerb.Say or ChatVerb.Reply, Argument.Length: > 0 };
        if (_typedIn is not null && (_typedIn != room || !isMessage))
        {
            _ = client.SignalTypingAsync(_typedIn.Conversation, SignalKind.Stopped);
            _typedIn = null;
        }

        if (isMessage)
        {
            _typedIn = room;
            _ = client.SignalTypingAsync(room.Conversation);
        }
    }

    private async Task LearnAsync(UserId user, CancellationToken cancellation)
    {
        IReadOnlyList<UserInfo?> found = await client.ResolveUsersAsync([user], cancellation).ConfigureAwait(false);
        await rooms.PostAsync(() => _names[user] = SafeText.OneLine(found[0]?.Name ?? user.ToString())).ConfigureAwait(false);
    }
}
