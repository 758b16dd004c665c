using System.Buffers.Text;
using System.Text.Json.Nodes;

using FastChat.Broker.Identity;
using FastChat.Protocol;
using FastChat.TestSupport;

namespace FastChat.Broker.Tests.Assertions;

/// <summary>What is read of a token, and when it is good: each rule with the smallest change that breaks it.</summary>
internal sealed class AssertionTests
{
    private const long Now = 1_800_000_000;

    private static readonly string[] s_types = ["JWT", "at+jwt"];

    private TestSigner _signer = null!;
    private VerificationKey _key = null!;

    [OneTimeSetUp]
    public void MakeKey()
    {
        _signer = TestSigner.OfP256("k");
        Assert.That(VerificationKey.TryParse(_signer.Jwk.ToJsonString(), out VerificationKey? key, out _), Is.True);
        _key = key!;
    }

    [OneTimeTearDown]
    public void End() => _signer.Dispose();

    [Test]
    public async Task AGoodTokenIsGood()
    {
        string text = _signer.Sign(Claims());
        Assert.That(await CheckAsync(text), Is.EqualTo(AssertionFault.None));
        Assertion assertion = Read(text);
        Assert.That((assertion.Issuer, assertion.Subject, assertion.KeyId, assertion.Type), Is.EqualTo(("https://issuer.example", "person-1", "k", "JWT")));
        Assert.That((assertion.ExpiresMicros, assertion.IssuedMicros, assertion.NotBeforeMicros), Is.EqualTo(((Now + 300) * 1_000_000, Now * 1_000_000, 0L)));
        Assert.That(assertion.Claim("preferred_username"), Is.EqualTo("ada"));
        Assert.That(assertion.Claim("realm_access"), Is.Null, "it is no text");
    }

    [TestCase("RS256")]
    [TestCase("ES256")]
    [TestCase("EdDSA")]
    public async Task EveryAlgorithmVerifiesItsOwnAndNoOther(string algorithm)
    {
        using TestSigner rsa = TestSigner.OfRsa("k");
        using TestSigner ed = TestSigner.OfEd25519("k");
        TestSigner[] all = [rsa, _signer, ed];
        TestSigner signer = all.Single(one => one.Algorithm == algorithm);
        Assert.That(VerificationKey.TryParse(signer.Jwk.ToJsonString(), out VerificationKey? key, out _), Is.True);
        string good = signer.Sign(Claims());
        Assert.That(await CheckAsync(good, key), Is.EqualTo(AssertionFault.None));
        Assert.That(await CheckAsync(good[..^4] + (good.EndsWith("AAAA", StringComparison.Ordinal) ? "BBBB" : "AAAA"), key), Is.EqualTo(AssertionFault.Signature));
        Assert.That(await CheckAsync(good[..(good.LastIndexOf('.') + 1)], key), Is.EqualTo(AssertionFault.Signature), "no signature");
        foreach (TestSigner other in all.Where(other => other != signer))
        {
            Assert.That(await CheckAsync(other.Sign(Claims()), key), Is.EqualTo(AssertionFault.Algorithm));
            Assert.That(await CheckAsync(other.Sign(Claims(), header => header["alg"] = algorithm), key), Is.EqualTo(AssertionFault.Signature), "another's key that says it is this one");
        }

        using TestSigner stranger = algorithm switch { "RS256" => TestSigner.OfRsa("k"), "ES256" => TestSigner.OfP256("k"), _ => TestSigner.OfEd25519("k") };
        Assert.That(await CheckAsync(stranger.Sign(Claims()), key), Is.EqualTo(AssertionFault.Signature));
    }

    [Test]
    public async Task Ed25519IsKnownByBothNames()
    {
        using TestSigner ed = TestSigner.OfEd25519();
        Assert.That(VerificationKey.TryParse(ed.PublicPem, out VerificationKey? key, out _), Is.True);
        Assert.That(await CheckAsync(ed.Sign(Claims(), header => header["alg"] = "Ed25519"), key), Is.EqualTo(AssertionFault.None));
    }

