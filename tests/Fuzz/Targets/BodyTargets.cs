using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>A body with a fixed layout, read and written back.</summary>
/// <param name="Name">The target's name.</param>
/// <param name="Type">The frame whose vectors are the seeds; None when the body is not a frame's.</param>
/// <param name="IsExact">True when what is read is written back byte for byte: the reader refuses everything else. False when it is lenient, as clients are.</param>
/// <param name="Ignored">Of a lenient one, the bytes that nobody reads or that are normalised, from the first to the one behind the last.</param>
/// <param name="RoundTrip">Reads and, if that worked, writes; what the body says goes into the outcome.</param>
internal sealed record BodyCodec(string Name, FrameType Type, bool IsExact, (int From, int To)[] Ignored, BodyCodec.RoundTripBody RoundTrip)
{
    /// <summary>False when the body cannot be read.</summary>
    public delegate bool RoundTripBody(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome);
}

/// <summary>Every decoder of a body in src/Protocol.</summary>
internal static class BodyTargets
{
    public static IReadOnlyList<BodyCodec> All { get; } =
    [
        new("body-credit", FrameType.Credit, true, [], Credits),
        new("body-deliver", FrameType.Deliver, true, [], Delivers),
        new("body-failure", FrameType.Error, false, [(2, 4), (8, int.MaxValue)], Failures),
        new("body-fetch", FrameType.Fetch, true, [], Fetches),
        new("body-fetch-end", FrameType.FetchEnd, false, [(0, 4), (12, 16)], FetchEnds),
        new("body-lag", FrameType.Lag, false, [(20, 24)], Lags),
        new("body-membership", FrameType.None, false, [(17, 24)], Memberships),
        new("body-presence", FrameType.Presence, false, [(17, 20), (28, int.MaxValue)], Presences),
        new("body-publish", FrameType.Publish, true, [], Publishes),
        new("body-published", FrameType.Published, false, [(5, 8)], Publisheds),
        new("body-relayed-signal", FrameType.Signal, false, [(33, 36)], RelayedSignals),
        new("body-signal", FrameType.Signal, true, [], Signals),
        new("body-subscribe", FrameType.Subscribe, true, [], Subscribes),
        new("body-subscribed", FrameType.Subscribed, false, [(1, 4)], Subscribeds),
        new("body-unsubscribe", FrameType.Unsubscribe, true, [], Unsubscribes),
    ];

    private static bool Credits(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = Credit.Size;
        if (!Credit.TryRead(source, out Credit credit))
        {
            return false;
        }

        outcome.AddSize(credit.Bytes);
        credit.Write(target);
        return true;
    }

    private static bool Delivers(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = source.Length;
        if (!Deliver.TryRead(source, out Deliver deliver))
        {
            return false;
        }

        Deliver.WriteFixed(target, deliver.Conversation, deliver.Epoch, deliver.Count);
        deliver.Records.CopyTo(target[Deliver.FixedSize..]);
        ReadOnlySpan<byte> records = deliver.Records;
        ulong count = 0;
        while (MessageRecord.TryRead(ref records, out _))
        {
            count++;
        }

        outcome.Add(count);
        outcome.Add(count == deliver.Count && records.IsEmpty);
        return true;
    }

    private static bool Failures(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = 0;
        if (!Failure.TryRead(source, out Failure failure))
        {
            return false;
        }

        outcome.AddSize(failure.Code);
        outcome.AddSize(failure.Reason.Length);
        outcome.Add(failure.Reason.Contains('\uFFFD', StringComparison.Ordinal));
        written = failure.Write(target[..failure.Size]);
        Property.Holds(written <= Failure.FixedSize + ProtocolLimits.ReasonSizeMax, "a reason is longer than reasons are");
        return true;
    }

