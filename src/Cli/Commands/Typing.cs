using System.CommandLine;
using System.Text.Json;
using System.Threading.Channels;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>typing CONVERSATION</c>: prints who begins to type there and who stops; with <c>--say</c>, says so of the user.</summary>
internal static class Typing
{
    private const int NoticesMax = 256;

    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Option<string?> say = new("--say") { Description = "Tell the others that you do: typing, recording, stopped. It is gone after eight seconds", HelpName = "WHAT" };
        say.AcceptOnlyFromAmong("typing", "recording", "stopped");
        Command command = new("typing", "Print who types, as it happens; or say that you do") { conversation, say };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), parsed.GetValue(say), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, string? say, CancellationToken cancellation)
    {
        FastChatClient client = say is null
            ? await invocation.ConnectForLongAsync(ConnectionNotes.ToStandardError(), cancellation).ConfigureAwait(false)
            : await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            if (say is null)
            {
                await FollowAsync(invocation, client, target.Conversation, cancellation).ConfigureAwait(false);
                return ExitCodes.Done;
            }

            await client.SignalTypingAsync(target.Conversation, say switch { "typing" => SignalKind.Typing, "recording" => SignalKind.Recording, _ => SignalKind.Stopped }).ConfigureAwait(false);

            // A signal is not answered. What is asked behind it on the same connection is, and then the signal is with the broker.
            await client.PingAsync(cancellation).ConfigureAwait(false);
        }

        return ExitCodes.Done;
    }

    // Signals come to those who read the conversation; what they read is not printed here, tail does that.
    private static async Task FollowAsync(Invocation invocation, FastChatClient client, ConversationId conversation, CancellationToken cancellation)
    {
        Channel<TypingNotice> notices = Channel.CreateBounded<TypingNotice>(new BoundedChannelOptions(NoticesMax) { FullMode = BoundedChannelFullMode.DropOldest });
        void OnTyping(TypingNotice notice)
        {
            if (notice.Conversation == conversation)
            {
                notices.Writer.TryWrite(notice);
            }
        }

        client.TypingChanged += OnTyping;
        Task reading = ReadAsync(client, conversation, notices.Writer, cancellation);
        try
        {
            await foreach (TypingNotice notice in notices.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                IReadOnlyList<UserInfo?> names = await client.ResolveUsersAsync([notice.User], cancellation).ConfigureAwait(false);
                Print(invocation, notice, names[0]?.Name ?? notice.User.ToString());
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Ctrl-C is how following ends.
        }
        finally
        {
            client.TypingChanged -= OnTyping;
        }

        await reading.ConfigureAwait(false);
    }

    private static async Task ReadAsync(FastChatClient client, ConversationId conversation, ChannelWriter<TypingNotice> notices, CancellationToken cancellation)
    {
        try
        {
            await foreach (ChatMessage message in client.ReadAsync(conversation, new LogPosition(0, LogPosition.Latest), cancellation).ConfigureAwait(false))
            {
                _ = message;
            }

            notices.Complete(new CliException("you are no longer a member of this conversation"));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Ctrl-C.
        }
        catch (ClientException failure)
        {
            notices.Complete(failure);
        }
    }

    private static void Print(Invocation invocation, TypingNotice notice, string name)
    {
        string what = notice.Kind switch { SignalKind.Typing => "typing", SignalKind.Recording => "recording", _ => "stopped" };
        if (invocation.IsHuman)
        {
            invocation.PrintHuman($"{SafeText.OneLine(name)}: {what}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("user", notice.User.ToString());
        json.WriteString("name", name);
        json.WriteString("state", what);
        invocation.Json.End();
        invocation.Json.Flush();
    }
}