    [Test]
    public async Task AnUnsignedTokenAndOneUnderThePublicKeyAreForgeries()
    {
        foreach (string none in (string[])["none", "None", "NONE", "", "HS256", "RS512", "ES384", "PS256"])
        {
            string header = TestSigner.Encode($$"""{"alg":"{{none}}","typ":"JWT","kid":"k"}""");
            string claims = TestSigner.Encode(Claims().ToJsonString());
            Assert.That(await CheckAsync($"{header}.{claims}."), Is.EqualTo(AssertionFault.Algorithm), none);
        }

        Assert.That(await CheckAsync(_signer.SignWithPublicKeyAsSecret(Claims())), Is.EqualTo(AssertionFault.Algorithm));
    }

    [Test]
    public async Task KeysInTheHeaderAreNotEvenLookedAt()
    {
        using TestSigner attacker = TestSigner.OfP256("k");
        string forged = attacker.Sign(Claims(), header =>
        {
            header["jwk"] = attacker.Jwk.DeepClone();
            header["jku"] = "http://127.0.0.1:1/keys";
            header["x5u"] = "http://127.0.0.1:1/chain";
            header["x5c"] = new JsonArray("MIIB");
        });
        Assert.That(await CheckAsync(forged), Is.EqualTo(AssertionFault.Signature));
        string honest = _signer.Sign(Claims(), header => header["jku"] = "http://127.0.0.1:1/keys");
        Assert.That(await CheckAsync(honest), Is.EqualTo(AssertionFault.None), "some issuers put it there");
    }

    private static IEnumerable<TestCaseData> WrongClaims()
    {
        yield return Case("another audience", claims => claims["aud"] = "somebody else", AssertionFault.Audience);
        yield return Case("an audience that begins like ours", claims => claims["aud"] = "fastchat-test", AssertionFault.Audience);
        yield return Case("ours among others", claims => claims["aud"] = new JsonArray("account", "fastchat"), AssertionFault.None);
        yield return Case("no audience", claims => claims.Remove("aud"), AssertionFault.Claims);
        yield return Case("an empty list of audiences", claims => claims["aud"] = new JsonArray(), AssertionFault.Claims);
        yield return Case("an audience that is no text", claims => claims["aud"] = new JsonArray("fastchat", 5), AssertionFault.Claims);
        yield return Case("very many audiences", claims => claims["aud"] = new JsonArray([.. Enumerable.Repeat("fastchat", 65).Select(one => (JsonNode)one)]), AssertionFault.Claims);
        yield return Case("no issuer", claims => claims.Remove("iss"), AssertionFault.Claims);
        yield return Case("no subject", claims => claims.Remove("sub"), AssertionFault.Claims);
        yield return Case("an empty subject", claims => claims["sub"] = string.Empty, AssertionFault.Claims);
        yield return Case("a subject that is a number", claims => claims["sub"] = 5, AssertionFault.Claims);
        yield return Case("a very long subject", claims => claims["sub"] = new string('x', 256), AssertionFault.Claims);
        yield return Case("no expiry", claims => claims.Remove("exp"), AssertionFault.Claims);
        yield return Case("an expiry as text", claims => claims["exp"] = "1800000300", AssertionFault.Claims);
        yield return Case("an expiry before all time", claims => claims["exp"] = -1, AssertionFault.Claims);
        yield return Case("an expiry beyond all time", claims => claims["exp"] = 1e300, AssertionFault.Claims);
        yield return Case("expired now", claims => claims["exp"] = Now, AssertionFault.Expired);
        yield return Case("one second to go", claims => claims["exp"] = Now + 1, AssertionFault.None);
        yield return Case("half a second to go", claims => claims["exp"] = Now + 0.5, AssertionFault.None);
        yield return Case("not yet", claims => claims["nbf"] = Now + 31, AssertionFault.NotYet);
        yield return Case("not quite yet, as far as clocks differ", claims => claims["nbf"] = Now + 30, AssertionFault.None);
        yield return Case("no time of issue", claims => claims.Remove("iat"), AssertionFault.Claims);
        yield return Case("issued in the future", claims => claims["iat"] = Now + 31, AssertionFault.NotYet);
        yield return Case("issued just now by a clock that is ahead", claims => claims["iat"] = Now + 30, AssertionFault.None);
        yield return Case("an id that is no text", claims => claims["jti"] = 5, AssertionFault.Claims);
    }

