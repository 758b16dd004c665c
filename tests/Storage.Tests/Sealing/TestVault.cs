using System.Security.Cryptography;

namespace FastChat.Storage.Tests;

/// <summary>A directory with a vault and its master key.</summary>
internal sealed class TestVault : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public TestVault()
    {
        WriteKey(KeyFile);
        Vault = Open();
    }

    public string Directory => Path.Combine(_directory.Path, "keys");

    public string KeyFile => Path.Combine(_directory.Path, "master.key");

    public string VaultPath => Path.Combine(Directory, "vault");

    public KeyVault Vault { get; private set; }

    public static void WriteKey(string path)
    {
        File.WriteAllText(path, Convert.ToHexString(RandomNumberGenerator.GetBytes(32)) + "\n");
        Allow(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public static void Allow(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, mode);
        }
    }

    public KeyVault Reopen(MasterKey? master = null, MasterKey? previous = null)
    {
        Vault.Dispose();
        return Vault = KeyVault.Open(Directory, master ?? FileMasterKey.Read(KeyFile), previous);
    }

    public void Dispose()
    {
        Vault.Dispose();
        _directory.Dispose();
    }

    private KeyVault Open() => KeyVault.Open(Directory, FileMasterKey.Read(KeyFile));
}
