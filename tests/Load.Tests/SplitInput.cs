using FastChat.Bench.Compare.Wires;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>TCP may cut a server's words anywhere: a wire tells the same of them wherever it does.</summary>
internal static class SplitInput
{
    /// <summary>Feeds a transcript whole, cut in two at every byte, and byte by byte.</summary>
    /// <param name="ask">Makes the wire and writes the requests that the transcript answers.</param>
    public static void Check(byte[] transcript, Func<IWireEvents, SendBuffer, Wire> ask, IReadOnlyList<string> expected)
    {
        Assert.That(Feed(transcript, ask, [transcript.Length]), Is.EqualTo(expected), "whole");
        for (int cut = 1; cut < transcript.Length; cut++)
        {
            Assert.That(Feed(transcript, ask, [cut, transcript.Length]), Is.EqualTo(expected), $"cut at {cut}");
        }

        Assert.That(Feed(transcript, ask, Enumerable.Range(1, transcript.Length)), Is.EqualTo(expected), "byte by byte");
    }

    private static List<string> Feed(byte[] transcript, Func<IWireEvents, SendBuffer, Wire> ask, IEnumerable<int> ends)
    {
        RecordedEvents events = new();
        SendBuffer output = new();
        Wire wire = ask(events, output);
        int start = 0;
        foreach (int end in ends)
        {
            start += wire.Receive(transcript.AsSpan(start, end - start), output);
        }

        Assert.That(start, Is.EqualTo(transcript.Length), "everything is consumed");
        return events.Lines;
    }
}
