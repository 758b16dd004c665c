using System.Text;

namespace FastChat.Functional.Tests;

/// <summary>Rows about signing in: maps that are none, credentials that are wrong.</summary>
internal static class BadHello
{
    /// <summary>Bodies that are no map of the protocol; control requests refuse them too.</summary>
    public static IReadOnlyList<(string Name, byte[] Body)> Maps { get; } =
    [
        ("nothing", []),
        ("nil", [0xC0]),
        ("an array", [0x90]),
        ("a number", [0x07]),
        ("a map that ends early", [0x81, 0xA1, (byte)'x']),
        ("65,535 entries that are not there", [0xDE, 0xFF, 0xFF]),
        ("4 billion entries that are not there", [0xDF, 0xFF, 0xFF, 0xFF, 0xFF]),
        ("an array of 4 billion", [0x81, 0xA1, (byte)'x', 0xDD, 0xFF, 0xFF, 0xFF, 0xFF]),
        ("an array of 501", [0x81, 0xA1, (byte)'x', 0xDC, 0x01, 0xF5, .. Enumerable.Repeat((byte)0xC0, 501)]),
        ("a text of 4 GB", [0x81, 0xA1, (byte)'x', 0xDB, 0xFF, 0xFF, 0xFF, 0xFF]),
        ("bytes of 4 GB", [0x81, 0xA1, (byte)'x', 0xC6, 0xFF, 0xFF, 0xFF, 0xFF]),
        ("3,000 nested arrays in an unknown key", [0x81, 0xA1, (byte)'x', .. Enumerable.Repeat((byte)0x91, 3000), 0xC0]),
        ("1,000 nested maps in an unknown key", [0x81, 0xA1, (byte)'x', .. Enumerable.Repeat(new byte[] { 0x81, 0xA1, (byte)'y' }, 1000).SelectMany(bytes => bytes), 0xC0]),
        ("an extension type", [0x81, 0xA1, (byte)'x', 0xD4, 0x01, 0x00]),
        ("a timestamp", [0x81, 0xA1, (byte)'x', 0xD6, 0xFF, 0, 0, 0, 0]),
        ("an extension type in an array", [0x81, 0xA1, (byte)'x', 0x91, 0xD4, 0x01, 0x00]),
        ("the byte that MessagePack never uses", [0x81, 0xA1, (byte)'x', 0xC1]),
        ("a key that is no UTF-8", [0x81, 0xA2, 0xFF, 0xFE, 0xC0]),
        ("a text that is no UTF-8", [0x81, 0xA4, .. "name"u8, 0xA2, 0xFF, 0xFE]),
        ("a lone surrogate in a text", [0x81, 0xA4, .. "name"u8, 0xA3, 0xED, 0xA0, 0x80]),
        ("a key that is a number", [0x81, 0x01, 0xC0]),
        ("a key twice", [0x82, 0xA1, (byte)'x', 0xC0, 0xA1, (byte)'x', 0xC0]),
        ("something behind the map", [0x80, 0x00]),
        ("65 entries", [0xDE, 0x00, 0x41, .. Enumerable.Range(0, 65).SelectMany(i => new byte[] { 0xA2, (byte)('a' + (i / 26)), (byte)('a' + (i % 26)), 0xC0 })]),
    ];

    /// <summary>Names that accounts and conversations may not have.</summary>
    public static IReadOnlyList<string> OddNames { get; } =
    [
        "", "..", ".hidden", "../../etc/passwd", "a/b", "a\\b", "*", ">", "a b", " a", "a ", "#a", "-a", "_a", "a\0b", "a\nb", "a\u001b[31m", "é",
        "\u0430dmin", "a\u202eb", new string('n', 65),
    ];

