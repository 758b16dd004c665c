using System.Globalization;
using System.Security.Cryptography;
using System.Text;

using FastChat.Broker.Limits;
using FastChat.Shared;

using NSec.Cryptography;

namespace FastChat.Broker.Identity;

/// <summary>What is kept of a password.</summary>
/// <param name="Hashed">Argon2id's.</param>
/// <param name="Scram">SCRAM's; null when none is kept.</param>
internal sealed record PasswordVerifiers(string Hashed, string? Scram)
{
    /// <summary>An account with these, and no others.</summary>
    public AccountRecord In(AccountRecord account) => account with { Verifier = Hashed, Scram = Scram };

    /// <summary>Nothing of them.</summary>
    public override string ToString() => nameof(PasswordVerifiers);
}

/// <summary>
/// Argon2id (RFC 9106) with 19 MiB, 2 passes, 1 lane, the minimum that OWASP's password sheet names, on one thread of its own with a short queue: a flood of sign-ins
/// costs the others neither processor nor memory, and those that do not fit are told to come later. Addresses take turns in it, so whoever comes from elsewhere waits for the password that is being hashed and for one more, however many come from one address. Verifiers are PHC strings, so that
/// parameters can rise later. The thread begins with the first password: a broker whose clients bring tokens, as after every restart, has none.
/// </summary>
internal sealed class PasswordHasher : IDisposable
{
    private const int MemoryKiB = 19 * 1024;
    private const int Passes = 2;
    private const int SaltSize = 16;
    private const int HashSize = 32;
    private const int QueueMax = 64;

    private readonly AddressQueue<Job> _queue = new(QueueMax);
    private readonly RandomSource _random;
    private readonly PasswordPolicy _policy;
    private readonly ScramVerifier _scramDecoy;
    private readonly Lazy<Thread> _thread;
    private string? _decoy;
    private long _refused;

    /// <param name="random">Where salts come from.</param>
    /// <param name="policy">Which verifiers are kept; as passwords are when absent.</param>
    public PasswordHasher(RandomSource random, PasswordPolicy? policy = null)
    {
        _random = random;
        _policy = policy ?? PasswordPolicy.Plain;
        _scramDecoy = new ScramVerifier(_policy.Iterations, new byte[ScramSalts.Size], new byte[Protocol.ScramKeys.Size], new byte[Protocol.ScramKeys.Size]);
        _thread = new Lazy<Thread>(() =>
        {
            Thread thread = new(Run) { Name = "fastchat-passwords", IsBackground = true };
            thread.Start();
            return thread;
        });
    }

    /// <summary>Passwords that wait.</summary>
    public int Waiting => _queue.Count;

    /// <summary>Passwords that found no place, or lost theirs to another address, since the start.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>The verifiers for a new password; null when too many wait already.</summary>
    /// <param name="from">Where it comes from.</param>
    /// <param name="name">The account's name.</param>
    /// <param name="password">The password.</param>
    public Task<PasswordVerifiers?> HashAsync(AddressKey from, string name, string password) => EnqueueAsync<PasswordVerifiers?>(
        from,
        () => new PasswordVerifiers(Hash(password), _policy.SaltFor(name) is { } salt ? ScramVerifier.Make(password, salt, _policy.Iterations).ToText() : null),
        null);

    /// <summary>
    /// True when the password is the account's; null when too many wait already. Without an account it takes as long and is false, so that
    /// time does not tell whether there is one.
    /// </summary>
    /// <param name="from">Where it comes from.</param>
    /// <param name="password">The password.</param>
    /// <param name="account">Whose it should be; null when there is no such account.</param>
    public Task<bool?> VerifyAsync(AddressKey from, string password, AccountRecord? account) => EnqueueAsync<bool?>(from, () => Verify(password, account), null);

    /// <summary>True when a verifier was made with less memory or fewer passes than are used now: whoever has just shown its password makes a new one.</summary>
    public static bool IsOutdated(string verifier) => !TryParse(verifier, out int memory, out int passes, out _, out _) || memory < MemoryKiB || passes < Passes;

    /// <summary>True when it is one of these verifiers.</summary>
    public static bool IsVerifier(string text) => TryParse(text, out _, out _, out _, out _);

    /// <summary>A verifier with parameters of its own. Takes its time.</summary>
    internal static string Hash(string password, ReadOnlySpan<byte> salt, int memoryKiB, int passes)
    {
        byte[] saltBytes = salt.ToArray();
        byte[] hash = Derive(password, saltBytes, memoryKiB, passes, HashSize);
        return string.Create(CultureInfo.InvariantCulture, $"$argon2id$v=19$m={memoryKiB},t={passes},p=1${ToBase64(saltBytes)}${ToBase64(hash)}");
    }

