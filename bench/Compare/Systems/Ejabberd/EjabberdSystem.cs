using System.Globalization;
using System.Net;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Ejabberd;

/// <summary>
/// ejabberd, the chat server of the XMPP world: rooms (MUC) without an archive. Accounts are not made: the server takes any name and password (anonymous login), which is the least that signing
/// in can cost it. What would throttle a run (shapers, limits of users) is off, and rooms do not tell members of each other's comings, which would be members² stanzas: no other system does.
/// </summary>
public sealed class EjabberdSystem : SystemUnderTest
{
    // Ports and processes the virtual machine may have: its defaults end a run of many connections.
    private const string HandlesMax = "262144";
    private const string ProcessesMax = "1048576";

    /// <inheritdoc/>
    public override string Name => "ejabberd";

    /// <inheritdoc/>
    public override string Caveat(Scenario scenario) =>
        "stores nothing (MUC without archive), no passwords checked, no presence among members; a publisher is a member and hears itself";

    /// <inheritdoc/>
    public override string? WhyNot(Scenario scenario) => scenario switch
    {
        Scenario.FanOut or Scenario.Rooms or Scenario.Idle or Scenario.Storm => null,
        Scenario.CatchUp => "its archive answers in pages of stanzas and is not synced: not the same work",
        Scenario.Corpus => "has no way to publish on behalf of others",
        _ => "its archive is not synced per message",
    };

    /// <inheritdoc/>
    public override async Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        if (settings.Transport != "tcp")
        {
            throw new UnavailableException($"{Name} is compared over tcp only");
        }

        string libraries = Libraries(out string version);
        Version = version;
        Endpoint = new IPEndPoint(IPAddress.Loopback, FreePort.Take());
        string directory = Path.GetFullPath(settings.DataDirectory);
        string configuration = Path.Combine(directory, "ejabberd.yml");
        await File.WriteAllTextAsync(configuration, Configuration(), cancellation).ConfigureAwait(false);

        // What ejabberdctl would run, without the control program: it insists on a user of its own, and on the name and the ports of a cluster's node.
        Server = ServerProcess.Start(
            settings,
            InstalledProgram.Find("erl").Path,
            ["+K", "true", "+P", ProcessesMax, "+Q", HandlesMax, "-noinput", "-mnesia", "dir", $"\"{Path.Combine(directory, "mnesia")}\"", "-s", "ejabberd"],
            new Dictionary<string, string>
            {
                ["ERL_LIBS"] = libraries,
                ["ERL_CRASH_DUMP_SECONDS"] = "0",
                ["EJABBERD_CONFIG_PATH"] = configuration,
                ["EJABBERD_LOG_PATH"] = Path.Combine(directory, "ejabberd.log"),
                ["HOME"] = directory,
            });
        await Server.WaitForPortAsync(Endpoint.Port, TimeSpan.FromSeconds(60), cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index) => new EjabberdWire(events, index);

    // The library's folder is named after the version, and is in a folder named after the machine's kind.
    private static string Libraries(out string version)
    {
        const string prefix = "ejabberd-";
        _ = InstalledProgram.Find("ejabberdctl");
        string? folder = Directory.EnumerateDirectories("/usr/lib", "*-linux-gnu*").Append("/usr/lib/erlang/lib").Append("/usr/lib")
            .Where(Directory.Exists)
            .SelectMany(parent => Directory.EnumerateDirectories(parent, prefix + "*"))
            .FirstOrDefault(candidate => File.Exists(Path.Combine(candidate, "ebin", "ejabberd.beam")));
        if (folder is null)
        {
            throw new UnavailableException("ejabberd is not installed where it is looked for, in /usr/lib: run bench/setup.sh ejabberd");
        }

        version = Path.GetFileName(folder)[prefix.Length..];
        return Path.GetDirectoryName(folder)!;
    }

    private string Configuration() => string.Create(CultureInfo.InvariantCulture, $$"""
        hosts:
          - localhost
        loglevel: error
        listen:
          -
            port: {{Endpoint.Port}}
            ip: "127.0.0.1"
            module: ejabberd_c2s
            max_stanza_size: infinity
            shaper: none
            access: all
            starttls: false
            zlib: false
            backlog: 4096
        auth_method: anonymous
        anonymous_protocol: both
        allow_multiple_connections: true
        modules:
          mod_muc:
            access: all
            access_create: all
            max_users: 1000000
            max_user_conferences: 1000000
            history_size: 0
            default_room_options:
              max_users: 1000000
              presence_broadcast: []
              logging: false
              persistent: false

        """);
}
