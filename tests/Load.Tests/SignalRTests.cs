using System.Net;

using FastChat.Bench.Compare.Systems.SignalR;
using FastChat.Bench.Compare.Wires;

using Microsoft.AspNetCore.Builder;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The wire of SignalR, on a transcript and on the real server, which is hosted here.</summary>
public sealed class SignalRTests
{
    [Test]
    public void The_words_of_the_server_mean_the_same_wherever_they_are_cut()
    {
        byte[] body = [.. Enumerable.Repeat((byte)'y', 200)];
        byte[] transcript =
        [
            .. "{}"u8, 0x1E,
            2, 0x91, 6,
            22, 0x94, 3, 0x80, 0xB1, .. "s0000000000000007"u8, 2,
            10, 0x96, 1, 0x80, 0xC0, 0xA1, (byte)'m', 0x91, 0xC4, 0, 0x90,
            // headers, and a length of two bytes
            215 & 0x7F | 0x80, 1, 0x96, 1, 0x81, 0xA1, (byte)'k', 0xA1, (byte)'v', 0xC0, 0xA1, (byte)'m', 0x91, 0xC5, 0, 200, .. body, 0x90,
            22, 0x94, 3, 0x80, 0xB1, .. "p000000000000002a"u8, 2,
            27, 0x95, 3, 0x80, 0xB1, .. "p000000000000002b"u8, 1, 0xA4, .. "full"u8,
            22, 0x93, 7, 0xB2, .. "the server is gone"u8, 0xC2,
        ];
        SplitInput.Check(
            transcript,
            (events, output) =>
            {
                SignalRWire wire = new(events);
                wire.Begin(output);
                return wire;
            },
            [
                "ready", "subscribed 7", "delivered ", $"delivered {new string('y', 200)}", "acknowledged 42", "refused 43 full",
                "failed closed by the server: the server is gone",
            ]);
    }

    [Test]
    public async Task What_is_published_is_delivered_once_and_in_order()
    {
        await using WebApplication server = SignalRServer.Make(0);
        await server.StartAsync();
        SystemWork.FanOut(
            new IPEndPoint(IPAddress.Loopback, SignalRServer.PortOf(server)), (events, _) => new WebSocketWire(events, new SignalRWire(events), SignalRServer.Path));
    }
}
