using System.CommandLine;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>chat [CONVERSATION]</c>: the interactive client on a terminal, lines in and lines out without one.</summary>
internal static class Chat
{
    private const string Lobby = "lobby";

    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = $"{ConversationArgument.Description}; @name for the direct one with somebody", DefaultValueFactory = static _ => Lobby };
        Command command = new("chat", "Chat on the terminal") { conversation };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), TimeProvider.System, token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, TimeProvider time, CancellationToken cancellation)
    {
        bool interactive = RawTerminal.IsInteractive && invocation.IsHuman;
        if (interactive && !invocation.IsSignedIn)
        {
            await SignIn.IntroduceAsync(invocation, cancellation).ConfigureAwait(false);
        }

        Action<ConnectionState> notes = interactive ? static _ => { } : ConnectionNotes.ToStandardError();
        FastChatClient client = await invocation.ConnectForLongAsync(notes, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            if (!interactive)
            {
                ConversationInfo plain = await ConversationArgument.ResolveAsync(client, conversation, create: true, cancellation).ConfigureAwait(false);
                await PlainChat.RunAsync(invocation, client, plain.Conversation, cancellation).ConfigureAwait(false);
                return ExitCodes.Done;
            }

            (ConversationInfo first, InboxEntry? waiting) = await ChatTargets.JoinAsync(client, conversation, cancellation).ConfigureAwait(false);
            string label = await RoomLabels.OfAsync(client, first, cancellation).ConfigureAwait(false);
            using RawTerminal terminal = RawTerminal.Open(Screen.Enter, Screen.Leave);
            using ChatApp app = new(client, terminal, time, cancellation);
            await app.RunAsync(first, label, waiting).ConfigureAwait(false);
        }

        return ExitCodes.Done;
    }
}
