using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>annotations CONVERSATION [--from SEQ] [--to SEQ]</c>: what became of messages: edits, reactions, pins, threads.</summary>
internal static class Annotations
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Option<ulong> from = new("--from") { Description = "The first message", HelpName = "SEQ", DefaultValueFactory = static _ => 1 };
        Option<ulong> to = new("--to") { Description = "The last message (default: the newest)", HelpName = "SEQ", DefaultValueFactory = static _ => ulong.MaxValue };
        Command command = new("annotations", "Say what became of messages: edits, reactions, pins, threads") { conversation, from, to };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), parsed.GetValue(from), parsed.GetValue(to), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, ulong from, ulong to, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            for (ulong next = Math.Max(from, 1); next != 0 && next <= to;)
            {
                MessageStatePage page = await client.GetMessageStatesAsync(target.Conversation, next, to, cancellation).ConfigureAwait(false);
                foreach (MessageState state in page.States)
                {
                    Print(invocation, state);
                }

                next = page.Next > next ? page.Next : 0;
            }
        }

        return ExitCodes.Done;
    }

    private static void Print(Invocation invocation, MessageState state)
    {
        if (invocation.IsHuman)
        {
            invocation.PrintHuman(string.Create(CultureInfo.InvariantCulture, $"{state.Sequence,9}  {string.Join("  ", Words(state))}"));
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteNumber("sequence", state.Sequence);
        WriteNumber(json, "deleted_by", state.DeletedBy);
        WriteNumber(json, "pinned_by", state.PinnedBy);
        WriteNumber(json, "edits", (ulong)state.Edits);
        WriteNumber(json, "edited_by", state.EditedBy);
        if (state.Text is not null)
        {
            json.WriteString("text", state.Text);
        }

        WriteNumber(json, "replies", state.Replies);
        WriteNumber(json, "in_thread", state.InThread);
        if (state.Reactions.Count > 0)
        {
            json.WriteStartArray("reactions");
            foreach (MessageReaction reaction in state.Reactions)
            {
                json.WriteStartObject();
                json.WriteString("reaction", reaction.Reaction);
                json.WriteNumber("count", reaction.Count);
                json.WriteBoolean("own", reaction.IsOwn);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        invocation.Json.End();
    }

    private static IEnumerable<string> Words(MessageState state)
    {
        string?[] words =
        [
            state.DeletedBy == 0 ? null : "deleted",
            state.PinnedBy == 0 ? null : "pinned",
            state.Edits == 0 ? null : $"edited to \"{SafeText.OneLine(state.Text ?? string.Empty)}\"",
            state.Replies == 0 ? null : $"{state.Replies} answer it",
            state.InThread == 0 ? null : $"{state.InThread} in its thread",
            .. state.Reactions.Select(static one => one.IsOwn ? $"[{SafeText.OneLine(one.Reaction)} {one.Count}]" : $"{SafeText.OneLine(one.Reaction)} {one.Count}"),
        ];
        return words.OfType<string>();
    }

    private static void WriteNumber(Utf8JsonWriter json, string key, ulong number)
    {
        if (number != 0)
        {
            json.WriteNumber(key, number);
        }
    }
}
