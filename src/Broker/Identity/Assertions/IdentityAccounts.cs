using System.Text;

using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>
/// Which account somebody of another system has here, and how they get it. Account, name, identity and what it is found by change in one batch of one shard, that of the account's name; but two sign-ins of one person may bring two names, and so two shards, so those of
/// one identity go one after the other. Reads block on the disk: pool threads.
/// </summary>
internal sealed class IdentityAccounts(Router router, IConversationLog log, Accounts accounts, RandomSource random)
{
    /// <summary>Names that are tried: the claimed one, and that with a random end.</summary>
    private const int NamesMax = 4;

    private const int SuffixBytes = 4;

    private readonly InTurn[] _turns = [.. Enumerable.Range(0, 64).Select(static _ => new InTurn())];

    /// <summary>The account of an identity; none, with true, when its person was erased.</summary>
    public bool TryFind(StoredIdentity identity, out UserId user)
    {
        user = default;
        return log.Get(Table.State, identity.PointerKey) is { } stored && StoredIdentity.TryParsePointer(stored, out user);
    }

    /// <summary>Whether an assertion that was issued then still signs in its person's account.</summary>
    public AssertionFault Judge(UserId user, long issuedMicros) =>
        user.IsNone ? AssertionFault.Erased
        : log.Get(Table.State, StoredIdentity.KeyOf(user)) is not { } stored || !StoredIdentity.TryParse(stored, out StoredIdentity? identity) ? AssertionFault.Erased
        : issuedMicros <= identity.SinceMicros ? AssertionFault.Ended
        : AssertionFault.None;

    /// <summary>Makes an account without a password. CONFLICT when somebody else did something at the same time: look again.</summary>
    /// <param name="identity">Whose.</param>
    /// <param name="claimed">The name that the issuer knows them by; null when it says none.</param>
    public Task<(CommandResult Made, UserId User)> RegisterAsync(StoredIdentity identity, string? claimed) =>
        _turns[identity.Hash[0] % _turns.Length].RunAsync(() => RegisterInTurnAsync(identity, claimed));

    private async Task<(CommandResult Made, UserId User)> RegisterInTurnAsync(StoredIdentity identity, string? claimed)
    {
        CommandResult taken = new(ErrorCode.Conflict, "no name is free");
        for (int attempt = 0; attempt < NamesMax && !TryFind(identity, out _); attempt++)
        {
            string name = NameFor(claimed, attempt);
            if (!IsFree(name, out string canonical))
            {
                continue;
            }

            UserId user = accounts.NewUserId('u', canonical);
            CommandResult made = await accounts.WriteAsync(
                user,
                [
                    new StateEntry(IdentityKeys.Name(StateKeys.UserNames, canonical), ControlMap.IdBytes(user.Value), MustBeAbsent: true),
                    new StateEntry(identity.PointerKey, StoredIdentity.Pointer(user), MustBeAbsent: true),
                    new StateEntry(StoredIdentity.KeyOf(user), identity.ToBytes()),
                    new StateEntry(IdentityKeys.Account(user), new AccountRecord(name, false, AccountRights.None, router.NowMicros(), null).ToBytes()),
                ],
                CancellationToken.None);
            if (made.Error != ErrorCode.NameTaken)
            {
                return (made, user);
            }
        }

        return (taken, default);
    }

    /// <summary>
    /// The claimed name, when it is one that somebody could have registered. One that had to be changed, and one that is taken, gets a random end: nobody is then called what somebody else is, or seems to be, and the next who tries the same name cannot foresee what comes out.
    /// </summary>
    private string NameFor(string? claimed, int attempt)
    {
        if (attempt == 0 && Names.TryCanonicalize(claimed, out _))
        {
            return claimed!;
        }

        Span<byte> end = stackalloc byte[SuffixBytes];
        random.Fill(end);
        string suffix = "-" + Convert.ToHexStringLower(end);
        StringBuilder name = new();
        foreach (char character in claimed ?? string.Empty)
        {
            char next = char.IsAsciiLetterOrDigit(character) || character is '.' or '_' ? character : '-';
            if (char.IsAsciiLetterOrDigit(next) || (name.Length > 0 && name[^1] != next))
            {
                name.Append(next);
            }
        }

        string start = name.ToString(0, Math.Min(name.Length, ProtocolLimits.NameSizeMax - suffix.Length)).TrimEnd('-');
        return (start.Length == 0 ? "user" : start) + suffix;
    }

    /// <summary>False for a name that somebody has or had: an account, a person of an imported system, somebody who was erased.</summary>
    private bool IsFree(string name, out string canonical)
    {
        bool isName = Names.TryCanonicalize(name, out string? found);
        canonical = found ?? string.Empty;
        return isName
            && log.Get(Table.State, IdentityKeys.Name(StateKeys.UserNames, canonical)) is null
            && log.Get(Table.State, IdentityKeys.ErasedName(canonical)) is null
            && log.Get(Table.State, IdentityKeys.Name(StateKeys.ExternalNames, name)) is null
            && log.Get(Table.State, IdentityKeys.Name(StateKeys.ExternalNames, canonical)) is null;
    }
}
