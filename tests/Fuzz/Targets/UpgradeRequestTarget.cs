using System.Text;

using FastChat.Broker.Web;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// The head of a WebSocket upgrade, as a stranger sends it before anything is known of him. It never throws; a head is an upgrade when it is whole and never before, and what stands behind it does not change what it
/// says. That holds for the beginning up to every byte, which is what arrives first when the network splits the head there.
/// </summary>
internal sealed class UpgradeRequestTarget : IFuzzTarget
{
    private const string Path = "/ws";
    private const string Plain =
        "GET /ws HTTP/1.1\r\nHost: localhost:7480\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

    public string Name => "upgrade-request";

    public IReadOnlyList<byte[]> Words { get; } =
    [
        .. new[]
        {
            "\r\n", "\r\n\r\n", "\n", "\r", ": ", ":", " ", ",", "Origin: http://localhost:7480\r\n", "Sec-WebSocket-Protocol: fastchat.v1\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
            "Connection: keep-alive, Upgrade\r\n", "upgrade", "Sec-WebSocket-Extensions: permessage-deflate\r\n", "HTTP/1.0", "GET ", "POST ", "\0", "\u007f", "Host:", "websocket", "=", "==",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    public IEnumerable<byte[]> Seeds()
    {
        yield return Encoding.ASCII.GetBytes(Plain);
        yield return Encoding.ASCII.GetBytes(Plain + "behind it");
        yield return Encoding.ASCII.GetBytes(Plain.Replace("Connection: Upgrade", "connection: keep-alive, upgrade\r\nOrigin: http://a\r\nsec-websocket-protocol: x, fastchat.v1", StringComparison.Ordinal));
        yield return Encoding.ASCII.GetBytes(Plain.Replace("/ws", "/healthz", StringComparison.Ordinal));
        yield return Encoding.ASCII.GetBytes(Plain.Replace("13", "8", StringComparison.Ordinal));
    }

    public long AllocationCap(int inputSize) => 32 * 1024 + (160 * inputSize);

    public ulong Run(ReadOnlySpan<byte> input)
    {
        UpgradeRequest? request = UpgradeRequest.TryParse(input, Path);
        Outcome outcome = default;
        outcome.Add(request is not null);
        if (request is null)
        {
            int lines = input.Count((byte)'\n');
            outcome.Add((ulong)Math.Min(lines, 12));
            outcome.Add(input.IndexOf("\r\n\r\n"u8) >= 0);
            return outcome.Value;
        }

        Property.Holds(request.Size <= input.Length && request.Size <= UpgradeRequest.SizeMax && input[..request.Size].EndsWith("\r\n\r\n"u8), "the head does not end where it is said to end");
        Property.Holds(UpgradeRequest.TryParse(input[..request.Size], Path) == request, "what stands behind the head changes it");
        for (int split = request.Size - 1; split >= 0; split -= split > 64 ? 17 : 1)
        {
            Property.Holds(UpgradeRequest.TryParse(input[..split], Path) is null, "a part of a head is taken for the whole");
        }

        Property.Holds(Convert.FromBase64String(request.Key).Length == 16, "the key is not what keys are");
        outcome.Add(request.Origin is null);
        outcome.Add(request.Speaks("fastchat.v1"));
        outcome.Add(request.Subprotocols is null);
        return outcome.Value;
    }

    public void Dispose()
    {
    }
}
