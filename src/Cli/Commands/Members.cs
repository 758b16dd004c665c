using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>members CONVERSATION</c>: who belongs to it.</summary>
internal static class Members
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Command command = new("members", "List the members of a conversation") { conversation };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            UserId after = default;
            bool complete = false;
            while (!complete)
            {
                MemberPage page = await client.ListMembersAsync(target.Conversation, after, cancellationToken: cancellation).ConfigureAwait(false);
                foreach (MemberInfo member in page.Members)
                {
                    Print(invocation, member);
                }

                after = page.Next;
                complete = page.IsComplete || after.IsNone;
            }
        }

        return ExitCodes.Done;
    }

    private static void Print(Invocation invocation, MemberInfo member)
    {
        if (invocation.IsHuman)
        {
            invocation.PrintHuman($"{member.User}  {MemberRoles.NameOf(member.Role),-9}  {SafeText.OneLine(member.Name)}{Muted(member)}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("user", member.User.ToString());
        json.WriteString("name", member.Name);
        json.WriteString("role", MemberRoles.NameOf(member.Role));
        json.WriteNumber("since", member.Since);
        if (member.MutedUntil is not null)
        {
            json.WriteString("muted_until", Timestamps.Format(Micros.Of(member.MutedUntil)!.Value));
        }

        invocation.Json.End();
    }

    private static string Muted(MemberInfo member) => member.MutedUntil is null ? string.Empty : $"  (muted until {Timestamps.Format(Micros.Of(member.MutedUntil)!.Value)})";
}
