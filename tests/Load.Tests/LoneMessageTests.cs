using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Wires;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>A lone message is as late as its last subscriber, whoever that is.</summary>
public sealed class LoneMessageTests
{
    private const int DelayMs = 30;

    [Test]
    public void A_message_counts_when_the_last_subscriber_has_it()
    {
        Payloads payloads = new(16);
        LastDelivery last = new(payloads, subscribers: 3);
        long planned = Stopwatch.GetTimestamp() - (Stopwatch.Frequency / 10);
        payloads.Make(planned, out long first);
        payloads.Make(planned, out long second);
        last.Count(first);
        last.Count(second);
        last.Count(first);
        last.Count(second);
        Assert.That((last.Complete, last.Latencies.Count), Is.EqualTo((0, 0)));
        last.Count(second);
        Assert.That((last.Complete, last.Latencies.Count), Is.EqualTo((1, 1)));
        Assert.That(last.Latencies.Percentile(50), Is.InRange(99_000, 5_000_000));
    }

    [Test]
    public async Task One_late_subscriber_of_many_is_the_latency_of_all_messages()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("limit", Scenario.FanOut);
        await using Relay relay = new(running.System.Endpoint);
        OneIsLate system = new(running.System, relay.Endpoint, late: 3);
        RunSettings settings = new() { Scenario = Scenario.FanOut, Connections = 8, Rate = 10, Seconds = 1, WarmUpSeconds = 0.2, Conversations = 1 };
        ResultRow row = await Task.Factory.StartNew(() => new FanOutScenario().Run(system, settings, new FlushCounter(".")), TaskCreationOptions.LongRunning);
        Assert.That(row.Errors, Is.Zero, row.Note);
        Assert.That(row.P50Us, Is.GreaterThanOrEqualTo(1000 * DelayMs));
        Assert.That(row.Rate, Is.InRange(40, 120), "ten messages a second to eight, give or take those on their way when the second ends");
        Assert.That(row.Note, Does.Contain("lone messages, 10 a second"));
    }

    [Test]
    public async Task A_subscriber_that_was_not_sent_a_message_says_so()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("limit", Scenario.FanOut);
        using Fleet fleet = new(running.System, new RunSettings { Scenario = Scenario.FanOut, Size = 32 });
        Subscriber subscriber = new(new LastDelivery(fleet.Payloads, subscribers: 1));
        fleet.Open([subscriber]);
        subscriber.OnDelivered(RunningSystem.Payload(0));
        subscriber.OnDelivered(RunningSystem.Payload(1));
        Assert.That(fleet.Errors, Is.Zero);
        subscriber.OnDelivered(RunningSystem.Payload(3));
        Assert.That((fleet.Errors, fleet.FirstError), Is.EqualTo((1, "message 3 came where 2 was to")));
        subscriber.OnDelivered(RunningSystem.Payload(3));
        Assert.That(fleet.Errors, Is.EqualTo(2), "and so does one that was sent it twice");
    }

    /// <summary>A system of which one connection goes through the relay. The server is the other's, which ends it.</summary>
    private sealed class OneIsLate : SystemUnderTest
    {
        private readonly SystemUnderTest _inner;
        private readonly IPEndPoint _relay;
        private readonly int _late;

        public OneIsLate(SystemUnderTest inner, IPEndPoint relay, int late)
        {
            (_inner, _relay, _late) = (inner, relay, late);
            Endpoint = inner.Endpoint;
        }

        public override string Name => _inner.Name;

        public override string? WhyNot(Scenario scenario) => null;

        public override Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation) => Task.CompletedTask;

        public override Wire NewWire(IWireEvents events, int index)
        {
            // The endpoint is asked for before the wire: this one is already that of the next connection.
            Endpoint = index + 1 == _late ? _relay : _inner.Endpoint;
            Server = _inner.Server;
            return _inner.NewWire(events, index);
        }
    }

    /// <summary>Stands between one client and the server and holds back what the server says.</summary>
    private sealed class Relay : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly IPEndPoint _server;
        private readonly Task _work;

        public Relay(IPEndPoint server)
        {
            _server = server;
            _listener.Start();
            _work = WorkAsync();
        }

        public IPEndPoint Endpoint => (IPEndPoint)_listener.LocalEndpoint;

        public async ValueTask DisposeAsync()
        {
            _listener.Stop();
            await _work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        private async Task WorkAsync()
        {
            using TcpClient client = await _listener.AcceptTcpClientAsync();
            using TcpClient server = new();
            await server.ConnectAsync(_server);
            // Whichever side ends first ends the other.
            await Task.WhenAny(client.GetStream().CopyToAsync(server.GetStream()), HoldBackAsync(server.GetStream(), client.GetStream()));
        }

        private static async Task HoldBackAsync(NetworkStream server, NetworkStream client)
        {
            byte[] bytes = new byte[4096];
            for (int count = await server.ReadAsync(bytes); count > 0; count = await server.ReadAsync(bytes))
            {
                await Task.Delay(DelayMs);
                await client.WriteAsync(bytes.AsMemory(0, count));
            }
        }
    }
}
