using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>erase-conversation CONVERSATION --yes</c>, and <c>admin erase-conversation</c> for whoever runs the broker: all of it, for everybody.</summary>
internal static class EraseConversation
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(300);

    /// <summary>The owner's.</summary>
    public static Command Build() => Build(data: null, "Erase a conversation of which you are the owner, with everything that was said in it");

    /// <summary>The operator's.</summary>
    public static Command BuildAdmin() => Build(Admin.DataOption(), "Erase a conversation, with everything that was said in it");

    private static Command Build(Option<string?>? data, string description)
    {
        Argument<string> conversation = new("CONVERSATION") { Description = $"{ConversationArgument.Description}; the id of one whose erasure has begun, because the name is free by then" };
        Option<bool> yes = new("--yes") { Description = "Yes, erase everything; without it, say how it goes" };
        Option<bool> wait = new("--wait") { Description = "Return when it is done" };
        Command command = new("erase-conversation", description) { conversation, yes, wait };
        if (data is not null)
        {
            command.Add(data);
        }

        command.SetAction((parsed, cancellation) => Invocation.Action(async (invocation, token) =>
        {
            FastChatClient client = await (data is null ? invocation.ConnectAsync(token) : Admin.ConnectAsync(invocation, parsed.GetValue(data), token)).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                await EraseAsync(invocation, client, parsed.GetRequiredValue(conversation), parsed.GetValue(yes), parsed.GetValue(wait), token).ConfigureAwait(false);
            }

            return ExitCodes.Done;
        })(parsed, cancellation));
        return command;
    }

    private static async Task EraseAsync(Invocation invocation, FastChatClient client, string which, bool isMeant, bool waits, CancellationToken cancellation)
    {
        // By its id it is found when it is not there any more, too.
        ConversationId conversation = ConversationId.TryParse(which, out ConversationId id)
            ? id
            : (await ConversationArgument.ResolveAsync(client, which, create: false, cancellation).ConfigureAwait(false)).Conversation;
        ErasureStatus status = isMeant
            ? await client.EraseConversationAsync(conversation, cancellation).ConfigureAwait(false)
            : await client.GetConversationErasureAsync(conversation, cancellation).ConfigureAwait(false);
        while (waits && status.State == "running")
        {
            await Task.Delay(s_poll, cancellation).ConfigureAwait(false);
            status = await client.GetConversationErasureAsync(conversation, cancellation).ConfigureAwait(false);
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("conversation", conversation.ToString());
        json.WriteString("state", status.State);
        json.WriteNumber("erased", status.Erased);
        json.WriteBoolean("reaches_backups", status.ReachesBackups);
        invocation.Json.End();
        if (status.State == "none")
        {
            Invocation.Note("Nothing was erased: --yes says that you mean it, and there is no way back.");
        }
        else if (!status.ReachesBackups)
        {
            Invocation.Note("Backups that were taken before still have everything: delete them, or erase again in what is restored from one.");
        }
    }
}
