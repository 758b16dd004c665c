using System.CommandLine;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>history CONVERSATION</c>: one page, and a last line that says whether more lies in its direction.</summary>
internal static class History
{
    private const int LimitDefault = 100;

    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Option<ulong?> before = new("--before") { Description = "The last messages before this sequence (default: before the end)", HelpName = "SEQ" };
        Option<ulong?> after = new("--after") { Description = "The first messages behind this sequence", HelpName = "SEQ" };
        Option<int> limit = new("--limit") { Description = "Messages at the most", HelpName = "N", DefaultValueFactory = static _ => LimitDefault };
        Option<bool> hidden = new("--hidden") { Description = "Those that you have hidden, too" };
        Command command = new("history", "Print one page of messages") { conversation, before, after, limit, hidden };
        command.Validators.Add(result =>
        {
            if (result.GetResult(before) is { Implicit: false } && result.GetResult(after) is { Implicit: false })
            {
                result.AddError("--before and --after exclude each other");
            }
        });
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), parsed.GetValue(before), parsed.GetValue(after), parsed.GetValue(limit), parsed.GetValue(hidden), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        Invocation invocation, string conversation, ulong? before, ulong? after, int limit, bool showsHidden, CancellationToken cancellation)
    {
        if (limit is < 1 or > ProtocolLimits.FetchCountMax)
        {
            throw CliException.Usage($"--limit: 1 to {ProtocolLimits.FetchCountMax} are expected");
        }

        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            FetchDirection direction = after is null ? FetchDirection.Backward : FetchDirection.Forward;
            LogPosition position = new(0, after ?? before ?? LogPosition.Latest);
            HistoryPage page = await client.FetchAsync(target.Conversation, position, direction, limit, cancellation).ConfigureAwait(false);
            HashSet<ulong> hidden = showsHidden || page.Messages.Count == 0 ? [] : await HiddenInAsync(client, target.Conversation, page, cancellation).ConfigureAwait(false);
            ChatMessage[] shown = [.. page.Messages.Where(message => !hidden.Contains(message.Sequence))];
            await new MessagePrinter(invocation, client).PrintAsync(shown, cancellation).ConfigureAwait(false);
            if (!invocation.IsHuman)
            {
                invocation.Json.Begin().WriteBoolean("complete", page.IsComplete);
                invocation.Json.End();
            }
            else if (!page.IsComplete)
            {
                string more = after is null ? $"--before {FirstOf(page)}" : $"--after {LastOf(page)}";
                invocation.PrintHuman($"— more with {more} —");
            }
        }

        return ExitCodes.Done;
    }

    private static async Task<HashSet<ulong>> HiddenInAsync(FastChatClient client, ConversationId conversation, HistoryPage page, CancellationToken cancellation)
    {
        HashSet<ulong> hidden = [];
        MessageStatePage states;
        ulong first = FirstOf(page);
        do
        {
            states = await client.GetMessageStatesAsync(conversation, first, LastOf(page), cancellation).ConfigureAwait(false);
            hidden.UnionWith(states.Hidden);
            first = states.Next;
        }
        while (first != 0);
        return hidden;
    }

    private static ulong FirstOf(HistoryPage page) => page.Messages.Count > 0 ? page.Messages[0].Sequence : page.Head;

    private static ulong LastOf(HistoryPage page) => page.Messages.Count > 0 ? page.Messages[^1].Sequence : page.Head;
}
