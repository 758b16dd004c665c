using System.CommandLine;
using System.Globalization;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>conversations</c>: those the user is a member of.</summary>
internal static class Conversations
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Command command = new("conversations", "List the conversations you are a member of");
        command.SetAction((parsed, cancellation) => Invocation.Action(RunAsync)(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationId after = default;
            bool complete = false;
            while (!complete)
            {
                ConversationPage page = await client.ListConversationsAsync(after, cancellationToken: cancellation).ConfigureAwait(false);
                UserId[] peers = [.. page.Conversations.Select(conversation => conversation.Peer).Where(peer => !peer.IsNone)];
                IReadOnlyList<UserInfo?> names = await client.ResolveUsersAsync(peers, cancellation).ConfigureAwait(false);
                foreach (ConversationInfo conversation in page.Conversations)
                {
                    int peer = Array.IndexOf(peers, conversation.Peer);
                    Print(invocation, conversation, peer < 0 ? null : names[peer]?.Name);
                    after = conversation.Conversation;
                }

                complete = page.IsComplete || page.Conversations.Count == 0;
            }
        }

        return ExitCodes.Done;
    }

    private static void Print(Invocation invocation, ConversationInfo conversation, string? peer)
    {
        if (!invocation.IsHuman)
        {
            ConversationJson.Write(invocation.Json, conversation, peerName: peer);
            return;
        }

        string label = peer is null ? ConversationArgument.Label(conversation) : $"with {SafeText.OneLine(peer)}";
        string archived = conversation.IsArchived ? "  (archived)" : string.Empty;
        string topic = conversation.Topic is { } about ? $"  · {SafeText.OneLine(about)}" : string.Empty;
        string title = conversation is { Title: { } text, Name: not null } ? $"  {SafeText.OneLine(text)}" : string.Empty;
        invocation.PrintHuman(string.Create(
            CultureInfo.InvariantCulture,
            $"{conversation.Conversation}  {ConversationKinds.NameOf(conversation.Kind),-7}  {MemberRoles.NameOf(conversation.Role),-9}  {conversation.Head,9}  {label}{title}{topic}{archived}"));
    }
}
