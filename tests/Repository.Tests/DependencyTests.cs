using System.Diagnostics;
using System.Text.Json;

using FastChat.TestSupport;

namespace FastChat.Repository.Tests;

/// <summary>What the repository takes from others has no weakness that is known (attack 74).</summary>
public sealed class DependencyTests
{
    [Test]
    public async Task No_package_has_a_known_weakness()
    {
        ProcessStartInfo start = new("dotnet", ["list", RepositoryRoot.PathOf("FastChat.sln"), "package", "--vulnerable", "--include-transitive", "--format", "json"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = RepositoryRoot.PathOf("."),
        };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0 && output.Contains("NU1900", StringComparison.Ordinal))
        {
            Assert.Ignore("the packages' source does not answer, and it alone knows of weaknesses");
        }

        Assert.That(process.ExitCode, Is.Zero, output + await error);
        using JsonDocument report = JsonDocument.Parse(output);
        JsonElement[] projects = [.. report.RootElement.GetProperty("projects").EnumerateArray()];
        Assert.That(projects, Has.Length.GreaterThan(20), "every project was looked at");
        string[] weak = [.. projects.Where(project => project.TryGetProperty("frameworks", out _)).Select(project => project.GetRawText())];
        Assert.That(weak, Is.Empty);
    }
}
