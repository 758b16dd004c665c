using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>CONVERSATION on the command line: an id of 32 digits, or a name with or without its #.</summary>
internal static class ConversationArgument
{
    /// <summary>How help describes it.</summary>
    public const string Description = "An id, or a #name (quote it: # begins a comment in most shells; the # may be left out)";

    /// <summary>Finds the conversation.</summary>
    /// <param name="create">Make a public conversation of that name when there is none.</param>
    /// <exception cref="CliException">There is none, or the name cannot be one.</exception>
    public static async Task<ConversationInfo> ResolveAsync(FastChatClient client, string text, bool create, CancellationToken cancellation)
    {
        try
        {
            if (ConversationId.TryParse(text, out ConversationId id))
            {
                return await client.GetConversationAsync(id, cancellation).ConfigureAwait(false);
            }

            string name = NameOf(text);
            return await client.ResolveConversationAsync(name, create, cancellation).ConfigureAwait(false);
        }
        catch (RequestException failure) when (failure.Code == ErrorCode.NoSuchConversation)
        {
            throw new CliException($"there is no conversation {SafeText.OneLine(text)} (or you may not know of it)", inner: failure);
        }
    }

    /// <summary>The id of a conversation that may be left out; none then.</summary>
    /// <exception cref="CliException">There is none, or the name cannot be one.</exception>
    public static async Task<ConversationId> ResolveOptionalAsync(FastChatClient client, string? text, CancellationToken cancellation) =>
        text is null ? default : (await ResolveAsync(client, text, create: false, cancellation).ConfigureAwait(false)).Conversation;

    /// <summary>The bare name.</summary>
    /// <exception cref="CliException">It cannot be one.</exception>
    public static string NameOf(string text)
    {
        string name = text.StartsWith('#') ? text[1..] : text;
        return Names.TryCanonicalize(name, out _)
            ? name
            : throw CliException.Usage($"'{SafeText.OneLine(text)}' is neither a conversation's id nor a name (1–64 characters from a–z A–Z 0–9 . _ -)");
    }

    /// <summary>What people call a conversation: its name with #, else its title, else its id.</summary>
    public static string Label(ConversationInfo conversation) => SafeText.OneLine(
        conversation.Name is { } name ? $"#{name}" : conversation.Title ?? conversation.Conversation.ToString());
}
