using System.Buffers;

using FastChat.TestSupport;

namespace FastChat.Protocol.Tests.Scram;

/// <summary>Exchanges of SCRAM-SHA-256: those of the specification, which another program made (tests/vectors/scram.txt), and what a client refuses to go on with.</summary>
public sealed class ScramExchangeTests
{
    private const string Nonce = "fyko+d2lbbFgONRv9qkx";
    private const string Password = "correct horse";
    private const string Good = "r=fyko+d2lbbFgONRv9qkx3rfcNHYJY1ZVvWVs7jAb,s=kJGSk5SVlpeYmZqbnJ2enw==,i=100000,o=SCRAM-SHA-256";

    private static IEnumerable<Vector> Exchanges() => VectorFile.Read("scram").Where(vector => vector.Frames.Count > 0);

    private static IEnumerable<Vector> All() => VectorFile.Read("scram");

    [TestCaseSource(nameof(Exchanges))]
    public void A_client_says_what_the_specification_says(Vector vector)
    {
        Assert.That(vector.Frames.Select(frame => frame.Type), Is.EqualTo(new[] { "Hello", "Challenge", "Proof", "Welcome" }));
        byte[] bound = VectorValues.ToBytes(vector.Fields["binding"]);
        string first = vector.Text("client_first")!;
        ChannelBinding? binding = bound.Length == 0 ? null : new ChannelBinding(first[2..first.IndexOf(',', StringComparison.Ordinal)], bound);
        ScramClientExchange exchange = new(vector.Text("name")!, vector.Text("password")!, binding, first[0] == 'y', vector.Text("client_nonce")!);
        Assert.That(exchange.First, Is.EqualTo(first));
        Assert.That(Hello.Parse(MapOf(vector.Frames[0])).Scram, Is.EqualTo(first));

        Challenge challenge = Challenge.Parse(MapOf(vector.Frames[1]));
        Proof? proof = exchange.Answer(challenge, out string reason);
        Assert.That(proof?.ToMap().Keys, Is.EqualTo(MapOf(vector.Frames[2]).Keys), reason);
        Assert.That(proof!.Scram, Is.EqualTo(vector.Text("client_final")));
        if (challenge.Iterations is not null)
        {
            Assert.That(proof.StoredKey.ToArray(), Is.EqualTo(VectorValues.ToBytes(vector.Fields["stored_key"])));
            Assert.That(proof.ServerKey.ToArray(), Is.EqualTo(VectorValues.ToBytes(vector.Fields["server_key"])));
        }

        Assert.That(exchange.IsRight(Welcome.Parse(MapOf(vector.Frames[3])).Scram), Is.True);
        Assert.That(exchange.IsRight(null), Is.False);
        Assert.That(exchange.IsRight(vector.Text("server_final")![..^4] + "AAA="), Is.False);
    }

    [TestCaseSource(nameof(All))]
    public void The_messages_are_read_and_written_and_signed_as_they_stand(Vector vector)
    {
        Assert.That(ScramClientFirst.TryParse(vector.Text("client_first")!, out ScramClientFirst? first, out _), Is.True);
        Assert.That(ScramServerFirst.TryParse(vector.Text("server_first")!, out ScramServerFirst? second), Is.True);
        Assert.That(ScramClientFinal.TryParse(vector.Text("client_final")!, out ScramClientFinal? third), Is.True);
        Assert.That(ScramServerFinal.TryParse(vector.Text("server_final"), out byte[]? signature), Is.True);
        Assert.That(new[] { first!.ToString(), second!.Text, third!.ToString(), ScramServerFinal.Format(signature) }, Is.EqualTo(
            new[] { vector.Text("client_first"), vector.Text("server_first"), vector.Text("client_final"), vector.Text("server_final") }));
        Assert.That(first.Name, Is.EqualTo(vector.Text("name")));

        ScramKeys keys = ScramKeys.Derive(vector.Text("password")!, second.Salt, second.Iterations);
        string message = $"{first.Bare},{second.Text},{third.WithoutProof}";
        Assert.That(ScramKeys.IsProof(keys.StoredKey, message, third.Proof), Is.True);
        Assert.That(ScramKeys.IsProof(keys.StoredKey, message + ' ', third.Proof), Is.False);
        Assert.That(keys.Prove(message), Is.EqualTo(third.Proof));
        Assert.That(ScramKeys.Sign(keys.ServerKey, message), Is.EqualTo(signature));
        byte[] bound = VectorValues.ToBytes(vector.Fields["binding"]);
        ChannelBinding? binding = bound.Length == 0 ? null : new ChannelBinding(first.Type!, bound);
        Assert.That(third.IsFor(first, binding), Is.True);
        Assert.That(third.IsFor(first, new ChannelBinding("tls-exporter", new byte[32])), Is.False);
    }

