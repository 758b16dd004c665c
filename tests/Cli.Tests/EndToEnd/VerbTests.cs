using System.Text.Json;

using FastChat.TestSupport;

namespace FastChat.Cli.Tests;

/// <summary>The commands as people and scripts run them: real processes, a real broker.</summary>
[TestFixture]
[Platform("Linux")]
[FixtureLifeCycle(LifeCycle.SingleInstance)]
public sealed class VerbTests
{
    private TemporaryDirectory _directory = null!;
    private BrokerProcess _broker = null!;
    private CliRunner _cli = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _directory = new TemporaryDirectory("cli");
        string runtime = Directory.CreateDirectory(_directory.PathOf("runtime")).FullName;
        _broker = await BrokerProcess.StartAsync(new BrokerProcessOptions
        {
            DataDirectory = _directory.PathOf("data"),
            Environment = new Dictionary<string, string> { ["XDG_RUNTIME_DIR"] = runtime },
        });
        _cli = new CliRunner(_directory.PathOf("home"), _broker.Tcp.ToString(), runtime);
        await SucceedAsync("register", "ada");
        await SucceedAsync("register", "bob");
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _broker.DisposeAsync();
        _directory.Dispose();
    }

    [Test]
    public async Task WhatIsSentIsTailedAndStandsInHistory()
    {
        CliRun sent = await SucceedAsync("send", "#talk", "hello", "wörld \e[0m", "--user", "ada");
        Assert.That(sent.Last.GetProperty("sequence").GetUInt64(), Is.EqualTo(1));
        Assert.That(sent.Last.GetProperty("durability").GetString(), Is.EqualTo("fsynced"));

        CliRun lines = await _cli.RunAsync([.. "one\n\ntwo\r\n"u8, 0xFF, 0xFE], "send", "talk", "-", "--user", "bob");
        Assert.That(lines.ExitCode, Is.Zero, lines.Errors);
        Assert.That(lines.Lines.Select(line => line.GetProperty("sequence").GetUInt64()), Is.EqualTo(new ulong[] { 2, 3, 4, 5 }));

        CliRun tail = await SucceedAsync("tail", sent.Last.GetProperty("conversation").GetString()!, "--count", "5");
        Assert.That(tail.Lines.Select(line => line.GetProperty("text").GetString()), Is.EqualTo(new[] { "hello wörld \e[0m", "one", "", "two\r", "\uFFFD\uFFFD" }));
        Assert.That(tail.Lines.Select(line => line.GetProperty("sender").GetString()), Is.EqualTo(new[] { "ada", "bob", "bob", "bob", "bob" }));
        Assert.That(tail.Lines[4].GetProperty("kind").GetString(), Is.EqualTo("opaque"));
        Assert.That(tail.Lines[4].GetProperty("bytes").GetBytesFromBase64(), Is.EqualTo(new byte[] { 0xFF, 0xFE }));

        CliRun page = await SucceedAsync("history", "#talk", "--before", "4", "--limit", "2");
        Assert.That(page.Lines[..2].Select(line => line.GetProperty("sequence").GetUInt64()), Is.EqualTo(new ulong[] { 2, 3 }));
        Assert.That(page.Output, Does.EndWith("{\"complete\":false}\n"));
        Assert.That((await SucceedAsync("history", "#talk", "--after", "3")).Output, Does.EndWith("{\"complete\":true}\n"));
    }

    [Test]
    public async Task AGroupIsMadeFilledAndLeft()
    {
        JsonElement made = (await SucceedAsync("create", "crew", "--title", "The crew", "--user", "ada")).Last;
        Assert.That(made.GetProperty("kind").GetString(), Is.EqualTo("group"));
        Assert.That(made.GetProperty("created").GetBoolean(), Is.True);

        CliRun unknown = await _cli.RunAsync("history", "crew", "--user", "bob");
        Assert.That((unknown.ExitCode, unknown.Output), Is.EqualTo((ExitCodes.Failed, "")), "a group does not exist for those outside");

        Assert.That((await SucceedAsync("invite", "crew", "bob", "--user", "ada")).Last.GetProperty("added").GetInt32(), Is.EqualTo(1));
        Assert.That(
            (await SucceedAsync("members", "crew", "--user", "bob")).Lines.Select(line => (line.GetProperty("name").GetString(), line.GetProperty("role").GetString())),
            Is.EquivalentTo(new[] { ("ada", "owner"), ("bob", "member") }));
        Assert.That(
            (await SucceedAsync("conversations", "--user", "bob")).Lines.Select(line => line.GetProperty("title").GetString()), Has.One.EqualTo("The crew"));

        await SucceedAsync("leave", "crew", "--user", "bob");
        await SucceedAsync("invite", "crew", "bob", "--user", "ada");
        await SucceedAsync("kick", "crew", "bob", "--user", "ada");
        CliRun history = await SucceedAsync("history", "crew", "--user", "ada");
        Assert.That(
            history.Lines[..^1].Select(line => line.GetProperty("text").GetString()),
            Is.EqualTo(new[] { "ada added bob", "bob left", "ada added bob", "ada removed bob" }));
    }

    [Test]
    public async Task AProfileIsSetShownFoundAndBlocked()
    {
        CliRun set = await SucceedAsync("profile", "--display-name", "Ada L.", "--locale", "en-GB", "--field", "team=engines", "--field", "x=a=b", "--user", "ada");
        Assert.That(set.Last.GetProperty("display_name").GetString(), Is.EqualTo("Ada L."));
        Assert.That(set.Last.GetProperty("fields").GetRawText(), Is.EqualTo("""{"team":"engines","x":"a=b"}"""));
        await SucceedAsync("create", "acquainted", "--user", "ada");
        await SucceedAsync("invite", "acquainted", "bob", "--user", "ada");
        CliRun shown = await SucceedAsync("profile", "ada", "--user", "bob");
        Assert.That((shown.Last.GetProperty("version").GetUInt64(), shown.Last.GetProperty("avatar").ValueKind), Is.EqualTo((1ul, JsonValueKind.Null)));
        Assert.That((await SucceedAsync("users", "AD", "--user", "bob")).Last.GetProperty("name").GetString(), Is.EqualTo("ada"));

        Assert.That((await SucceedAsync("block", "bob", "--user", "ada")).Last.GetProperty("blocked").GetBoolean(), Is.True);
        Assert.That((await SucceedAsync("blocks", "--user", "ada")).Lines.Single().GetProperty("name").GetString(), Is.EqualTo("bob"));
        Assert.That((await _cli.RunAsync("profile", "ada", "--user", "bob")).ExitCode, Is.EqualTo(ExitCodes.Failed));
        Assert.That((await SucceedAsync("unblock", "bob", "--user", "ada")).Last.GetProperty("blocked").GetBoolean(), Is.False);
        Assert.That((await SucceedAsync("blocks", "--user", "ada")).Output, Is.Empty);

        CliRun wrong = await _cli.RunAsync("profile", "--locale", "not a locale", "--user", "ada");
        Assert.That((wrong.ExitCode, wrong.Output), Is.EqualTo((ExitCodes.Usage, "")));
        Assert.That((await _cli.RunAsync("profile", "bob", "--avatar", "x", "--user", "ada")).ExitCode, Is.EqualTo(ExitCodes.Usage));
    }

    [Test]
    public async Task AServiceIsMadeListedAndEnded()
    {
        await SucceedAsync("create", "alerts", "--user", "ada");
        JsonElement made = (await SucceedAsync("admin", "service", "create", "pager", "--right", "publish", "--right", "read", "--in", "alerts")).Last;
        Assert.That(made.GetProperty("token").GetString(), Does.StartWith("fc1_"));
        JsonElement listed = (await SucceedAsync("admin", "service", "list")).Lines.Single(line => line.GetProperty("name").GetString() == "pager");
        Assert.That(listed.GetProperty("rights").GetRawText(), Is.EqualTo("""["publish","read"]"""));
        Assert.That(listed.GetProperty("conversations").GetInt32(), Is.EqualTo(1));
        await SucceedAsync("admin", "service", "revoke", "pager");
        Assert.That((await SucceedAsync("admin", "service", "list")).Lines.Select(line => line.GetProperty("name").GetString()), Has.None.EqualTo("pager"));
        Assert.That((await _cli.RunAsync("admin", "service", "revoke", "pager")).ExitCode, Is.EqualTo(ExitCodes.Failed));
        Assert.That((await _cli.RunAsync("admin", "service", "create", "other", "--right", "everything")).ExitCode, Is.EqualTo(ExitCodes.Usage));
        Assert.That((await _cli.RunAsync("admin", "service", "list", "--user", "ada")).ExitCode, Is.EqualTo(ExitCodes.Failed), "an account that is named is meant");
    }

    [Test]
    public async Task AGroupLivesByInvitationsRolesAndLinks()
    {
        JsonElement made = (await SucceedAsync("create", "guild", "--topic", "swords", "--history", "joined", "--slow-mode", "5", "--user", "ada")).Last;
        Assert.That((made.GetProperty("topic").GetString(), made.GetProperty("history").GetString(), made.GetProperty("slow_mode").GetInt32()), Is.EqualTo(("swords", "joined", 5)));

        Assert.That((await SucceedAsync("invite", "guild", "bob", "--ask", "--user", "ada")).Last.GetProperty("changed").GetBoolean(), Is.True);
        Assert.That(
            (await SucceedAsync("conversations", "--user", "bob")).Lines.Single(line => line.GetProperty("name").GetString() == "guild").GetProperty("role").GetString(), Is.EqualTo("invited"));
        await SucceedAsync("accept", "guild", "--user", "bob");
        Assert.That((await SucceedAsync("accept", "guild", "--user", "bob")).Last.GetProperty("changed").GetBoolean(), Is.False, "once is enough");
        await SucceedAsync("role", "guild", "bob", "moderator", "--user", "ada");
        await SucceedAsync("rename", "guild", "The guild", "--user", "ada");
        await SucceedAsync("set", "guild", "--topic", "", "--slow-mode", "0", "--user", "ada");
        await SucceedAsync("mute", "guild", "bob", "--for", "10m", "--user", "ada");
        CliRun muted = await _cli.RunAsync("send", "guild", "x", "--user", "bob");
        Assert.That(muted.ExitCode, Is.EqualTo(ExitCodes.Failed));
        Assert.That(muted.Errors, Does.Contain("muted"));
        Assert.That((await SucceedAsync("members", "guild", "--user", "ada")).Output, Does.Contain("\"muted_until\":\"2"));
        await SucceedAsync("unmute", "guild", "bob", "--user", "ada");
        await SucceedAsync("ban", "guild", "bob", "--user", "ada");
        Assert.That((await _cli.RunAsync("history", "guild", "--user", "bob")).ExitCode, Is.EqualTo(ExitCodes.Failed));
        await SucceedAsync("unban", "guild", "bob", "--user", "ada");

        JsonElement link = (await SucceedAsync("link", "guild", "--uses", "1", "--for", "2h", "--role", "reader", "--user", "ada")).Last;
        Assert.That((await SucceedAsync("join", link.GetProperty("link").GetString()!, "--user", "bob")).Last.GetProperty("changed").GetBoolean(), Is.True);
        JsonElement listed = (await SucceedAsync("links", "guild", "--user", "ada")).Last;
        Assert.That((listed.GetProperty("uses_left").GetInt32(), listed.GetProperty("expired").GetBoolean(), listed.GetProperty("creator").GetString()), Is.EqualTo((0, true, "ada")));
        Assert.That((await SucceedAsync("unlink", "guild", listed.GetProperty("id").GetString()!, "--user", "ada")).Last.GetProperty("changed").GetBoolean(), Is.True);
        await SucceedAsync("set", "guild", "--archived", "true", "--user", "ada");

        CliRun history = await SucceedAsync("history", "guild", "--user", "ada");
        string[] sentences = [.. history.Lines[..^1].Select(line => line.GetProperty("text").GetString()!)];
        string[] wanted =
        [
            "ada invited bob", "bob joined", "bob is a moderator who may write, says ada", "ada changed the title to \"The guild\"", "ada took the topic away and switched slow mode off",
            "ada muted bob until ",
            "bob is a moderator who may write, says ada", "bob was banned by ada", "bob is neither invited nor banned any more, says ada", "bob joined", "ada archived the conversation",
        ];
        Assert.That(sentences, Has.Length.EqualTo(wanted.Length));
        Assert.That(sentences.Zip(wanted, static (sentence, start) => sentence.StartsWith(start, StringComparison.Ordinal)), Is.All.True, string.Join('\n', sentences));
    }

    [Test]
    public async Task MessagesAreAnsweredChangedAndReadAndTheInboxSaysSo()
    {
        await SucceedAsync("create", "gossip", "--kind", "group", "--user", "ada");
        await SucceedAsync("invite", "gossip", "bob", "--user", "ada");
        await SucceedAsync("send", "gossip", "helo", "--user", "ada");
        Assert.That((await SucceedAsync("edit", "gossip", "2", "hello", "there", "--user", "ada")).Last.GetProperty("target").GetUInt64(), Is.EqualTo(2));
        await SucceedAsync("react", "gossip", "2", "👍", "--user", "bob");
        await SucceedAsync("react", "gossip", "2", "👍", "--remove", "--user", "bob");
        await SucceedAsync("reply", "gossip", "2", "hi", "--user", "bob");
        await SucceedAsync("pin", "gossip", "2", "--user", "ada");
        await SucceedAsync("unpin", "gossip", "2", "--user", "ada");
        JsonElement waiting = (await SucceedAsync("inbox", "--user", "ada")).Lines.Single(line => line.GetProperty("name").GetString() == "gossip");
        Assert.That((waiting.GetProperty("unread").GetInt32(), waiting.GetProperty("text").GetString()), Is.EqualTo((1, "hi")));
        Assert.That((await SucceedAsync("mark-read", "gossip", "--user", "ada")).Last.GetProperty("read").GetUInt64(), Is.EqualTo(8));
        Assert.That((await SucceedAsync("inbox", "--limit", "1", "--user", "ada")).Last.GetProperty("unread").GetInt32(), Is.Zero);
        await SucceedAsync("delete", "gossip", "2", "--user", "ada");
        Assert.That((await _cli.RunAsync("edit", "gossip", "2", "x", "--user", "ada")).ExitCode, Is.EqualTo(ExitCodes.Failed));
    }

    [Test]
    public async Task AChannelIsJoinedAndADirectConversationFound()
    {
        await SucceedAsync("create", "news", "--kind", "channel", "--user", "ada");
        Assert.That((await SucceedAsync("join", "#news", "--user", "bob")).Last.GetProperty("user").GetString(), Is.EqualTo("bob"));
        Assert.That((await _cli.RunAsync("send", "#news", "x", "--user", "bob")).ExitCode, Is.EqualTo(ExitCodes.Failed), "readers do not write");

        JsonElement one = (await SucceedAsync("direct", "bob", "--user", "ada")).Last;
        JsonElement other = (await SucceedAsync("direct", "ada", "--user", "bob")).Last;
        Assert.That(other.GetProperty("conversation").GetString(), Is.EqualTo(one.GetProperty("conversation").GetString()));
        Assert.That((one.GetProperty("created").GetBoolean(), other.GetProperty("created").GetBoolean()), Is.EqualTo((true, false)));
        Assert.That(
            (await SucceedAsync("conversations", "--user", "bob")).Lines.Single(line => line.GetProperty("kind").GetString() == "direct").GetProperty("peer_name").GetString(), Is.EqualTo("ada"));
    }

    [Test]
    public async Task SigningInAgainKeepsTheDevice()
    {
        JsonElement registered = (await SucceedAsync("register", "carol")).Last;
        JsonElement again = (await SucceedAsync("login", "carol")).Last;

        Assert.That(again.GetProperty("device").GetString(), Is.EqualTo(registered.GetProperty("device").GetString()));
        Assert.That((await _cli.RunAsync("register", "carol")).Errors, Is.EqualTo("fastchat register: the name carol is taken\n"));
    }

    [TestCase(ExitCodes.Usage)]
    [TestCase(ExitCodes.Usage, "nonsense")]
    [TestCase(ExitCodes.Usage, "send", "#talk")]
    [TestCase(ExitCodes.Usage, "send", "no name", "x")]
    [TestCase(ExitCodes.Usage, "tail", "#talk", "--from", "last")]
    [TestCase(ExitCodes.Usage, "tail", "#talk", "--count", "0")]
    [TestCase(ExitCodes.Usage, "history", "#talk", "--before", "1", "--after", "1")]
    [TestCase(ExitCodes.Usage, "history", "#talk", "--limit", "-1")]
    [TestCase(ExitCodes.Usage, "send", "#talk", "x", "--server", "host:port")]
    [TestCase(ExitCodes.Usage, "decode", "xyz")]
    [TestCase(ExitCodes.Usage, "set", "#talk")]
    [TestCase(ExitCodes.Usage, "set", "#talk", "--slow-mode", "21601")]
    [TestCase(ExitCodes.Usage, "role", "#talk", "bob", "king")]
    [TestCase(ExitCodes.Usage, "mute", "#talk", "bob", "--for", "1w")]
    [TestCase(ExitCodes.Usage, "create", "x", "--kind", "direct")]
    [TestCase(ExitCodes.Usage, "create", "--kind", "channel")]
    [TestCase(ExitCodes.Usage, "unlink", "#talk", "7")]
    [TestCase(ExitCodes.Usage, "register", "no good name")]
    [TestCase(ExitCodes.Failed, "send", "#talk", "x", "--server", "127.0.0.1:1", "--user", "ada")]
    [TestCase(ExitCodes.Failed, "history", "#nowhere")]
    [TestCase(ExitCodes.Failed, "login", "stranger")]
    [TestCase(ExitCodes.Failed, "replay", "no-such-file.txt")]
    [TestCase(ExitCodes.Failed, "verify", "--data", "no-such-directory")]
    public async Task FailuresAreOneLineAndAnExitCode(int exitCode, params string[] arguments)
    {
        CliRun run = await _cli.RunAsync(arguments);

        Assert.That(run.ExitCode, Is.EqualTo(exitCode), run.Errors);
        Assert.That(run.Output, Is.Empty);
        Assert.That(run.Errors, Does.StartWith("fastchat").And.EndsWith("\n"));
        Assert.That(run.Errors.TrimEnd('\n'), Does.Not.Contain("\n"), "one line");
    }

    [Test]
    public async Task ChatWithoutATerminalIsLinesInAndLinesOut()
    {
        CliRun chat = await _cli.RunAsync("first\nsecond\n"u8.ToArray(), "chat", "#plain", "--user", "ada");

        Assert.That(chat.ExitCode, Is.Zero, chat.Errors);
        Assert.That((await SucceedAsync("history", "#plain")).Lines[..^1].Select(line => line.GetProperty("text").GetString()), Is.EqualTo(new[] { "first", "second" }));
    }

    [Test]
    public async Task ChatOnATerminalSendsAndPutsTheTerminalBack()
    {
        string command = $"(sleep 2; printf 'hi from a tty\\r'; sleep 2; printf '/quit\\r'; sleep 1) | script -qec \"dotnet {CliRunner.Assembly} chat '#tty' --user ada; stty -a\" /dev/null";
        CliRun chat = await _cli.RunProgramAsync("bash", [], ["-c", command]);

        Assert.That(chat.Output, Does.Contain("\e[?1049h").And.Contain("\e[?1049l"), chat.Errors);
        Assert.That(chat.Output[chat.Output.LastIndexOf("\e[?1049l", StringComparison.Ordinal)..], Does.Contain(" icanon").And.Contain(" echo "), "the terminal is as it was");
        Assert.That((await SucceedAsync("history", "#tty")).Lines[..^1].Select(line => line.GetProperty("text").GetString()), Is.EqualTo(new[] { "hi from a tty" }));
    }

    [Test]
    public async Task AReplayIsVerifiedRepeatableAndKeepsEveryByte()
    {
        string log = _directory.PathOf("2004-11-15.raw.txt");
        await File.WriteAllBytesAsync(log, [.. "[10:00] <ada> hi\n=== x has joined\n[10:01] <bur[n] er> caf"u8, 0xE9, .. "\r\n[10:01] <ada>\n[10:01] <a"u8, 0xFF, .. "> who?\n[10:01] <ada> hi\n"u8]);

        CliRun first = await SucceedAsync("replay", log, "--prefix", "irc-", "--verify");
        CliRun second = await SucceedAsync("replay", log, "--prefix", "irc-", "--verify", "--connections", "1");

        string expected = "\"files\":1,\"users\":3,\"messages\":5,\"acked\":5,\"verified\":5,\"lost\":0,\"duplicated\":0,\"reordered\":0,\"seconds\":";
        Assert.That(first.Output, Does.Contain(expected));
        Assert.That(second.Output, Does.Contain(expected));
        JsonElement[] history = [.. (await SucceedAsync("history", "#irc-2004-11-15", "--user", "ada")).Lines[..^1]];
        Assert.That(history.Select(line => line.GetProperty("sender").GetString()), Is.EqualTo(new[] { "ada", "bur[n] er", "ada", "␛a%FF", "ada" }));
        Assert.That(history[1].GetProperty("bytes").GetBytesFromBase64(), Is.EqualTo("caf"u8.ToArray().Concat(new byte[] { 0xE9, 0x0D })));
        Assert.That(history[0].GetProperty("via").GetString(), Is.Not.Null.And.Not.EqualTo("ada"));
    }

    [Test]
    public async Task AReplayNeedsTheOperatorsRight()
    {
        string log = _directory.PathOf("right.txt");
        await File.WriteAllTextAsync(log, "[10:00] <x> y\n");

        CliRun run = await _cli.RunAsync("replay", log, "--user", "bob");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCodes.Failed));
        Assert.That(run.Errors, Does.Contain("bob may not import users"));
    }

    private async Task<CliRun> SucceedAsync(params string[] arguments)
    {
        CliRun run = await _cli.RunAsync(arguments);
        Assert.That(run.ExitCode, Is.Zero, $"{string.Join(' ', arguments)}: {run.Errors}");
        return run;
    }
}
