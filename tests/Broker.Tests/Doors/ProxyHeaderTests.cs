using System.Buffers;

using FastChat.Broker.Doors;

namespace FastChat.Broker.Tests.Doors;

/// <summary>The PROXY protocol's header: what is taken, and what is not.</summary>
public sealed class ProxyHeaderTests
{
    private const string Signature = "0D0A0D0A000D0A515549540A";

    [TestCase("2111000C" + "C0000207" + "7F000001" + "C9631CE8", "192.0.2.7:51555", TestName = "TCP over IPv4")]
    [TestCase("21210024" + "20010DB8000000000000000000000007" + "00000000000000000000000000000001" + "C9631CE8", "[2001:db8::7]:51555", TestName = "TCP over IPv6")]
    [TestCase("21110014" + "C0000207" + "7F000001" + "C9631CE8" + "0100056872617468", "192.0.2.7:51555", TestName = "with a TLV behind it")]
    [TestCase("20000000", null, TestName = "LOCAL: the proxy itself")]
    [TestCase("2011000C" + "C0000207" + "7F000001" + "C9631CE8", null, TestName = "LOCAL with an address, which does not count")]
    [TestCase("21000000", null, TestName = "PROXY that does not say for whom")]
    public void AHeaderIsTakenAtEverySplit(string hex, string? expected)
    {
        byte[] header = Convert.FromHexString(Signature + hex);
        byte[] stream = [.. header, 1, 2, 3];
        for (int split = 0; split < header.Length; split++)
        {
            Assert.That(ProxyHeader.TryRead(new ReadOnlySequence<byte>(stream, 0, split), out _, out _), Is.EqualTo(ProxyHeaderStatus.NeedMoreData), $"{split} bytes");
        }

        Assert.That(ProxyHeader.TryRead(new ReadOnlySequence<byte>(stream), out int size, out System.Net.IPEndPoint? source), Is.EqualTo(hex.StartsWith("20", StringComparison.Ordinal) ? ProxyHeaderStatus.Local : ProxyHeaderStatus.Done));
        Assert.That((size, source?.ToString()), Is.EqualTo((header.Length, expected)));
    }

    [TestCase("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", TestName = "version 1")]
    [TestCase("GET / HTTP/1.1\r\n", TestName = "a request")]
    [TestCase("\r\n\r\n!", TestName = "a signature that goes wrong")]
    public void WhatIsNoHeaderIsSeenAtOnce(string text) =>
        Assert.That(ProxyHeader.TryRead(new ReadOnlySequence<byte>(System.Text.Encoding.ASCII.GetBytes(text)), out _, out _), Is.EqualTo(ProxyHeaderStatus.Invalid));

    [TestCase("1111000C", TestName = "version 1 in binary")]
    [TestCase("2211000C", TestName = "an unknown command")]
    [TestCase("2112000C", TestName = "UDP")]
    [TestCase("2111000B", TestName = "too short for its address")]
    [TestCase("21210023", TestName = "too short for IPv6")]
    [TestCase("21110801", TestName = "2,049 bytes")]
    [TestCase("2011FFFF", TestName = "LOCAL with 65,535 bytes")]
    public void WhatIsNotTakenIsRefusedFromItsHead(string hex) =>
        Assert.That(ProxyHeader.TryRead(new ReadOnlySequence<byte>(Convert.FromHexString(Signature + hex)), out _, out _), Is.EqualTo(ProxyHeaderStatus.Invalid));
}
