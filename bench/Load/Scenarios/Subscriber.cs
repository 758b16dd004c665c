using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>Receives conversation 0 and holds the server to it: every message, once, in order. Generator thread only.</summary>
internal sealed class Subscriber(LastDelivery last) : Member(subscribeTo: 0)
{
    private long _expected;

    public override void OnDelivered(ReadOnlySpan<byte> payload)
    {
        base.OnDelivered(payload);
        long number = Payloads.NumberOf(payload);
        if (number != _expected)
        {
            Fleet.CountError($"message {number} came where {_expected} was to");
        }

        _expected = number + 1;
        last.Count(number);
    }
}
