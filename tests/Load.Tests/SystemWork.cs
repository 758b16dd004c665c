using System.Net;
using System.Text;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Wires;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The work that every peer is asked to do once, so that a figure of the harness is never that of a wire nobody answered.</summary>
internal static class SystemWork
{
    private const int Messages = 1000;

    private static IEnumerable<string> Delivered => Enumerable.Range(0, Messages).Select(i => $"delivered {Encoding.ASCII.GetString(RunningSystem.Payload(i))}");

    private static IEnumerable<string> Acknowledged => Enumerable.Range(0, Messages).Select(i => $"acknowledged {i}");

    /// <summary>One subscriber receives all that another connection publishes, once and in order.</summary>
    public static async Task FanOutAsync(string name)
    {
        await using RunningSystem running = await RunningSystem.StartAsync(name, Scenario.FanOut);
        FanOut(running.System.Endpoint, running.System.NewWire);
    }

    /// <summary>The same with a server that the test itself hosts.</summary>
    public static void FanOut(IPEndPoint endpoint, Func<IWireEvents, int, Wire> newWire)
    {
        RecordedEvents heard = new(), said = new();
        using WireDriver subscriber = new(endpoint, newWire(heard, 0)), publisher = new(endpoint, newWire(said, 1));
        subscriber.Run(() => heard.Count("ready") == 1);
        publisher.Run(() => said.Count("ready") == 1);
        subscriber.Wire.Subscribe(3, subscriber.Output);
        subscriber.Run(() => heard.Count("subscribed 3") == 1);
        Publish(publisher);
        publisher.Run(() => !publisher.Wire.Acknowledges || said.Count("acknowledged") == Messages);
        subscriber.Run(() => heard.Count("delivered") >= Messages);
        Assert.That(heard.Lines.Where(line => line.StartsWith("delivered", StringComparison.Ordinal)), Is.EqualTo(Delivered));
        Assert.That(said.Lines.Skip(1), Is.EqualTo(publisher.Wire.Acknowledges ? Acknowledged : []));

        publisher.Wire.Subscribe(1, publisher.Output);
        publisher.Wire.Heartbeat(publisher.Output);
        publisher.Run(() => said.Count("subscribed 1") == 1);
        using WireDriver resumed = new(endpoint, subscriber.Wire.Resume());
        resumed.Run(() => heard.Count("subscribed 3") == 2);
    }

    /// <summary>All that is published is acknowledged in order and read back, from an empty conversation and a full one.</summary>
    public static async Task StoreAsync(string name)
    {
        await using RunningSystem running = await RunningSystem.StartAsync(name, Scenario.CatchUp);
        RecordedEvents said = new(), read = new();
        using WireDriver publisher = running.Connect(said, 0), reader = running.Connect(read, 1);
        Publish(publisher);
        publisher.Run(() => said.Count("acknowledged") + said.Count("refused") >= Messages);
        Assert.That(said.Lines.Skip(1), Is.EqualTo(Acknowledged));
        reader.Wire.ReadAll(2, reader.Output);
        reader.Run(() => read.Count("end 2") == 1);
        reader.Wire.ReadAll(3, reader.Output);
        reader.Run(() => read.Count("end 3") == 1);
        Assert.That(read.Lines, Is.EqualTo([.. new[] { "ready", "end 2" }, .. Delivered, "end 3"]));
    }

    /// <summary>Publishes one at a time: the kernel must have flushed a device at least once for each of them.</summary>
    public static async Task FlushesAsync(string name)
    {
        await using RunningSystem running = await RunningSystem.StartAsync(name, Scenario.Durable);
        string caveat = running.System.Caveat(Scenario.Durable);
        bool isDurable = !caveat.Contains("not durable", StringComparison.Ordinal);
        if (!isDurable || Flushes() == 0)
        {
            Assert.Ignore(isDurable ? "no device of this machine counts its flushes" : caveat);
        }

        RecordedEvents said = new();
        using WireDriver publisher = running.Connect(said, 0);
        long before = Flushes();
        for (int i = 0; i < 50; i++)
        {
            publisher.Wire.Publish(3, i, RunningSystem.Payload(i), publisher.Output);
            int wanted = i + 1;
            publisher.Run(() => said.Count("acknowledged") == wanted);
        }

        Assert.That(Flushes() - before, Is.GreaterThanOrEqualTo(50));
    }

    private static void Publish(WireDriver publisher)
    {
        for (int i = 0; i < Messages; i++)
        {
            publisher.Wire.Publish(3, i, RunningSystem.Payload(i), publisher.Output);
        }
    }

    // Field 19 of a line, "flush requests completed"; it is not there before Linux 5.5.
    private static long Flushes() => File.ReadLines("/proc/diskstats")
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Sum(fields => fields.Length > 18 ? long.Parse(fields[18]) : 0);
}
