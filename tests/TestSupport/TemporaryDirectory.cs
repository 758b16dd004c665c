namespace FastChat.TestSupport;

/// <summary>A directory of a test's own, removed with everything in it when the test ends.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    /// <summary>Makes the directory; <paramref name="hint"/> helps to recognise one that a crash left behind.</summary>
    public TemporaryDirectory(string hint = "test") => Path = Directory.CreateTempSubdirectory($"fastchat-{hint}-").FullName;

    /// <summary>The absolute path.</summary>
    public string Path { get; }

    /// <summary>Keep the directory: set it when a test fails and what it left is the evidence.</summary>
    public bool Keep { get; set; }

    /// <summary>A path inside the directory.</summary>
    public string PathOf(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>Removes the directory. Whoever still writes into it is given a second to end.</summary>
    public void Dispose()
    {
        for (int attempt = 0; !Keep && Directory.Exists(Path); attempt++)
        {
            try
            {
                Directory.Delete(Path, recursive: true);
            }
            catch (IOException) when (attempt < 10)
            {
                Thread.Sleep(100);
            }
        }
    }
}
