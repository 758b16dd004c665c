using System.Security.Cryptography;

namespace FastChat.Functional.Tests;

/// <summary>A client's side of proving a password, step by step.</summary>
internal static class ProofScript
{
    /// <summary>The fewest iterations that a client hashes: tests have no time to lose.</summary>
    public const int Iterations = ProtocolLimits.ScramIterationsMin;

    public static string Nonce() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));

    public static ScramClientExchange Exchange(string name, string password, ChannelBinding? binding = null, string? next = null) => new(name, password, binding, wasRefused: false, Nonce()) { Next = next };

    public static async Task<(Proof Proof, ScramServerFirst Offered)> BeginAsync(ScriptedPeer peer, ScramClientExchange exchange, bool register = false)
    {
        await peer.SendAsync(FrameType.Hello, 0, new Hello { Client = "scripted", Scram = exchange.First, Register = register }.ToMap());
        Challenge challenge = Challenge.Parse((await peer.ReceiveAsync(FrameType.Challenge)).ToMap());
        Assert.That(challenge.Iterations is not null, Is.EqualTo(register));
        Proof? proof = exchange.Answer(challenge, out string reason);
        Assert.That(proof, Is.Not.Null, reason);
        return (proof!, exchange.Offered!);
    }

    public static async Task<Welcome> ProveAsync(ScriptedPeer peer, string name, string password, bool register = false)
    {
        ScramClientExchange exchange = Exchange(name, password);
        (Proof proof, _) = await BeginAsync(peer, exchange, register);
        await peer.SendAsync(FrameType.Proof, 0, proof.ToMap());
        Welcome welcome = Welcome.Parse((await peer.ReceiveAsync(FrameType.Welcome)).ToMap());
        Assert.That(exchange.IsRight(welcome.Scram), Is.True);
        return welcome;
    }
}
