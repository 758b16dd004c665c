using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace FastChat.Cli;

/// <summary>A user's standing on one server.</summary>
/// <param name="User">The name as registered.</param>
/// <param name="Token">What signs in without a password. Secret.</param>
/// <param name="Device">The device that the token belongs to.</param>
/// <param name="Refresh">What the next token is got with; null for a token that lives as long as the device. Secret.</param>
/// <param name="HoldsUntil">Until when the token signs in, by the clock of this machine; null = until it is ended.</param>
internal sealed record Credential(string User, string Token, ulong Device, string? Refresh = null, DateTimeOffset? HoldsUntil = null);

/// <summary>
/// Tokens per server and user, in the user's configuration folder (<c>FASTCHAT_HOME</c>, else <c>$XDG_CONFIG_HOME/fastchat</c>, else
/// <c>~/.config/fastchat</c>): one file per server, readable by its owner only. Two commands at once do not tear a file. Whoever changes one holds the lock of its server (<see cref="LockAsync"/>), from before reading until
/// after writing: a refresh token that were lost, or sent twice, would end the device.
/// </summary>
internal sealed class CredentialStore
{
    private const int HashDigits = 12;
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(20);

    private readonly string _directory;

    /// <summary>Keeps files in <paramref name="directory"/>, which is made when first needed.</summary>
    public CredentialStore(string directory) => _directory = directory;

    /// <summary>The folder of this user, by the environment.</summary>
    public static string DefaultDirectory(Func<string, string?> environment)
    {
        if (environment("FASTCHAT_HOME") is { Length: > 0 } home)
        {
            return Path.GetFullPath(home);
        }

        // XDG: a relative path is to be ignored.
        string config = environment("XDG_CONFIG_HOME") is { Length: > 0 } xdg && Path.IsPathRooted(xdg)
            ? xdg
            : Path.Combine(environment("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config");
        return Path.Combine(config, "fastchat");
    }

    /// <summary>The credential of a user; of the last one that signed in when <paramref name="user"/> is null. Null when there is none.</summary>
    /// <exception cref="CliException">The file cannot be read.</exception>
    public Credential? Find(ServerAddress server, string? user)
    {
        (string? last, List<Credential> known) = Load(server);
        string? wanted = user ?? last;
        return known.Find(credential => string.Equals(credential.User, wanted, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>
    /// Waits until no other command changes this server's file, and keeps all others from it until the result is disposed or the process ends, however it ends. The lock is the operating system's on a file beside the credentials, which stays: whoever deleted it would
    /// let two in.
    /// </summary>
    /// <exception cref="CliException">The lock file cannot be made.</exception>
    public async Task<IDisposable> LockAsync(ServerAddress server, CancellationToken cancellation)
    {
        string path = PathOf(server) + ".lock";
        FileStreamOptions options = new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = PrivateFile.FileMode;
        }

        while (true)
        {
            try
            {
                PrivateFile.MakeDirectory(_directory);
                return new FileStream(path, options);
            }
            catch (IOException) when (File.Exists(path))
            {
                await Task.Delay(LockPause, cancellation).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                throw new CliException($"the sign-in cannot be kept: {failure.Message}", inner: failure);
            }
        }
    }

    /// <summary>Keeps a credential and remembers its user as the last one. Under the lock.</summary>
    /// <exception cref="CliException">The file cannot be written.</exception>
    public void Save(ServerAddress server, Credential credential) => Save(server, credential, isLast: true);

    /// <summary>As above; who signed in last stays who it was when <paramref name="isLast"/> is false, as after a renewal.</summary>
    public void Save(ServerAddress server, Credential credential, bool isLast)
    {
        (string? last, List<Credential> known) = Load(server);
        known.RemoveAll(other => string.Equals(other.User, credential.User, StringComparison.OrdinalIgnoreCase));
        known.Add(credential);
        try
        {
            PrivateFile.MakeDirectory(_directory);
            PrivateFile.Write(PathOf(server), Serialize(server, isLast ? credential.User : last, known));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"the sign-in cannot be kept: {failure.Message}", inner: failure);
        }
    }

    /// <summary>Forgets a user's credential, for example because the server revoked it. Under the lock.</summary>
    public void Forget(ServerAddress server, string user)
    {
        (string? last, List<Credential> known) = Load(server);
        if (known.RemoveAll(other => string.Equals(other.User, user, StringComparison.OrdinalIgnoreCase)) > 0)
        {
            PrivateFile.Write(PathOf(server), Serialize(server, last, known));
        }
    }

    /// <summary>The file of a server: its readable name and a hash, because addresses hold characters that file names may not.</summary>
    public string PathOf(ServerAddress server)
    {
        StringBuilder name = new();
        foreach (char character in server.Key)
        {
            name.Append(char.IsAsciiLetterOrDigit(character) || character is '.' or '-' ? character : '_');
        }

        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(server.Key)))[..HashDigits];
        string readable = name.Length > 64 ? name.ToString(0, 64) : name.ToString();
        return Path.Combine(_directory, $"{readable}-{hash}.json");
    }

    private static byte[] Serialize(ServerAddress server, string? last, List<Credential> known)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("server", server.Key);
            json.WriteString("last_user", last);
            json.WriteStartArray("users");
            foreach (Credential credential in known)
            {
                json.WriteStartObject();
                json.WriteString("user", credential.User);
                json.WriteString("token", credential.Token);
                json.WriteNumber("device", credential.Device);
                if (credential.Refresh is not null)
                {
                    json.WriteString("refresh", credential.Refresh);
                }

                if (credential.HoldsUntil is { } until)
                {
                    json.WriteString("holds_until", until);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private (string? LastUser, List<Credential> Known) Load(ServerAddress server)
    {
        string path = PathOf(server);
        if (!File.Exists(path))
        {
            return (null, []);
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            List<Credential> known = [];
            foreach (JsonElement entry in root.GetProperty("users").EnumerateArray())
            {
                known.Add(new Credential(
                    entry.GetProperty("user").GetString() ?? string.Empty,
                    entry.GetProperty("token").GetString() ?? string.Empty,
                    entry.GetProperty("device").GetUInt64(),
                    entry.TryGetProperty("refresh", out JsonElement refresh) ? refresh.GetString() : null,
                    entry.TryGetProperty("holds_until", out JsonElement until) ? until.GetDateTimeOffset() : null));
            }

            return (root.GetProperty("last_user").GetString(), known);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new CliException($"{path} cannot be read: {failure.Message}", inner: failure);
        }
    }
}
