using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;

namespace FastChat.Broker.People;

/// <summary>What a person's shard writes because of a command.</summary>
/// <param name="Result">What the handler that waits is told.</param>
/// <param name="Write">The entry of the person's own shard; null = nothing changes.</param>
/// <param name="Owed">An entry of a conversation, which its shard gets as an effect.</param>
internal sealed record PersonDecision(CommandResult Result, StateEntry? Write = null, (ConversationId Conversation, StateEntry Entry)? Owed = null);

/// <summary>
/// What becomes of a person's profile and blocks. Pure: the outcome depends on the state that <c>read</c> gives, on the command and on the time in its head, and on nothing else, so that a version is given
/// to one change on every node, and two clients that change the same version cannot both succeed.
/// </summary>
internal static class PersonRules
{
    /// <summary>Decides about a command of <paramref name="user"/>.</summary>
    /// <param name="user">Who acts, about what is his own.</param>
    /// <param name="timeMicros">The command's time.</param>
    /// <param name="command">What to do.</param>
    /// <param name="read">Reads the shard's state, decided entries included.</param>
    public static PersonDecision Decide(UserId user, long timeMicros, PersonCommand command, Func<byte[], byte[]?> read) => command switch
    {
        PersonCommand.SetProfile profile => Decide(user, profile.Change, read),
        PersonCommand.SetBlock block => Decide(user, timeMicros, block, read),
        _ => throw new ArgumentOutOfRangeException(nameof(command)),
    };

    private static PersonDecision Decide(UserId user, ProfileChange change, Func<byte[], byte[]?> read)
    {
        byte[] key = PeopleKeys.Profile(user);
        StoredProfile before = StoredProfile.Of(read(key));
        if (change.IfVersion is { } expected && expected != before.Version)
        {
            return Refuse(ErrorCode.Conflict, $"the profile has version {before.Version}");
        }

        StoredProfile after = before.With(change);
        if (after.Fields.Count > PeopleLimits.FieldsMax || after.CountedSize > PeopleLimits.ProfileSizeMax)
        {
            return Refuse(ErrorCode.BadRequest, $"a profile has at most {PeopleLimits.FieldsMax} fields and {PeopleLimits.ProfileSizeMax} bytes in all");
        }

        // A change that changes nothing is no version: a request that is repeated because its answer was lost must not look like news to everybody else.
        if (after == before)
        {
            return new PersonDecision(new CommandResult(ErrorCode.None) { Version = before.Version });
        }

        after = after with { Version = before.Version + 1 };
        return new PersonDecision(new CommandResult(ErrorCode.None) { Version = after.Version, Changed = true }, new StateEntry(key, after.ToBytes()));
    }

    private static PersonDecision Decide(UserId user, long timeMicros, PersonCommand.SetBlock command, Func<byte[], byte[]?> read)
    {
        if (command.Other == user)
        {
            return Refuse(ErrorCode.BadRequest, "nobody blocks themselves");
        }

        byte[] key = PeopleKeys.Block(user, command.Other);
        if (read(key) is not null == command.IsBlocked)
        {
            return new PersonDecision(new CommandResult(ErrorCode.None));
        }

        byte[]? value = command.IsBlocked ? new StoredBlock(timeMicros).ToBytes() : null;
        ConversationId direct = DirectConversations.IdOf(user, command.Other);
        return new PersonDecision(
            new CommandResult(ErrorCode.None) { Changed = true },
            new StateEntry(key, value),
            (direct, new StateEntry(PeopleKeys.DirectBlock(direct, user), value)));
    }

    private static PersonDecision Refuse(ErrorCode code, string reason) => new(new CommandResult(code, reason));
}
