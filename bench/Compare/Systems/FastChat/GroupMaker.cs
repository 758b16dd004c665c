using System.Globalization;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.FastChat;

/// <summary>Makes a group or a channel of any number of members, most of whom are imported users, who never connect: 500 at a time, as many as a request may name.</summary>
internal static class GroupMaker
{
    /// <summary>Makes one.</summary>
    /// <param name="kind">Which of the two.</param>
    /// <param name="name">Its name; a channel needs one.</param>
    /// <param name="owner">Becomes its owner.</param>
    /// <param name="importer">Has the import right.</param>
    /// <param name="accounts">Members that can connect; the owner may be among them.</param>
    /// <param name="members">Members altogether.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="UnavailableException">Fewer were added than asked for.</exception>
    public static async Task<ConversationId> MakeAsync(
        ConversationKind kind, string? name, FastChatClient owner, FastChatClient importer, IReadOnlyCollection<UserId> accounts, int members, CancellationToken cancellation)
    {
        ConversationInfo group = await owner.CreateConversationAsync(
            kind, name, title: "load", accounts.Where(account => account != owner.User).ToArray(), cancellationToken: cancellation).ConfigureAwait(false);
        string[] names = Enumerable.Range(0, Math.Max(0, members - accounts.Count)).Select(i => string.Create(CultureInfo.InvariantCulture, $"member {i}")).ToArray();
        foreach (string[] part in names.Chunk(ProtocolLimits.ControlArrayMax))
        {
            IReadOnlyList<UserId> users = await importer.ImportUsersAsync(part, cancellation).ConfigureAwait(false);
            MembersAdded added = await owner.AddMembersAsync(group.Conversation, users, cancellationToken: cancellation).ConfigureAwait(false);
            if (added.Added != users.Count)
            {
                throw new UnavailableException($"a group took {added.Added} of {users.Count} members");
            }
        }

        return group.Conversation;
    }
}
