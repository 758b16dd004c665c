using System.Net;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare;

/// <summary>
/// One system that the harness can start, load and stop: the broker, a peer, or the machine itself. A subclass knows the system's configuration for the scenario and its protocol
/// (<see cref="NewWire"/>); it never measures. Used by one caller at a time.
/// </summary>
public abstract class SystemUnderTest : IAsyncDisposable
{
    private ServerProcess? _server;

    /// <summary>The name that the command line knows it by.</summary>
    public abstract string Name { get; }

    /// <summary>The version of what was started, as it says itself. Known after <see cref="StartAsync"/>.</summary>
    public string Version { get; protected set; } = "unknown";

    /// <summary>What is not equal to the others in this scenario, in a few words for the report ("not durable: …"); empty when nothing is.</summary>
    public virtual string Caveat(Scenario scenario) => string.Empty;

    /// <summary>Why it takes no part in a scenario, or null when it does.</summary>
    public abstract string? WhyNot(Scenario scenario);

    /// <summary>Why its clients cannot speak over a transport (tcp, tls, ws), or null when they can.</summary>
    public virtual string? WhyNotOver(string transport) => transport == "tcp" ? null : "it is compared over tcp only";

    /// <summary>True when what its clients do and see can be written as a history (<see cref="SystemSettings.HistoryFile"/>).</summary>
    public virtual bool IsRecordable => false;

    /// <summary>Where it listens. Known after <see cref="StartAsync"/>.</summary>
    public IPEndPoint Endpoint { get; protected set; } = new(IPAddress.Loopback, 0);

    /// <summary>The running server; its processor time and memory are the system's.</summary>
    public ServerProcess Server
    {
        get => _server ?? throw new InvalidOperationException($"{Name} is not started");
        protected set => _server = value;
    }

    /// <summary>Starts the server for a scenario and returns when it accepts connections.</summary>
    /// <exception cref="UnavailableException">It is not installed, or did not start: the message says what to do.</exception>
    public abstract Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation);

    /// <summary>Makes whatever the plan needs (conversations, accounts, queues) before the clock starts.</summary>
    public virtual Task PrepareAsync(WorkPlan plan, CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>The protocol of one connection.</summary>
    /// <param name="events">Learns what the server says.</param>
    /// <param name="index">Number of the connection, from 0: it decides the account.</param>
    public abstract Wire NewWire(IWireEvents events, int index);

    /// <summary>The work is done and its connections are closed: ends the history, if one is written, with what the server holds now. Returns a line that says what that is, or null.</summary>
    /// <exception cref="UnavailableException">The server did not say what it holds.</exception>
    public virtual Task<string?> EndHistoryAsync(CancellationToken cancellation) => Task.FromResult<string?>(null);

    /// <summary>Ends the server. Its data stays.</summary>
    public virtual ValueTask DisposeAsync()
    {
        _server?.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
