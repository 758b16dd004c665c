using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Users as the command line names them.</summary>
internal static class Users
{
    /// <summary>The ids of names, in the order given; an id of 32 digits stands for itself.</summary>
    /// <exception cref="CliException">There is no user of one of the names.</exception>
    public static async Task<UserId[]> ResolveAsync(FastChatClient client, IReadOnlyList<string> names, CancellationToken cancellation)
    {
        UserId[] ids = new UserId[names.Count];
        List<string> asked = [];
        for (int i = 0; i < names.Count; i++)
        {
            if (!UserId.TryParse(names[i], out ids[i]))
            {
                asked.Add(names[i]);
            }
        }

        IReadOnlyList<UserInfo?> found = asked.Count == 0 ? [] : await client.ResolveUsersAsync(asked, cancellation).ConfigureAwait(false);
        int next = 0;
        for (int i = 0; i < names.Count; i++)
        {
            if (ids[i].IsNone)
            {
                ids[i] = found[next]?.User ?? throw new CliException($"there is no user {SafeText.OneLine(asked[next])}");
                next++;
            }
        }

        return ids;
    }
}
