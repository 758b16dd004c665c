using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

using FastChat.Shared;

using NSec.Cryptography;

namespace FastChat.Broker.Identity;

/// <summary>
/// Argon2id (RFC 9106) with 19 MiB, 2 passes, 1 lane, the minimum that OWASP's password sheet names, on one thread of its own with a short queue: a flood of sign-ins
/// costs the others neither processor nor memory, and those that do not fit are told to come later. Verifiers are PHC strings, so that parameters can rise later. The thread begins with the first
/// password: a broker whose clients bring tokens, as after every restart, has none.
/// </summary>
internal sealed class PasswordHasher : IDisposable
{
    private const int MemoryKiB = 19 * 1024;
    private const int Passes = 2;
    private const int SaltSize = 16;
    private const int HashSize = 32;
    private const int QueueMax = 64;

    private readonly BlockingCollection<Action> _queue = new(QueueMax);
    private readonly RandomSource _random;
    private readonly Lazy<Thread> _thread;
    private string? _decoy;

    public PasswordHasher(RandomSource random)
    {
        _random = random;
        _thread = new Lazy<Thread>(() =>
        {
            Thread thread = new(Run) { Name = "fastchat-passwords", IsBackground = true };
            thread.Start();
            return thread;
        });
    }

    /// <summary>A verifier for a new password; null when too many wait already.</summary>
    public Task<string?> HashAsync(string password) => EnqueueAsync<string?>(() => Hash(password), null);

    /// <summary>
    /// True when the password fits the verifier; null when too many wait already. Without a verifier it takes as long and is false, so that
    /// time does not tell whether an account exists.
    /// </summary>
    public Task<bool?> VerifyAsync(string password, string? verifier) =>
        EnqueueAsync<bool?>(() => Verify(password, verifier ?? _decoy!) && verifier is not null, null);

    /// <summary>True when a verifier was made with less memory or fewer passes than are used now: whoever has just shown its password makes a new one.</summary>
    public static bool IsOutdated(string verifier) => !TryParse(verifier, out int memory, out int passes, out _, out _) || memory < MemoryKiB || passes < Passes;

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
        _queue.CompleteAdding();
        if (_thread.IsValueCreated)
        {
            _thread.Value.Join();
        }

        _queue.Dispose();
    }

    private Task<T> EnqueueAsync<T>(Func<T> work, T full)
    {
        TaskCompletionSource<T> done = new(Continuation.Asynchronously);
        bool queued = !_queue.IsAddingCompleted && _queue.TryAdd(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception failure)
            {
                done.SetException(failure);
            }
        });
        if (!queued)
        {
            return Task.FromResult(full);
        }

        _ = _thread.Value;
        return done.Task;
    }

    private void Run()
    {
        // Ahead of everything: the first name that nobody has must not take longer than the others.
        _decoy = Hash("no account has this password");
        foreach (Action work in _queue.GetConsumingEnumerable())
        {
            work();
        }
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
        if (verifier.Split('$') is not ["", "argon2id", "v=19", var parameters, var saltText, var hashText])
        {
            return false;
        }

        string[] numbers = parameters.Split(',');
        memoryKiB = int.Parse(numbers[0].AsSpan(2), CultureInfo.InvariantCulture);
        passes = int.Parse(numbers[1].AsSpan(2), CultureInfo.InvariantCulture);
        (salt, hash) = (FromBase64(saltText), FromBase64(hashText));
        return true;
    }

    private static byte[] Derive(string password, byte[] salt, int memoryKiB, int passes, int size)
    {
        Argon2id algorithm = PasswordBasedKeyDerivationAlgorithm.Argon2id(
            new Argon2Parameters { MemorySize = memoryKiB, NumberOfPasses = passes, DegreeOfParallelism = 1 });
        return algorithm.DeriveBytes(Encoding.UTF8.GetBytes(password), salt, size);
    }

    private static string ToBase64(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    private static byte[] FromBase64(string text) => Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='));
}
