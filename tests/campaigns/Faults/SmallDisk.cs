using System.Diagnostics;
using System.Globalization;

namespace FastChat.Campaigns;

/// <summary>
/// A file system of a few hundred megabytes in memory, which only this process and those that it starts behind <see cref="Enter"/> can see: it lives in a mount namespace whose last process ends when
/// ours does, so nothing is ever left mounted. Linux; as another user than root it takes user namespaces.
/// </summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private readonly Process _holder;
    private readonly string _mountPoint;

    private SmallDisk(Process holder, string mountPoint)
    {
        _holder = holder;
        _mountPoint = mountPoint;
    }

    /// <summary>True where such a disk can be made.</summary>
    public static bool CanMount { get; } = OperatingSystem.IsLinux() && Run("unshare", [.. Namespace, "true"]);

    /// <summary>What stands in front of a command that is to see the disk.</summary>
    public string[] Enter =>
    [
        "nsenter", "--target", _holder.Id.ToString(CultureInfo.InvariantCulture), "--mount", .. (IsRoot ? Array.Empty<string>() : ["--user", "--preserve-credentials"]), "--",
    ];

    /// <summary>Where the disk is for those who cannot see it.</summary>
    public string Outside => $"/proc/{_holder.Id}/root{_mountPoint}";

    /// <summary>Bytes that are free.</summary>
    public long FreeBytes => new DriveInfo(Outside).AvailableFreeSpace;

    private static bool IsRoot => Environment.UserName == "root";

    private static string[] Namespace => [.. IsRoot ? Array.Empty<string>() : ["--user", "--map-root-user"], "--mount", "--propagation", "private"];

    private string Ballast => Path.Combine(Outside, "ballast");

    /// <summary>Mounts one; the directory is made.</summary>
    public static async Task<SmallDisk> MountAsync(string mountPoint, long bytes)
    {
        string path = Path.GetFullPath(mountPoint);
        Directory.CreateDirectory(path);

        // It ends when its standard input does, and that is ours.
        string script = string.Create(CultureInfo.InvariantCulture, $"mount -t tmpfs -o size={bytes} tmpfs \"$0\" && echo mounted && exec cat");
        ProcessStartInfo start = new("unshare", [.. Namespace, "sh", "-c", script, path]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        Process holder = Process.Start(start) ?? throw new InvalidOperationException("unshare did not start");
        if (await holder.StandardOutput.ReadLineAsync() != "mounted")
        {
            throw new InvalidOperationException($"no disk could be mounted: {await holder.StandardError.ReadToEndAsync()}");
        }

        return new SmallDisk(holder, path);
    }

    /// <summary>Takes room away until so many bytes are left, or less.</summary>
    public void Fill(long leave)
    {
        using FileStream ballast = new(Ballast, FileMode.Append);
        byte[] block = new byte[1 << 20];
        try
        {
            for (long free = FreeBytes; free > leave; free = FreeBytes)
            {
                ballast.Write(block, 0, (int)Math.Clamp(free - leave, 4096, block.Length));
                ballast.Flush();
            }
        }
        catch (IOException) when (leave == 0)
        {
            // Others write as well: it is full.
        }
    }

    /// <summary>Gives the room back.</summary>
    public void Empty() => File.Delete(Ballast);

    /// <summary>Ends it, with everything on it, when the last process behind <see cref="Enter"/> has ended.</summary>
    public async ValueTask DisposeAsync()
    {
        _holder.StandardInput.Close();
        await _holder.WaitForExitAsync();
        _holder.Dispose();
    }

    private static bool Run(string program, string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // There is no such program.
            return false;
        }
    }
}
