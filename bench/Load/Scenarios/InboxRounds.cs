using System.Diagnostics;

using FastChat.Bench.Load.Measure;
using FastChat.Protocol;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>Opens the list again and again, in the three ways in turn, while the conversations go on. Generator thread only.</summary>
/// <param name="fleet">Runs the connections.</param>
/// <param name="device">Opens the list.</param>
/// <param name="talker">Says something in groups of the list.</param>
/// <param name="conversations">Conversations in it.</param>
/// <param name="saidBetween">Messages before each opening, each in another group.</param>
internal sealed class InboxRounds(Fleet fleet, InboxDevice device, Member talker, int conversations, int saidBetween)
{
    private int _next;

    /// <summary>Goes on for a time; each way is used at least once.</summary>
    public void Run(double seconds, Latencies first, Latencies known, Latencies whole, InboxKnowledge knowledge, int wholePage)
    {
        long begun = Stopwatch.GetTimestamp();
        do
        {
            Talk();
            device.Ask(new ControlMap(), first);
            Talk();
            device.CatchUp(knowledge, wholePage, known);
            Talk();
            device.AskAll(wholePage, whole);
        }
        while (Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds);
    }

    private void Talk()
    {
        for (int said = 0; said < Math.Min(saidBetween, conversations / 2);)
        {
            // The talker is in the groups only. A stride without a common divisor with the usual sizes goes through all of them.
            int conversation = (int)((_next++ * 7919L) % conversations);
            if (conversation % InboxMaker.Kinds >= InboxMaker.FirstGroup)
            {
                talker.Publish(conversation, Stopwatch.GetTimestamp());
                said++;
            }
        }

        fleet.RunUntil(() => fleet.Acknowledged == fleet.Payloads.Next, "messages to be acknowledged");
    }
}