    /// <summary>Ends the thread after what is queued.</summary>
    public void Dispose()
    {
        _queue.End();
        if (_thread.IsValueCreated)
        {
            _thread.Value.Join();
        }
    }

    private Task<T> EnqueueAsync<T>(AddressKey from, Func<T> work, T full)
    {
        TaskCompletionSource<T> done = new(Continuation.Asynchronously);
        Job job = new(
            () =>
            {
                try
                {
                    done.SetResult(work());
                }
                catch (Exception failure)
                {
                    done.SetException(failure);
                }
            },
            () => done.SetResult(full));
        bool isQueued = _queue.TryEnqueue(from, job, out Job displaced, out bool isDisplaced);
        if (isDisplaced || !isQueued)
        {
            Interlocked.Increment(ref _refused);
            (isDisplaced ? displaced : job).Refuse();
        }

        if (isQueued)
        {
            _ = _thread.Value;
        }

        return done.Task;
    }

    private void Run()
    {
        // Ahead of everything: the first name that nobody has must not take longer than the others.
        _decoy = Hash("no account has this password");
        while (_queue.TryTake(out Job job))
        {
            job.Do();
        }
    }

    /// <summary>
    /// An account that has SCRAM's verifier only (its password was never here) is looked at by that. Where both kinds are kept a wrong password therefore costs both, whatever there is, and a right one what it was found by.
    /// </summary>
    private bool Verify(string password, AccountRecord? account)
    {
        if (Verify(password, account?.Verifier ?? _decoy!) && account?.Verifier is not null)
        {
            return true;
        }

        bool isProvableOnly = account?.Verifier is null && ScramVerifier.TryParse(account?.Scram, out _);
        if (!isProvableOnly && _policy.Mechanisms != PasswordMechanisms.Both)
        {
            return false;
        }

        ScramVerifier verifier = isProvableOnly && ScramVerifier.TryParse(account!.Scram, out ScramVerifier? own) ? own : _scramDecoy;
        return verifier.IsOf(password) && isProvableOnly;
    }

    private string Hash(string password)
    {
        byte[] salt = new byte[SaltSize];
        _random.Fill(salt);
        return Hash(password, salt, MemoryKiB, Passes);
    }

    private static bool Verify(string password, string verifier) =>
        TryParse(verifier, out int memory, out int passes, out byte[] salt, out byte[] expected)
        && CryptographicOperations.FixedTimeEquals(Derive(password, salt, memory, passes, expected.Length), expected);

    /// <summary>Takes <c>$argon2id$v=19$m=…,t=…,p=1$salt$hash</c> apart; false when it is something else.</summary>
    private static bool TryParse(string verifier, out int memoryKiB, out int passes, out byte[] salt, out byte[] hash)
    {
        (memoryKiB, passes, salt, hash) = (0, 0, [], []);
        return verifier.Split('$') is ["", "argon2id", "v=19", var parameters, var saltText, var hashText]
            && parameters.Split(',') is [['m', '=', .. var memory], ['t', '=', .. var times], "p=1"]
            && int.TryParse(memory, NumberStyles.None, CultureInfo.InvariantCulture, out memoryKiB) && int.TryParse(times, NumberStyles.None, CultureInfo.InvariantCulture, out passes)
            && TryFromBase64(saltText, out salt) && TryFromBase64(hashText, out hash);
    }

    private static byte[] Derive(string password, byte[] salt, int memoryKiB, int passes, int size)
    {
        Argon2id algorithm = PasswordBasedKeyDerivationAlgorithm.Argon2id(
            new Argon2Parameters { MemorySize = memoryKiB, NumberOfPasses = passes, DegreeOfParallelism = 1 });
        return algorithm.DeriveBytes(Encoding.UTF8.GetBytes(password), salt, size);
    }

    /// <summary>One password: what is to be done, and what its owner is told instead when it loses its place.</summary>
    private readonly record struct Job(Action Do, Action Refuse);

    private static string ToBase64(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    private static bool TryFromBase64(string text, out byte[] bytes)
    {
        bytes = new byte[text.Length];
        bool isWhole = Convert.TryFromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='), bytes, out int size);
        bytes = bytes[..size];
        return isWhole && size > 0;
    }
}
