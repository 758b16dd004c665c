using System.Diagnostics;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Wires;
using FastChat.Bench.Load.Engine;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>One connection in a scenario: it signs in, subscribes where it is to, and counts. Scenarios say what it does beyond that. Generator thread only.</summary>
internal class Member : IWireEvents
{
    private readonly int _subscribeTo;

    /// <param name="subscribeTo">The conversation to subscribe to before it counts as ready; −1 for none.</param>
    public Member(int subscribeTo = -1)
    {
        _subscribeTo = subscribeTo;
    }

    public Link Link { get; private set; } = null!;

    protected Fleet Fleet { get; private set; } = null!;

    public void Open(Fleet fleet, SystemUnderTest system, int index)
    {
        Fleet = fleet;
        Link = fleet.Reactor.Open(system.Endpoint, system.NewWire(this, index));
    }

    /// <summary>Connects anew after a cut; the next wire takes up where this one was.</summary>
    public void Reopen(SystemUnderTest system) => Link = Fleet.Reactor.Open(system.Endpoint, Link.Wire.Resume());

    /// <summary>Says that it is alive, if it is connected.</summary>
    public void Heartbeat()
    {
        if (Link is { IsConnected: true, Socket: >= 0 })
        {
            Link.Wire.Heartbeat(Link.Output);
        }
    }

    /// <summary>Publishes the next message, planned for a time, to a conversation.</summary>
    public long Publish(int conversation, long planned)
    {
        ReadOnlySpan<byte> payload = Fleet.Payloads.Make(planned, out long number);
        Link.Wire.Publish(conversation, number, payload, Link.Output);
        return number;
    }

    public virtual void OnReady()
    {
        if (_subscribeTo >= 0)
        {
            Link.Wire.Subscribe(_subscribeTo, Link.Output);
        }
        else
        {
            Fleet.Ready++;
        }
    }

    public virtual void OnSubscribed(int conversation) => Fleet.Ready++;

    public virtual void OnAcknowledged(long number)
    {
        Fleet.Acknowledged++;
        Fleet.Latencies.Record(Fleet.Payloads.PlannedAt(number), Stopwatch.GetTimestamp());
    }

    public void OnRefused(long number, string reason) => Fleet.CountError($"refused: {reason}");

    public virtual void OnDelivered(ReadOnlySpan<byte> payload) => Fleet.Delivered++;

    public virtual void OnReadToEnd(int conversation)
    {
    }

    public virtual void OnFailed(string reason) => Fleet.CountError(reason);
}