    /// <summary>The rows.</summary>
    public static IReadOnlyList<BadInput> Rows { get; } =
    [
        .. Maps.Select(map => BadInput.FromStranger($"Hello: {map.Name}", RawFrame.ToBytes((byte)FrameType.Hello, 0, map.Body), CloseCode.BadFrame)),
        Field("version as a text", new ControlMap().Set("version", "1")),
        Field("a name that is a number", new ControlMap().Set("version", 1).Set("name", 5).Set("password", "x")),
        Field("a session of 15 bytes", new ControlMap().Set("version", 1).Set("token", "t").Set("session", new byte[15])),
        Field("a negative window", new ControlMap().Set("version", 1).Set("token", "t").Set("window", -1)),
        Field("a token of 129 bytes", new ControlMap().Set("version", 1).Set("token", new string('t', 129))),
        Field("a client of 65 bytes", new ControlMap().Set("version", 1).Set("client", new string('c', 65)).Set("token", "t")),
        Field("a scram message of 1,025 bytes", new ControlMap().Set("version", 1).Set("scram", new string('s', 1025))),
        Field("a scram message that is bytes", new ControlMap().Set("version", 1).Set("scram", new byte[5])),
        BadInput.InHello("a proof where none are taken", new Hello { Scram = "n,,n=witness,r=fyko+d2lbbFgONRv9qkx" }, CloseCode.MechanismRefused),
        BadInput.FromStranger("a Proof first", RawFrame.ToBytes(FrameType.Proof, 0, new ControlMap().Set("scram", "c=biws,r=x,p=x")), CloseCode.OutOfState),
        BadInput.FromClient("a Proof behind Welcome", RawFrame.ToBytes(FrameType.Proof, 0, new ControlMap().Set("scram", "c=biws,r=x,p=x")), CloseCode.OutOfState),
        BadInput.FromStranger("a Challenge from a client", RawFrame.ToBytes(FrameType.Challenge, 0, new ControlMap()), CloseCode.OutOfState),

        BadInput.InHello("version 2", new Hello { Version = 2, Token = "t" }, CloseCode.UnsupportedVersion),
        BadInput.InHello("version 0", new Hello { Version = 0, Token = "t" }, CloseCode.UnsupportedVersion),
        BadInput.FromStranger("no version", RawFrame.ToBytes(FrameType.Hello, 0, new ControlMap().Set("token", "t")), CloseCode.UnsupportedVersion),

        BadInput.InHello("neither token nor password", new Hello { Name = "witness" }, CloseCode.BadCredentials),
        BadInput.InHello("a wrong password", new Hello { Name = "witness", Password = "not the password" }, CloseCode.BadCredentials),
        BadInput.InHello("an empty password", new Hello { Name = "witness", Password = string.Empty }, CloseCode.BadCredentials),
        BadInput.InHello("a password of 3,900 bytes", new Hello { Name = "witness", Password = new string('x', 3900) }, CloseCode.BadCredentials),
        BadInput.InHello("a name that nobody has", new Hello { Name = "nobody", Password = TestBroker.Password }, CloseCode.BadCredentials),
        BadInput.InHello("a name that nobody can have", new Hello { Name = "../witness", Password = TestBroker.Password }, CloseCode.BadCredentials),
        BadInput.InHello("the operator, who has no password", new Hello { Name = "operator", Password = string.Empty }, CloseCode.BadCredentials),
        BadInput.InHello("a wrong token", new Hello { Token = "fc1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }, CloseCode.TokenInvalid),
        BadInput.InHello("an empty token", new Hello { Token = string.Empty }, CloseCode.TokenInvalid),
        new("a name that nobody has and a wrong password are told alike", SameWordsAsync),

        BadInput.InHello("registering a taken name", Register("witness"), CloseCode.NameTaken),
        BadInput.InHello("registering a taken name in capitals", Register("WITNESS"), CloseCode.NameTaken),
        BadInput.InHello("registering the operator", Register("operator"), CloseCode.NameTaken),
        .. OddNames.Select(name => BadInput.InHello($"registering the name {Show(name)}", Register(name), CloseCode.NameInvalid)),
        BadInput.InHello("a short password", Register("newcomer", "1234567"), CloseCode.PasswordInvalid),
        BadInput.InHello("a password of 257 bytes", Register("newcomer", new string('p', 257)), CloseCode.PasswordInvalid),
        BadInput.InHello("a password of 129 two-byte letters", Register("newcomer", new string('é', 129)), CloseCode.PasswordInvalid),
        new("passwords of 8 and 256 bytes are good", async stage =>
        {
            foreach (int length in new[] { 8, 256 })
            {
                await using ScriptedPeer peer = await stage.Broker.ConnectAsync();
                Assert.That((await peer.SignInAsync(Register($"pass-{length}", new string('p', length)))).Name, Is.EqualTo($"pass-{length}"));
            }
        }),
        new("somebody else's session is not taken up", async stage =>
        {
            await using ScriptedPeer peer = await stage.Broker.ConnectAsync();
            Welcome welcome = await peer.SignInAsync(stage.Attacker.Welcome.Token!, stage.Witness.Welcome.Session);
            Assert.That(welcome.Resumed, Is.False);
            Assert.That(welcome.Session, Is.Not.EqualTo(stage.Witness.Welcome.Session));
        }),
    ];

    /// <summary>A name as test runners can list it.</summary>
    public static string Show(string name)
    {
        StringBuilder shown = new();
        foreach (char character in name)
        {
            _ = character is > ' ' and < '\u007f' ? shown.Append(character) : shown.Append(System.Globalization.CultureInfo.InvariantCulture, $"<{(int)character:x2}>");
        }

        return shown.Length == 0 ? "<empty>" : shown.ToString();
    }

    private static Hello Register(string name, string password = TestBroker.Password) => new() { Name = name, Password = password, Register = true };

    private static BadInput Field(string name, ControlMap map) =>
        BadInput.FromStranger($"Hello: {name}", RawFrame.ToBytes(FrameType.Hello, 0, map), CloseCode.BadFrame);

    private static async Task SameWordsAsync(BadInputStage stage)
    {
        List<string> reasons = [];
        foreach (string name in new[] { "witness", "nobody-at-all" })
        {
            await using ScriptedPeer peer = await stage.Broker.ConnectAsync();
            await peer.SendAsync(FrameType.Hello, 0, new Hello { Name = name, Password = "wrong password" }.ToMap());
            reasons.Add((await peer.ReceiveCloseAsync()).Reason);
        }

        Assert.That(reasons[0], Is.EqualTo(reasons[1]));
    }
}