    [TestCaseSource(nameof(WrongClaims))]
    public async Task EveryClaimIsChecked(Action<JsonObject> change, AssertionFault fault)
    {
        JsonObject claims = Claims();
        change(claims);
        Assert.That(await CheckAsync(_signer.Sign(claims)), Is.EqualTo(fault));
    }

    [TestCase("JWT", AssertionFault.None)]
    [TestCase("jwt", AssertionFault.None)]
    [TestCase("at+jwt", AssertionFault.None)]
    [TestCase("application/at+jwt", AssertionFault.None)]
    [TestCase("logout+jwt", AssertionFault.Type)]
    [TestCase("", AssertionFault.Type)]
    [TestCase(null, AssertionFault.Type)]
    public async Task ATokenOfAnotherKindIsNoSignIn(string? type, AssertionFault fault) =>
        Assert.That(await CheckAsync(_signer.Sign(Claims(), header => _ = type is null ? header.Remove("typ") : (header["typ"] = type) is null)), Is.EqualTo(fault));

    private static IEnumerable<TestCaseData> WrongShapes()
    {
        string header = TestSigner.Encode("""{"alg":"ES256","typ":"JWT"}""");
        string claims = TestSigner.Encode("""{"iss":"i","sub":"s","aud":"a","exp":1,"iat":1}""");
        yield return Shape("nothing", string.Empty, AssertionFault.Malformed);
        yield return Shape("two parts", $"{header}.{claims}", AssertionFault.Malformed);
        yield return Shape("four parts", $"{header}.{claims}.AA.AA", AssertionFault.Malformed);
        yield return Shape("five parts", $"{header}.{claims}.AA.AA.AA", AssertionFault.Encrypted);
        yield return Shape("very many parts", new string('.', 5000), AssertionFault.Malformed);
        yield return Shape("too long", $"{header}.{claims}.{new string('A', ProtocolLimits.AssertionSizeMax)}", AssertionFault.Malformed);
        yield return Shape("white space", $"{header}. {claims}.AA", AssertionFault.Malformed);
        yield return Shape("a line break behind", $"{header}.{claims}.AA\n", AssertionFault.Malformed);
        yield return Shape("padding", $"{header}=.{claims}.AA", AssertionFault.Malformed);
        yield return Shape("no base64", $"{header}.A.AA", AssertionFault.Malformed);
        yield return Shape("a header that is a list", Of("[]", "{}"), AssertionFault.Malformed);
        yield return Shape("claims that are a text", Of("""{"alg":"ES256"}""", "\"x\""), AssertionFault.Malformed);
        yield return Shape("no algorithm", Of("{}", "{}"), AssertionFault.Malformed);
        yield return Shape("an algorithm that is a list", Of("""{"alg":["ES256"]}""", "{}"), AssertionFault.Malformed);
        yield return Shape("two algorithms", Of("""{"alg":"ES256","alg":"none"}""", "{}"), AssertionFault.Malformed);
        yield return Shape("two algorithms, one of them escaped", Of("""{"alg":"ES256","\u0061lg":"none"}""", "{}"), AssertionFault.Malformed);
        yield return Shape("two subjects", Of("""{"alg":"ES256"}""", """{"sub":"ada","sub":"eve"}"""), AssertionFault.Malformed);
        yield return Shape("a name twice, deep down", Of("""{"alg":"ES256"}""", """{"a":{"b":{"c":1,"c":2}}}"""), AssertionFault.Malformed);
        yield return Shape("extensions", Of("""{"alg":"ES256","crit":["b64"],"b64":false}""", "{}"), AssertionFault.Critical);
        yield return Shape("an empty list of extensions", Of("""{"alg":"ES256","crit":[]}""", "{}"), AssertionFault.Critical);
        yield return Shape("encryption in three parts", Of("""{"alg":"dir","enc":"A128GCM"}""", "{}"), AssertionFault.Encrypted);
        yield return Shape("a deep header", Of("""{"alg":"ES256","a":[[[[[[]]]]]]}""", "{}"), AssertionFault.Malformed);
        yield return Shape("deep claims", Of("""{"alg":"ES256"}""", $$"""{"a":{{new string('[', 40)}}{{new string(']', 40)}}}"""), AssertionFault.Malformed);
        yield return Shape("half a character", Of("""{"alg":"ES256"}""", """{"iss":"\ud800","sub":"s","aud":"a","exp":1,"iat":1}"""), AssertionFault.Malformed);
        yield return Shape("half a character where nobody looks", Of("""{"alg":"ES256","x":["\ud800"]}""", """{"iss":"i","sub":"s","aud":"a","exp":1,"iat":1}"""), AssertionFault.Malformed);
        yield return Shape("half a character in a list", Of("""{"alg":"ES256"}""", """{"iss":"i","sub":"s","aud":["\ud800"],"exp":1,"iat":1}"""), AssertionFault.Malformed);
        yield return Shape("half a character in a name", Of("""{"alg":"ES256"}""", """{"\ud800":1,"\ud800":2}"""), AssertionFault.Malformed);
        yield return Shape("no UTF-8", $"{header}.{Base64Url.EncodeToString([(byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)':', (byte)'1', (byte)'}'])}.AA", AssertionFault.Malformed);
        yield return Shape("a comment", Of("""{"alg":"ES256"/* */}""", "{}"), AssertionFault.Malformed);
        yield return Shape("something behind it", Of("""{"alg":"ES256"} {}""", "{}"), AssertionFault.Malformed);

        static string Of(string header, string claims) => $"{TestSigner.Encode(header)}.{TestSigner.Encode(claims)}.AA";
        static TestCaseData Shape(string name, string text, AssertionFault fault) => new TestCaseData(text, fault).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(WrongShapes))]
    public void WhatIsNoTokenIsRefusedBeforeAnybodyVerifiesIt(string text, AssertionFault fault)
    {
        Assert.That(Assertion.TryParse(text, out Assertion? assertion), Is.EqualTo(fault));
        Assert.That(assertion, Is.Null);
    }

    [Test]
    public void ATokenOfAnIdentityProviderFits()
    {
        // As Keycloak makes them for somebody with many roles.
        JsonObject claims = Claims();
        claims["realm_access"] = new JsonObject { ["roles"] = new JsonArray([.. Enumerable.Range(0, 100).Select(role => (JsonNode)$"offline_access_{role}")]) };
        claims["resource_access"] = new JsonObject { ["account"] = new JsonObject { ["roles"] = new JsonArray([.. Enumerable.Range(0, 60).Select(role => (JsonNode)$"manage-account-{role}")]) } };
        using TestSigner rsa = TestSigner.OfRsa("k");
        string text = rsa.Sign(claims);
        Assert.That(text, Has.Length.InRange(4096, ProtocolLimits.AssertionSizeMax));
        Assert.That(Assertion.TryParse(text, out _), Is.EqualTo(AssertionFault.None));
        Hello hello = new() { Client = new string('c', 64), Name = new string('n', 64), Assertion = new string('x', ProtocolLimits.AssertionSizeMax), Device = new DeviceId(ulong.MaxValue), Session = new SessionId(UInt128.MaxValue) };
        System.Buffers.ArrayBufferWriter<byte> frame = new();
        FrameWriter.Write(frame, FrameType.Hello, 0, hello.ToMap());
        Assert.That(frame.WrittenCount, Is.LessThan(ProtocolLimits.HelloSizeMax));
    }

    internal static JsonObject Claims() => new()
    {
        ["iss"] = "https://issuer.example",
        ["sub"] = "person-1",
        ["aud"] = "fastchat",
        ["iat"] = Now,
        ["exp"] = Now + 300,
        ["preferred_username"] = "ada",
        ["realm_access"] = new JsonObject { ["roles"] = new JsonArray("user") },
    };

    private static TestCaseData Case(string name, Action<JsonObject> change, AssertionFault fault) => new TestCaseData(change, fault).SetArgDisplayNames(name);

    private static Assertion Read(string text)
    {
        Assert.That(Assertion.TryParse(text, out Assertion? assertion), Is.EqualTo(AssertionFault.None));
        return assertion!;
    }

    private async Task<AssertionFault> CheckAsync(string text, VerificationKey? key = null)
    {
        AssertionFault fault = Assertion.TryParse(text, out Assertion? assertion);
        return assertion is null ? fault : await AssertionVerifier.CheckAsync(assertion, key ?? _key, "fastchat", s_types, Now * 1_000_000);
    }
}
