using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Load.Tests;

/// <summary>What a wire told, one line each, in its order: two runs are equal when their lines are.</summary>
internal sealed class RecordedEvents : IWireEvents
{
    public List<string> Lines { get; } = [];

    public int Count(string kind) => Lines.Count(line => line.StartsWith(kind, StringComparison.Ordinal));

    public void OnReady() => Lines.Add("ready");

    public void OnSubscribed(int conversation) => Lines.Add($"subscribed {conversation}");

    public void OnAcknowledged(long number) => Lines.Add($"acknowledged {number}");

    public void OnRefused(long number, string reason) => Lines.Add($"refused {number} {reason}");

    public void OnDelivered(ReadOnlySpan<byte> payload) => Lines.Add($"delivered {Encoding.ASCII.GetString(payload)}");

    public void OnReadToEnd(int conversation) => Lines.Add($"end {conversation}");

    public void OnFailed(string reason) => Lines.Add($"failed {reason}");
}
