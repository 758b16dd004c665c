using System.CommandLine;
using System.Globalization;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>conversations [CONVERSATION]</c>: those the user is a member of, or one.</summary>
internal static class Conversations
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string?> conversation = new("CONVERSATION") { Description = $"Only this one, a member or not: {ConversationArgument.Description}", Arity = ArgumentArity.ZeroOrOne };
        Command command = new("conversations", "List the conversations you are a member of, or describe one") { conversation };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) =>
            parsed.GetValue(conversation) is { } one ? DescribeAsync(invocation, one, token) : ListAsync(invocation, token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> DescribeAsync(Invocation invocation, string conversation, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo found = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            IReadOnlyList<UserInfo?> peer = found.Peer.IsNone ? [] : await client.ResolveUsersAsync([found.Peer], cancellation).ConfigureAwait(false);
            Print(invocation, found, peer.Count > 0 ? peer[0]?.Name : null);
        }

        return ExitCodes.Done;
    }

    private static async Task<int> ListAsync(Invocation invocation, CancellationToken cancellation)
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