    private static bool Fetches(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = Fetch.Size;
        if (!Fetch.TryRead(source, out Fetch fetch))
        {
            return false;
        }

        outcome.Add((ulong)fetch.Direction);
        outcome.Add(fetch.Position.Sequence == LogPosition.Latest);
        outcome.AddSize(fetch.CountMax);
        outcome.AddSize(fetch.BytesMax);
        fetch.Write(target);
        return true;
    }

    private static bool FetchEnds(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = FetchEnd.Size;
        if (!FetchEnd.TryRead(source, out FetchEnd end))
        {
            return false;
        }

        outcome.Add(end.IsComplete);
        outcome.AddSize(end.Count);
        end.Write(target);
        return true;
    }

    private static bool Lags(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = Lag.Size;
        if (!Lag.TryRead(source, out Lag lag))
        {
            return false;
        }

        outcome.AddSize(lag.Epoch);
        lag.Write(target);
        return true;
    }

    private static bool Memberships(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = 0;
        if (!MembershipBody.TryRead(source, out MembershipBody body))
        {
            return false;
        }

        outcome.Add((byte)body.Role);
        outcome.AddSize((long)body.VisibleFrom);
        written = body.Write(target);
        return true;
    }

    private static bool Presences(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = source.Length;
        if (!Presence.TryRead(source, out Presence presence))
        {
            return false;
        }

        // The entries are cut and not read here: their texts cost memory, which no other reader of a body takes.
        source.CopyTo(target);
        Presence.WriteFixed(target, presence.Conversation, presence.Shape, presence.Online, presence.Members);
        outcome.Add((ulong)presence.Shape);
        ReadOnlySpan<byte> rest = presence.Entries;
        while (PresenceEntry.SizeOf(rest) is > 0 and int size)
        {
            outcome.AddSize(size);
            rest = rest[size..];
        }

        Property.Holds(rest.IsEmpty, "the entries do not end where the body ends");
        return true;
    }

    private static bool Signals(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = Signal.Size;
        if (!Signal.TryRead(source, out Signal signal))
        {
            return false;
        }

        outcome.Add((ulong)signal.Kind);
        signal.Write(target);
        return true;
    }

    private static bool RelayedSignals(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = RelayedSignal.Size;
        if (!RelayedSignal.TryRead(source, out RelayedSignal signal))
        {
            return false;
        }

        outcome.Add((ulong)signal.Kind);
        outcome.AddSize(signal.TimeToLiveMs);
        signal.Write(target);
        return true;
    }

    private static bool Publishes(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = 0;
        if (!Publish.TryRead(source, out Publish publish))
        {
            return false;
        }

        written = publish.Size;
        outcome.Add((ulong)publish.Kind);
        outcome.Add(publish.OnBehalfOf.IsNone);
        outcome.AddSize(publish.Body.Length);
        publish.Write(target);
        return true;
    }

    private static bool Publisheds(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = Published.Size;
        if (!Published.TryRead(source, out Published published))
        {
            return false;
        }

        outcome.Add((ulong)published.Durability);
        outcome.Add(published.IsDuplicate);
        published.Write(target);
        return true;
    }

    private static bool Subscribes(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = Subscribe.Size;
        if (!Subscribe.TryRead(source, out Subscribe subscribe))
        {
            return false;
        }

        outcome.AddSize(subscribe.After.Epoch);
        outcome.Add(subscribe.After.Sequence == LogPosition.Latest);
        subscribe.Write(target);
        return true;
    }

    private static bool Subscribeds(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = Subscribed.Size;
        if (!Subscribed.TryRead(source, out Subscribed subscribed))
        {
            return false;
        }

        outcome.Add((ulong)subscribed.Status);
        subscribed.Write(target);
        return true;
    }

    private static bool Unsubscribes(ReadOnlySpan<byte> source, Span<byte> target, out int written, ref Outcome outcome)
    {
        written = Unsubscribe.Size;
        if (!Unsubscribe.TryRead(source, out Unsubscribe unsubscribe))
        {
            return false;
        }

        unsubscribe.Write(target);
        return true;
    }
}
