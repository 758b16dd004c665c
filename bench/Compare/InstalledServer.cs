using System.Net;

namespace FastChat.Bench.Compare;

/// <summary>A system that is one installed program with a configuration file, spoken to over TCP: found, configured, started, waited for. What differs stands in the subclass.</summary>
/// <param name="program">The program's name.</param>
/// <param name="versionArgument">What makes it print its version.</param>
public abstract class InstalledServer(string program, string versionArgument) : SystemUnderTest
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>Which of two installed versions to take (<see cref="InstalledProgram.Find"/>).</summary>
    protected virtual bool WantsNewest => false;

    /// <inheritdoc/>
    public override async Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        if (settings.Transport != "tcp")
        {
            throw new UnavailableException($"{Name} is compared over tcp only");
        }

        InstalledProgram installed = InstalledProgram.Find(program, WantsNewest);
        Version = await installed.VersionAsync(versionArgument, cancellation).ConfigureAwait(false);
        Endpoint = new IPEndPoint(IPAddress.Loopback, FreePort.Take());
        string file = Path.Combine(settings.DataDirectory, program + ".conf");
        await File.WriteAllTextAsync(file, Configure(settings.DataDirectory, plan), cancellation).ConfigureAwait(false);
        Server = ServerProcess.Start(settings, installed.Path, Arguments(file));
        await Server.WaitForPortAsync(Endpoint.Port, s_patience, cancellation).ConfigureAwait(false);
    }

    /// <summary>The configuration's text; may put further files into the directory. <see cref="SystemUnderTest.Endpoint"/> and <see cref="SystemUnderTest.Version"/> are known.</summary>
    protected abstract string Configure(string directory, WorkPlan plan);

    /// <summary>How the program is told where its configuration is.</summary>
    protected virtual IEnumerable<string> Arguments(string file) => ["-c", file];
}
