using System.Globalization;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.FastChat;

/// <summary>
/// Makes conversations <c>load-N</c>, a million if need be. The broker works on 16 control requests of a connection at a time and commits what comes together at once: so many connections
/// ask, each with that many requests under way, and there are never more tasks than that.
/// </summary>
/// <param name="connect">Opens a connection; its number decides the account.</param>
/// <param name="history">Is told of each; null when nobody records.</param>
internal sealed class ConversationMaker(Func<int, Task<FastChatClient>> connect, RunHistory? history)
{
    private const int ConnectionsMax = 32;
    private const int RequestsOfConnection = 16;
    private const int ConversationsOfConnection = 512;

    private int _next;

    /// <summary>Makes or finds the conversations <paramref name="first"/> … <paramref name="end"/> − 1.</summary>
    public async Task<ConversationId[]> MakeAsync(int first, int end, CancellationToken cancellation)
    {
        ConversationId[] made = new ConversationId[end - first];
        _next = first - 1;
        int connections = Math.Clamp((end - first) / ConversationsOfConnection, 1, ConnectionsMax);
        await Task.WhenAll(Enumerable.Range(0, connections).Select(async number =>
        {
            FastChatClient client = await connect(number).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                await Task.WhenAll(Enumerable.Range(0, RequestsOfConnection).Select(_ => AskAsync(client, first, made, cancellation))).ConfigureAwait(false);
            }
        })).ConfigureAwait(false);
        return made;
    }

    private async Task AskAsync(FastChatClient client, int first, ConversationId[] made, CancellationToken cancellation)
    {
        for (int number; (number = Interlocked.Increment(ref _next)) < first + made.Length;)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"load-{number}");
            ConversationInfo info = await client.ResolveConversationAsync(name, create: true, cancellation).ConfigureAwait(false);
            history?.OnConversation(info);
            made[number - first] = info.Conversation;
        }
    }
}
