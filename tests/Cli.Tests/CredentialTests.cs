using System.Runtime.Versioning;

namespace FastChat.Cli.Tests;

[TestFixture]
[Platform("Linux")]
[SupportedOSPlatform("linux")]
public sealed class CredentialTests
{
    private static readonly ServerAddress Server = ServerAddress.Parse("localhost:7400");

    private string _root = null!;

    [SetUp]
    public void MakeRoot() => _root = Directory.CreateTempSubdirectory("fastchat-cli-").FullName;

    [TearDown]
    public void RemoveRoot() => Directory.Delete(_root, recursive: true);

    [Test]
    public void OnlyTheOwnerMayReadWhatIsKept()
    {
        string directory = Path.Combine(_root, "config", "fastchat");
        CredentialStore store = new(directory);
        store.Save(Server, new Credential("ada", "secret", 5));

        Assert.That(File.GetUnixFileMode(directory), Is.EqualTo(PrivateFile.DirectoryMode));
        Assert.That(File.GetUnixFileMode(store.PathOf(Server)), Is.EqualTo(PrivateFile.FileMode));
        Assert.That(Directory.GetFiles(directory), Has.Length.EqualTo(1), "no temporary file stays behind");
    }

    [Test]
    public void ADirectoryThatOthersMayReadIsClosed()
    {
        Directory.CreateDirectory(_root, PrivateFile.DirectoryMode | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        File.SetUnixFileMode(_root, PrivateFile.DirectoryMode | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);

        new CredentialStore(_root).Save(Server, new Credential("ada", "secret", 5));

        Assert.That(File.GetUnixFileMode(_root), Is.EqualTo(PrivateFile.DirectoryMode));
    }

    [Test]
    public void UsersAndServersAreKeptApart()
    {
        CredentialStore store = new(_root);
        ServerAddress other = ServerAddress.Parse("localhost:7401");
        store.Save(Server, new Credential("Ada", "a", ulong.MaxValue));
        store.Save(Server, new Credential("bob", "b", 2));
        store.Save(other, new Credential("carol", "c", 3));

        Assert.That(store.Find(Server, null)?.User, Is.EqualTo("bob"), "the last one that signed in");
        Assert.That(store.Find(Server, "ada"), Is.EqualTo(new Credential("Ada", "a", ulong.MaxValue)));
        Assert.That(store.Find(Server, "carol"), Is.Null);
        Assert.That(store.Find(other, null)?.User, Is.EqualTo("carol"));

        store.Save(Server, new Credential("ADA", "a2", 1));
        Assert.That(store.Find(Server, "ada")?.Token, Is.EqualTo("a2"), "a later sign-in replaces the earlier");
        store.Forget(Server, "ada");
        Assert.That(store.Find(Server, "ada"), Is.Null);
        Assert.That(store.Find(Server, "bob"), Is.Not.Null);
    }

    [Test]
    public void ATornFileIsSaidAndNotOverlooked()
    {
        CredentialStore store = new(_root);
        File.WriteAllText(store.PathOf(Server), "{\"users\":");

        Assert.That(() => store.Find(Server, null), Throws.TypeOf<CliException>().With.Message.Contains("cannot be read"));
    }

    [Test]
    public void TheFolderFollowsTheEnvironment()
    {
        string Directory(params (string Name, string Value)[] variables) =>
            CredentialStore.DefaultDirectory(name => variables.FirstOrDefault(variable => variable.Name == name).Value);

        Assert.That(Directory(("FASTCHAT_HOME", "/a"), ("XDG_CONFIG_HOME", "/b"), ("HOME", "/c")), Is.EqualTo("/a"));
        Assert.That(Directory(("XDG_CONFIG_HOME", "/b"), ("HOME", "/c")), Is.EqualTo("/b/fastchat"));
        Assert.That(Directory(("XDG_CONFIG_HOME", "relative"), ("HOME", "/c")), Is.EqualTo("/c/.config/fastchat"));
    }

    [Test]
    public void TheOperatorTokenIsFoundThroughTheRunningBroker()
    {
        string data = MakeData("data", "operator-secret");
        string runtime = RunningServer.RuntimeDirectory(Runtime);
        Directory.CreateDirectory(runtime, PrivateFile.DirectoryMode);
        File.WriteAllText(Path.Combine(runtime, "7400.json"), $"{{\"tcp\":\"127.0.0.1:7400\",\"data\":\"{data}\",\"pid\":1}}");

        Assert.That(RunningServer.FindOperatorToken(Server, null, Runtime), Is.EqualTo("operator-secret"));
        Assert.That(RunningServer.FindData(7401, Runtime), Is.Null);
        Assert.That(RunningServer.FindOperatorToken(ServerAddress.Parse("chat.example:7400"), null, Runtime), Is.Null, "another machine's broker is none of ours");
        Assert.That(RunningServer.FindOperatorToken(Server, MakeData("named", "other"), Runtime), Is.EqualTo("other"), "--data wins");
        Assert.That(() => RunningServer.FindOperatorToken(Server, _root, Runtime), Throws.TypeOf<CliException>().With.Message.Contains("operator.token"));
    }

    [Test]
    public void ARuntimeDirectoryThatOthersMayWriteIsNotBelieved()
    {
        string runtime = RunningServer.RuntimeDirectory(Runtime);
        Directory.CreateDirectory(runtime);
        File.SetUnixFileMode(runtime, PrivateFile.DirectoryMode | UnixFileMode.OtherWrite);
        File.WriteAllText(Path.Combine(runtime, "7400.json"), $"{{\"data\":\"{MakeData("data", "x")}\"}}");

        Assert.That(RunningServer.FindData(7400, Runtime), Is.Null);
    }

    [TestCase("127.0.0.1:7400", "127.0.0.1", 7400)]
    [TestCase("Example.ORG:9", "Example.ORG", 9)]
    [TestCase("example.org", "example.org", 7400)]
    [TestCase("[::1]:8000", "::1", 8000)]
    [TestCase("ws://host:7480/ws", "host", 7480)]
    [TestCase("tls://host:7443", "host", 7443)]
    [TestCase("unix:/run/fastchat.sock", "/run/fastchat.sock", 0)]
    public void AddressesAreRead(string text, string host, int port)
    {
        ServerAddress address = ServerAddress.Parse(text);

        Assert.That((address.Host, address.Port), Is.EqualTo((host, port)));
    }

    [TestCase("")]
    [TestCase("host:")]
    [TestCase("host:0")]
    [TestCase("host:70000")]
    [TestCase("http://host")]
    [TestCase("unix:")]
    public void OtherAddressesAreWrongUsage(string text) =>
        Assert.That(() => ServerAddress.Parse(text), Throws.TypeOf<CliException>().With.Property("ExitCode").EqualTo(ExitCodes.Usage));

    [TestCase("secret\n", "secret")]
    [TestCase("secret\r\n", "secret")]
    [TestCase(" two words \n\n", " two words \n")]
    [TestCase("secret", "secret")]
    public void APasswordFilesLastLineBreakDoesNotCount(string content, string password)
    {
        string file = Path.Combine(_root, "password");
        File.WriteAllText(file, content);

        Assert.That(Password.Obtain("ada", file, environment: "ignored", confirm: true), Is.EqualTo(password));
    }

    private string MakeData(string name, string token)
    {
        string data = Directory.CreateDirectory(Path.Combine(_root, name)).FullName;
        File.WriteAllText(Path.Combine(data, "operator.token"), token + "\n");
        return data;
    }

    private string? Runtime(string variable) => variable == "XDG_RUNTIME_DIR" ? _root : null;
}
