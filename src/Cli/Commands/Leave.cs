using System.CommandLine;

namespace FastChat.Cli;

/// <summary><c>leave CONVERSATION</c>: stops being a member.</summary>
internal static class Leave
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Command command = new("leave", "Stop being a member of a conversation") { conversation };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => Kick.RemoveAsync(
            invocation, parsed.GetRequiredValue(conversation), name: null, token))(parsed, cancellation));
        return command;
    }
}
