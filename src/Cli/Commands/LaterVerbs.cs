using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>schedule</c>, <c>scheduled</c> and <c>unschedule</c>: messages that the broker publishes later.</summary>
internal static class LaterVerbs
{
    /// <summary>The verbs.</summary>
    public static IEnumerable<Command> BuildAll()
    {
        yield return BuildSchedule();
        yield return BuildScheduled();
        yield return BuildUnschedule();
    }

    private static Command BuildSchedule()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string> at = new("WHEN") { Description = $"In how long ({Durations.HelpName}), or a time such as 2027-01-01T09:00 (local, or with Z or an offset)" };
        Argument<string[]> words = new("TEXT") { Description = "What is said", Arity = ArgumentArity.OneOrMore };
        Option<string?> id = new("--id") { Description = "Change the message that waits under this id", HelpName = "ID" };
        Command command = new("schedule", "Publish a message later") { conversation, at, words, id };
        command.SetAction((parsed, cancellation) => Invocation.Action(async (invocation, token) =>
        {
            DateTimeOffset time = TimeOf(parsed.GetRequiredValue(at));
            ClientMessageId message = parsed.GetValue(id) is { } text ? IdOf(text) : default;
            FastChatClient client = await invocation.ConnectAsync(token).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                ConversationInfo target = await ConversationArgument.ResolveAsync(client, parsed.GetRequiredValue(conversation), create: false, token).ConfigureAwait(false);
                ScheduledReceipt receipt = await client.ScheduleTextAsync(
                    target.Conversation, string.Join(' ', parsed.GetRequiredValue(words)), time, new PublishOptions { ClientMessageId = message }, token).ConfigureAwait(false);
                Utf8JsonWriter json = invocation.Json.Begin();
                json.WriteString("conversation", target.Conversation.ToString());
                json.WriteString("id", receipt.Id.ToString());
                json.WriteString("at", Timestamps.Format(Micros.Of((DateTimeOffset?)receipt.At)!.Value));
                if (receipt.Sent.Sequence > 0)
                {
                    json.WriteNumber("sequence", receipt.Sent.Sequence);
                }

                invocation.Json.End();
            }

            return ExitCodes.Done;
        })(parsed, cancellation));
        return command;
    }

    private static Command BuildScheduled()
    {
        Argument<string?> conversation = new("CONVERSATION") { Description = ConversationArgument.Description, Arity = ArgumentArity.ZeroOrOne };
        Command command = new("scheduled", "List the messages that wait to be published") { conversation };
        command.SetAction((parsed, cancellation) => Invocation.Action(async (invocation, token) =>
        {
            FastChatClient client = await invocation.ConnectAsync(token).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                ConversationId target = await ConversationArgument.ResolveOptionalAsync(client, parsed.GetValue(conversation), token).ConfigureAwait(false);
                ReadOnlyMemory<byte>? next = null;
                do
                {
                    ScheduledPage page = await client.ListScheduledAsync(target, next, token).ConfigureAwait(false);
                    foreach (ScheduledMessage message in page.Messages)
                    {
                        Print(invocation, message);
                    }

                    next = page.Next;
                }
                while (next is not null);
            }

            return ExitCodes.Done;
        })(parsed, cancellation));
        return command;
    }

    private static Command BuildUnschedule()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string> id = new("ID") { Description = "What 'scheduled' calls it: 32 digits" };
        Command command = new("unschedule", "Take a scheduled message back") { conversation, id };
        command.SetAction((parsed, cancellation) => Invocation.Action(async (invocation, token) =>
        {
            ClientMessageId message = IdOf(parsed.GetRequiredValue(id));
            FastChatClient client = await invocation.ConnectAsync(token).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                ConversationInfo target = await ConversationArgument.ResolveAsync(client, parsed.GetRequiredValue(conversation), create: false, token).ConfigureAwait(false);
                bool isChanged = await client.CancelScheduledAsync(target.Conversation, message, token).ConfigureAwait(false);
                Utf8JsonWriter json = invocation.Json.Begin();
                json.WriteString("conversation", target.Conversation.ToString());
                json.WriteString("id", message.ToString());
                json.WriteBoolean("changed", isChanged);
                invocation.Json.End();
            }

            return ExitCodes.Done;
        })(parsed, cancellation));
        return command;
    }

    private static ClientMessageId IdOf(string text) => ClientMessageId.TryParse(text, out ClientMessageId id)
        ? id
        : throw CliException.Usage($"'{SafeText.OneLine(text)}' is no message's id: 'fastchat scheduled' lists them");

    /// <summary>A duration counts from now; what has more in it than a number and a unit is a time.</summary>
    private static DateTimeOffset TimeOf(string text)
    {
        if (!text.AsSpan().ContainsAny("-:T"))
        {
            return TimeProvider.System.GetUtcNow() + Durations.Parse(text)!.Value;
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out DateTimeOffset time)
            ? time
            : throw CliException.Usage($"'{SafeText.OneLine(text)}' is no time: 2027-01-01T09:00, or in how long: {Durations.HelpName}");
    }

    private static void Print(Invocation invocation, ScheduledMessage message)
    {
        string at = Timestamps.Format(Micros.Of((DateTimeOffset?)message.At)!.Value);
        if (invocation.IsHuman)
        {
            string refused = message.Refused == ErrorCode.None ? string.Empty : $"  (not published: {message.Refused})";
            invocation.PrintHuman($"{message.Id}  {at}  {message.Conversation}  {SafeText.OneLine(message.Text ?? "(no text)")}{refused}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("conversation", message.Conversation.ToString());
        json.WriteString("id", message.Id.ToString());
        json.WriteString("at", at);
        json.WriteNumber("kind", (byte)message.Kind);
        if (message.Text is { } text)
        {
            json.WriteString("text", text);
        }
        else
        {
            json.WriteBase64String("body", message.Body.Span);
        }

        if (message.Refused != ErrorCode.None)
        {
            json.WriteString("refused", message.Refused.ToString());
        }

        invocation.Json.End();
    }
}
