using System.Buffers.Text;
using System.CommandLine;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>join CONVERSATION|LINK</c>: becomes a member of an open conversation, or of where a link leads.</summary>
internal static class Join
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> target = new("CONVERSATION|LINK") { Description = "An id or a #name, or the text of a join link" };
        Command command = new("join", "Become a member of a public conversation or a channel, or follow a join link") { target };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(invocation, parsed.GetRequiredValue(target), token))(parsed, cancellation));
        return command;
    }

    /// <summary>True for what has the form of a link: 32 bytes in base64url. A #name with its # is never one.</summary>
    public static bool IsLink(string text)
    {
        Span<byte> bytes = stackalloc byte[2 * Id128.Size];
        return text.Length == Base64Url.GetEncodedLength(bytes.Length) && Base64Url.IsValid(text) && Base64Url.TryDecodeFromChars(text, bytes, out int size) && size == bytes.Length;
    }

    private static async Task<int> RunAsync(Invocation invocation, string text, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            if (IsLink(text))
            {
                JoinedByLink joined = await client.JoinByLinkAsync(text, cancellation).ConfigureAwait(false);
                MemberVerbs.Write(invocation, joined.Conversation, client.UserName, new ChangeResult(joined.IsChanged, joined.Sequence));
                return ExitCodes.Done;
            }

            ConversationInfo target = await ConversationArgument.ResolveAsync(client, text, create: false, cancellation).ConfigureAwait(false);
            ChangeResult result = await client.JoinAsync(target.Conversation, cancellation).ConfigureAwait(false);
            MemberVerbs.Write(invocation, target.Conversation, client.UserName, result);
        }

        return ExitCodes.Done;
    }
}
