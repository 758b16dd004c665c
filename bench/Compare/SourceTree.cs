namespace FastChat.Bench.Compare;

/// <summary>Where this checkout is: the harness starts the broker from its sources and keeps its data beside them.</summary>
public static class SourceTree
{
    /// <summary>The folder of FastChat.sln.</summary>
    public static string Root { get; } = FindRoot();

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "FastChat.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new UnavailableException("FastChat.sln is in no folder above the harness: run bench/load.sh from a checkout");
    }
}
