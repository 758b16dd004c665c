using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>set CONVERSATION …</c> and <c>rename CONVERSATION TITLE</c>: change what a conversation is.</summary>
internal static class Set
{
    /// <summary><c>set</c>.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Option<bool?> archived = new("--archived") { Description = "true: nobody writes there any more; false: they do again", HelpName = "true|false" };
        SettingsOptions settings = new();
        Command command = new("set", "Change topic, picture, slow mode, what newcomers may read, and how long messages are kept; archive") { conversation, archived };
        settings.AddTo(command);
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => ChangeAsync(
            invocation, parsed.GetRequiredValue(conversation), settings.Read(parsed) with { IsArchived = parsed.GetValue(archived) }, token))(parsed, cancellation));
        return command;
    }

    /// <summary><c>admin retention</c>: the same of any conversation, for whoever runs the broker.</summary>
    public static Command BuildAdminRetention()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Option<string?> data = Admin.DataOption();
        RetentionOptions retention = new();
        Command command = new("retention", "Set how long, and up to which size, a conversation keeps its messages") { conversation, data };
        retention.AddTo(command);
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => ChangeAsync(
            invocation, parsed.GetRequiredValue(conversation), retention.Read(parsed), token, () => Admin.ConnectAsync(invocation, parsed.GetValue(data), token)))(parsed, cancellation));
        return command;
    }

    /// <summary><c>rename</c>.</summary>
    public static Command BuildRename()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string> title = new("TITLE") { Description = "What people call it (\"\" takes it away); its #name never changes" };
        Command command = new("rename", "Give a conversation another title") { conversation, title };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => ChangeAsync(
            invocation, parsed.GetRequiredValue(conversation), new ConversationChanges { Title = parsed.GetRequiredValue(title) }, token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> ChangeAsync(
        Invocation invocation, string conversation, ConversationChanges changes, CancellationToken cancellation, Func<Task<FastChatClient>>? connect = null)
    {
        if (changes.IsEmpty)
        {
            throw CliException.Usage("nothing is to be changed: give one of the options");
        }

        FastChatClient client = await (connect?.Invoke() ?? invocation.ConnectAsync(cancellation)).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            ChangeResult result = await client.ChangeConversationAsync(target.Conversation, changes, cancellation).ConfigureAwait(false);
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("conversation", target.Conversation.ToString());
            json.WriteBoolean("changed", result.IsChanged);
            json.WriteNumber("sequence", result.Sequence);
            invocation.Json.End();
        }

        return ExitCodes.Done;
    }
}
