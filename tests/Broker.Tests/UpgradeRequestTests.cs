using System.Text;

using FastChat.Broker.Web;

namespace FastChat.Broker.Tests;

/// <summary>Which upgrades are plain enough to be answered without the HTTP server.</summary>
public sealed class UpgradeRequestTests
{
    private const string Plain =
        "GET /ws HTTP/1.1\r\nHost: chat.example:7480\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://chat.example\r\nSec-WebSocket-Protocol: other, fastchat.v1\r\nUser-Agent: any\r\n\r\n";

    [Test]
    public void A_plain_upgrade_is_read()
    {
        UpgradeRequest request = Parse(Plain + "what follows")!;
        Assert.That(request, Is.EqualTo(new UpgradeRequest(
            "dGhlIHNhbXBsZSBub25jZQ==", "chat.example:7480", "https://chat.example", "other, fastchat.v1", Plain.Length)));
        Assert.That(request.Speaks("fastchat.v1"));
        Assert.That(request.Speaks("fastchat.v2"), Is.False);
    }

    [TestCase("Origin: https://chat.example\r\n", "")]
    [TestCase("Sec-WebSocket-Protocol: other, fastchat.v1\r\n", "")]
    [TestCase("Upgrade: websocket", "upgrade: WebSocket")]
    [TestCase("User-Agent: any", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")]
    public void Case_and_what_may_be_absent_change_nothing(string old, string changed) => Assert.That(Parse(Plain.Replace(old, changed)), Is.Not.Null);

    [TestCase("GET /ws HTTP/1.1", "POST /ws HTTP/1.1")]
    [TestCase("GET /ws HTTP/1.1", "GET /ws HTTP/1.0")]
    [TestCase("GET /ws HTTP/1.1", "GET /wss HTTP/1.1")]
    [TestCase("GET /ws HTTP/1.1", "GET http://chat.example/ws HTTP/1.1")]
    [TestCase("GET /ws HTTP/1.1", "GET  /ws HTTP/1.1")]
    [TestCase("Host: chat.example:7480\r\n", "")]
    [TestCase("Host: chat.example:7480\r\n", "Host: a\r\nHost: b\r\n")]
    [TestCase("Origin: https://chat.example", "Origin: https://chat.example\r\nOrigin: https://evil.example")]
    [TestCase("Origin: https://chat.example", "Origin : https://chat.example")]
    [TestCase("User-Agent: any", "User-Agent: any\r\n folded")]
    [TestCase("User-Agent: any", "User-Agent: \u0001")]
    [TestCase("User-Agent: any", "User-Agent:\tany")]
    [TestCase("User-Agent: any", "User-Agent: any\nX: y")]
    [TestCase("User-Agent: any", "User-Agent: any\rX: y")]
    [TestCase("User-Agent: any", "Content-Length: 0")]
    [TestCase("User-Agent: any", "Transfer-Encoding: chunked")]
    [TestCase("User-Agent: any", ": nameless")]
    [TestCase("Upgrade: websocket", "Upgrade: h2c")]
    [TestCase("Connection: keep-alive, Upgrade", "Connection: keep-alive")]
    [TestCase("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8")]
    [TestCase("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ")]
    [TestCase("dGhlIHNhbXBsZSBub25jZQ==", "************************")]
    public void Anything_odd_is_left_to_the_server(string old, string changed) => Assert.That(Parse(Plain.Replace(old, changed)), Is.Null);

    [Test]
    public void A_head_that_is_not_whole_or_too_large_is_left_to_the_server()
    {
        for (int length = 0; length < Plain.Length; length++)
        {
            Assert.That(Parse(Plain[..length]), Is.Null);
        }

        Assert.That(Parse(Plain.Replace("any", new string('x', UpgradeRequest.SizeMax))), Is.Null);
    }

    private static UpgradeRequest? Parse(string text) => UpgradeRequest.TryParse(Encoding.Latin1.GetBytes(text), "/ws");
}