    [TestCase("r=fyko+d2lbbFgONRv9qkx3rfcNHYJY1ZVvWVs7jAb,s=kJGSk5SVlpeYmZqbnJ2enw==,i=99999", "iterations")]
    [TestCase("r=fyko+d2lbbFgONRv9qkx3rfcNHYJY1ZVvWVs7jAb,s=kJGSk5SVlpeYmZqbnJ2enw==,i=1", "iterations")]
    [TestCase("r=fyko+d2lbbFgONRv9qkx3rfcNHYJY1ZVvWVs7jAb,s=kJGSk5SVlpeYmZqbnJ2enw==,i=5000001", "iterations")]
    [TestCase("r=fyko+d2lbbFgONRv9qkx3rfcNHYJY1ZVvWVs7jAb,s=kJGSk5SVlpeYmZqbnJ2enw==,i=2147483647", "iterations")]
    [TestCase("r=Fyko+d2lbbFgONRv9qkx3rfcNHYJY1ZVvWVs7jAb,s=kJGSk5SVlpeYmZqbnJ2enw==,i=100000", "nonce")]
    [TestCase("r=fyko+d2lbbFgONRv9qkx,s=kJGSk5SVlpeYmZqbnJ2enw==,i=100000", "nonce")]
    [TestCase("r=fyko+d2lbbFgONRv9qkx3rfcNHYJY1ZVvWV,s=kJGSk5SVlpeYmZqbnJ2enw==,i=100000", "nonce")]
    [TestCase("m=x,r=fyko+d2lbbFgONRv9qkx3rfcNHYJY1ZVvWVs7jAb,s=kJGSk5SVlpeYmZqbnJ2enw==,i=100000", "read")]
    [TestCase("r=fyko+d2lbbFgONRv9qkx3rfcNHYJY1ZVvWVs7jAb,i=100000,s=kJGSk5SVlpeYmZqbnJ2enw==", "read")]
    [TestCase("", "read")]
    [TestCase("e=other-error", "read")]
    public void A_challenge_that_must_not_be_answered_is_not(string challenge, string word)
    {
        ScramClientExchange exchange = new("ada", Password, null, wasRefused: false, Nonce);
        Assert.That(exchange.Answer(new Challenge { Scram = challenge }, out string reason), Is.Null);
        Assert.That(reason, Does.Contain(word));
        Assert.That(exchange.IsRight("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), Is.False, "nothing was asked");
    }

    [TestCase(99_999ul)]
    [TestCase(5_000_001ul)]
    [TestCase(ulong.MaxValue)]
    public void Keys_of_too_little_or_too_much_work_are_not_given(ulong iterations)
    {
        ScramClientExchange exchange = new("ada", Password, null, wasRefused: false, Nonce);
        Assert.That(exchange.Answer(new Challenge { Scram = Good, Iterations = iterations }, out string reason), Is.Null);
        Assert.That(reason, Does.Contain("iterations"));
    }

    [TestCase("tls-exporter")]
    [TestCase("tls-server-end-point")]
    public void Who_was_told_that_there_is_no_binding_and_reads_that_there_is_goes_no_further(string offer)
    {
        ScramClientExchange exchange = new("ada", Password, null, wasRefused: true, Nonce);
        Assert.That(exchange.First, Does.StartWith("y,,"));
        Assert.That(exchange.Answer(new Challenge { Scram = $"{Good} {offer}" }, out string reason), Is.Null);
        Assert.That(reason, Does.Contain("channel binding"));
    }

    [Test]
    public void A_challenge_is_answered_once()
    {
        ScramClientExchange exchange = new("ada", Password, null, wasRefused: false, Nonce);
        Assert.That(exchange.Answer(new Challenge { Scram = Good }, out _), Is.Not.Null);
        Assert.That(exchange.Answer(new Challenge { Scram = Good }, out string reason), Is.Null);
        Assert.That(reason, Does.Contain("second"));
    }

    [Test]
    public void Keys_for_another_password_are_that_ones_and_the_proof_is_of_the_old()
    {
        ScramClientExchange exchange = new("ada", Password, null, wasRefused: false, Nonce) { Next = "battery staple" };
        Proof proof = exchange.Answer(new Challenge { Scram = Good, Iterations = 100_000 }, out _)!;
        byte[] salt = Convert.FromBase64String("kJGSk5SVlpeYmZqbnJ2enw==");
        Assert.That(proof.StoredKey.ToArray(), Is.EqualTo(ScramKeys.Derive("battery staple", salt, 100_000).StoredKey));
        Assert.That(ScramClientFinal.TryParse(proof.Scram!, out ScramClientFinal? final), Is.True);
        Assert.That(ScramKeys.IsProof(ScramKeys.Derive(Password, salt, 100_000).StoredKey, $"n=ada,r={Nonce},{Good},{final!.WithoutProof}", final.Proof), Is.True);
    }

    [Test]
    public void A_password_is_its_bytes_and_nothing_is_normalised()
    {
        // The same word to a reader, composed and decomposed: two passwords, as for the other verifier.
        byte[] salt = new byte[16];
        Assert.That(ScramKeys.Derive("p\u00E4ss", salt, 1).StoredKey, Is.Not.EqualTo(ScramKeys.Derive("pa\u0308ss", salt, 1).StoredKey));
    }

    [Test]
    public void Nothing_secret_is_said_of_itself()
    {
        ScramKeys keys = ScramKeys.Derive(Password, new byte[16], 1);
        Proof proof = new() { Scram = "secret", StoredKey = keys.StoredKey, ServerKey = keys.ServerKey };
        Assert.That(keys.ToString() + proof, Is.EqualTo("ScramKeysProof"));
    }

    private static ControlMap MapOf(VectorFrame step)
    {
        ReadOnlySequence<byte> bytes = new(step.Bytes);
        Assert.That(FrameReader.TryRead(ref bytes, ProtocolLimits.ServerFrameSizeMax, out Frame frame, out _), Is.EqualTo(FrameReadStatus.Done));
        Assert.That(ControlMap.TryParse(frame.Body, out ControlMap? map, out string reason), Is.True, reason);
        return map!;
    }
}
