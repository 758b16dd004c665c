using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>A key vault in a directory of its own, for a log in memory.</summary>
internal sealed class MemoryVault : IDisposable
{
    private readonly DirectoryInfo _directory = System.IO.Directory.CreateTempSubdirectory("fastchat-vault-");

    public MemoryVault()
    {
        string key = Path.Combine(_directory.FullName, "master.key");
        File.WriteAllText(key, new string('7', 64));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        Vault = KeyVault.Open(Directory, FileMasterKey.Read(key));
    }

    /// <summary>Where the vault is.</summary>
    public string Directory => Path.Combine(_directory.FullName, "keys");

    public KeyVault Vault { get; }

    public InMemoryConversationLog NewLog() => new() { Vault = Vault };

    public void Dispose()
    {
        Vault.Dispose();
        _directory.Delete(recursive: true);
    }
}
