using System.Diagnostics;
using System.Text.Json;

using FastChat.TestSupport;

namespace FastChat.Cli.Tests;

/// <summary>People at terminals, on a real broker: what one does, the other one sees.</summary>
[TestFixture]
[Platform("Linux")]
[FixtureLifeCycle(LifeCycle.SingleInstance)]
public sealed class ChatTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private TemporaryDirectory _directory = null!;
    private BrokerProcess _broker = null!;
    private CliRunner _cli = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _directory = new TemporaryDirectory("chat");
        string runtime = Directory.CreateDirectory(_directory.PathOf("runtime")).FullName;
        _broker = await BrokerProcess.StartAsync(new BrokerProcessOptions
        {
            DataDirectory = _directory.PathOf("data"),
            Environment = new Dictionary<string, string> { ["XDG_RUNTIME_DIR"] = runtime },
        });
        _cli = new CliRunner(_directory.PathOf("home"), _broker.Tcp.ToString(), runtime);
        await SucceedAsync("register", "ada");
        await SucceedAsync("register", "ben");
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _broker.DisposeAsync();
        _directory.Dispose();
    }

    [Test]
    public async Task TwoPeopleChatTypeAnswerReactAndEditAndOneComesBackToWhatIsUnread()
    {
        await using ChatTerminal ada = ChatTerminal.Start(_cli, "'#pier' --user ada");
        await ada.SeeAsync("#pier", "ada ›");
        ChatTerminal ben = ChatTerminal.Start(_cli, "'#pier' --user ben", columns: 60, rows: 20);
        await using (ben)
        {
            await ada.SeeAsync("ben joined", "● 2 of 2 online");
            await ben.SeeAsync("● 2 of 2 online");

            await ben.TypeAsync("helo");
            await ada.SeeAsync("ben is typing…");
            await ben.TypeAsync("\r");
            await ada.UntilAsync(
                static screen => screen.Contains("ben  helo", StringComparison.Ordinal) && !screen.Contains("typing", StringComparison.Ordinal), "for the message in place of the typing line");

            await ada.TypeAsync("/react 👍\r");
            await ben.SeeAsync(" 👍 1");
            await ada.SeeAsync("[👍 1]");
            await ben.TypeAsync("/edit hello there\r");
            await ada.SeeAsync("ben  hello there (edited)");
            await ada.TypeAsync("/reply welcome\r");
            await ben.SeeAsync("↱ ben: hello there", "ada  welcome");
            await ada.TypeAsync("oops\r");
            await ben.SeeAsync("ada  oops");
            await ada.TypeAsync("/del\t\r");
            await ben.SeeAsync("ada  message deleted");
            await ben.TypeAsync("\e[1;5A\e[1;5A");
            await ben.SeeAsync("▶ben  hello there", "r reply");
            await ben.TypeAsync("t");
            await ben.SeeAsync("thread in #pier");
            await ben.TypeAsync("between us\r");
            await ada.SeeAsync("1 reply in thread", "┆ thread of ben: hello there", "ben  between us");
            await ben.TypeAsync("/quit\r");
            await ben.EndAsync();
        }

        await ada.TypeAsync("one more thing\r@ben, are you there?\r");
        await ada.SeeAsync("are you there?");
        await using ChatTerminal back = ChatTerminal.Start(_cli, "'#elsewhere' --user ben");
        await back.SeeAsync("#pier (2 @1)");
        await back.TypeAsync("/next\r");
        await back.SeeAsync(" new messages ", "ada  one more thing", "┃ada  @ben, are you there?");
        string[] rows = back.Text.Split('\n');
        int line = Array.FindIndex(rows, static row => row.Contains("new messages", StringComparison.Ordinal));
        Assert.That(rows[line + 1], Does.EndWith("one more thing"));
        Assert.That(rows, Has.None.Contains("(2 @1)"));
        await back.TypeAsync("/quit\r");
        await back.EndAsync();

        JsonElement pier = (await SucceedAsync("inbox", "--user", "ben")).Lines.Single(static line => line.GetProperty("name").GetString() == "pier");
        Assert.That((pier.GetProperty("unread").GetInt32(), pier.GetProperty("mentions").GetInt32()), Is.EqualTo((0, 0)), "the broker knows what was seen here");
    }

    [Test]
    public async Task WhatIsReadOnOneDeviceIsReadOnTheOther()
    {
        await SucceedAsync("create", "twice", "--user", "ada");
        await SucceedAsync("invite", "twice", "ben", "--user", "ada");
        await using ChatTerminal here = ChatTerminal.Start(_cli, "'#here' --user ben", columns: 160);
        await here.SeeAsync("#twice");
        await SucceedAsync("send", "twice", "first", "--user", "ada");
        await here.SeeAsync("#twice (1)");
        await using ChatTerminal sender = ChatTerminal.Start(_cli, "twice --user ada");
        await sender.SeeAsync("ada  first");
        await SucceedAsync("mark-read", "twice", "--user", "ben");
        await sender.SeeAsync("seen by ben");
        await here.UntilAsync(
            static screen => screen.Contains("#twice", StringComparison.Ordinal) && !screen.Contains("#twice (", StringComparison.Ordinal), "for the other device's reading to show");
    }

    [Test]
    public async Task PresenceIsListedAndFollowed()
    {
        await SucceedAsync("create", "watched", "--user", "ada");
        await SucceedAsync("invite", "watched", "ben", "--user", "ada");
        await SucceedAsync("presence", "--set", "dnd", "--status", "on stage", "--user", "ben");
        Assert.That((await SucceedAsync("presence", "--user", "ben")).Last.GetProperty("availability").GetString(), Is.EqualTo("dnd"));

        using Process following = _cli.Begin("dotnet", [CliRunner.Assembly, "presence", "watched", "--follow", "--user", "ada"]);
        try
        {
            // ben was here a moment ago, so he is for some seconds more: the first two lines are all members, in some order.
            JsonElement[] first = [await NextAsync(following), await NextAsync(following)];
            JsonElement ben = first.Single(static line => line.GetProperty("name").GetString() == "ben");
            Assert.That((ben.GetProperty("availability").GetString(), ben.GetProperty("status").GetString()), Is.EqualTo(("dnd", "on stage")));
            await SucceedAsync("presence", "--set", "online", "--status", "", "--user", "ben");
            JsonElement changed;
            do
            {
                changed = await NextAsync(following);
            }
            while (changed.GetProperty("name").GetString() != "ben");

            Assert.That((changed.GetProperty("availability").GetString(), changed.TryGetProperty("status", out _)), Is.EqualTo(("online", false)));
        }
        finally
        {
            following.Kill(entireProcessTree: true);
        }

        CliRun outside = await _cli.RunAsync("presence", "#nowhere", "--user", "ada");
        Assert.That(outside.ExitCode, Is.EqualTo(ExitCodes.Failed));
    }

    [Test]
    public async Task TypingIsFollowed()
    {
        await SucceedAsync("send", "#keys", "x", "--user", "ada");
        using Process following = _cli.Begin("dotnet", [CliRunner.Assembly, "typing", "#keys", "--user", "ada"]);
        try
        {
            // A signal is lost for who is not subscribed yet: it is said again until it is heard.
            Task<JsonElement> heard = NextAsync(following);
            while (!heard.IsCompleted)
            {
                await SucceedAsync("typing", "#keys", "--say", "recording", "--user", "ben");
            }

            JsonElement line = await heard;
            Assert.That((line.GetProperty("name").GetString(), line.GetProperty("state").GetString()), Is.EqualTo(("ben", "recording")));
        }
        finally
        {
            following.Kill(entireProcessTree: true);
        }
    }

    [Test]
    public async Task AThreadIsSaidListedPinnedForwardedAndToldOf()
    {
        await SucceedAsync("create", "deck", "--user", "ada");
        await SucceedAsync("invite", "deck", "ben", "--user", "ada");
        await SucceedAsync("send", "deck", "the", "tide", "--mention", "ben", "--user", "ada");
        ulong said = (await SucceedAsync("thread", "deck", "2", "at", "six", "--user", "ben")).Last.GetProperty("sequence").GetUInt64();
        JsonElement listed = (await SucceedAsync("thread", "deck", "2", "--user", "ada")).Lines.Single();
        Assert.That((listed.GetProperty("sequence").GetUInt64(), listed.GetProperty("text").GetString(), listed.GetProperty("thread").GetUInt64()), Is.EqualTo((said, "at six", 2ul)));

        await SucceedAsync("react", "deck", "2", "👍", "--user", "ben");
        JsonElement described = (await SucceedAsync("conversations", "deck", "--user", "ben")).Lines.Single();
        Assert.That((described.GetProperty("name").GetString(), described.GetProperty("role").GetString(), described.GetProperty("head").GetUInt64()), Is.EqualTo(("deck", "member", 4ul)));
        await SucceedAsync("pin", "deck", "2", "--user", "ada");
        Assert.That((await SucceedAsync("pins", "deck", "--user", "ben")).Lines.Single().GetProperty("text").GetString(), Is.EqualTo("the tide"));
        JsonElement marks = (await SucceedAsync("annotations", "deck", "--user", "ben")).Lines.Single();
        Assert.That(marks.GetProperty("in_thread").GetUInt64(), Is.EqualTo(1));
        JsonElement reaction = marks.GetProperty("reactions").EnumerateArray().Single();
        Assert.That((reaction.GetProperty("reaction").GetString(), reaction.GetProperty("count").GetInt32(), reaction.GetProperty("own").GetBoolean()), Is.EqualTo(("👍", 1, true)));
        Assert.That((await SucceedAsync("annotations", "deck", "--from", "3", "--user", "ben")).Output, Is.Empty);

        string original = listed.GetProperty("conversation").GetString()!;
        JsonElement forwarded = (await SucceedAsync("forward", "deck", "2", "@ben", "--user", "ada")).Last;
        JsonElement arrived = (await SucceedAsync("history", forwarded.GetProperty("conversation").GetString()!, "--user", "ben")).Lines[0].GetProperty("forwarded");
        Assert.That((arrived.GetProperty("conversation").GetString(), arrived.GetProperty("sequence").GetUInt64()), Is.EqualTo((original, 2ul)));

        await SucceedAsync("mark-read", "deck", "--user", "ben");
        JsonElement cursor = (await SucceedAsync("cursors", "deck", "--user", "ada")).Lines.Single(static line => line.GetProperty("name").GetString() == "ben");
        Assert.That(cursor.GetProperty("read").GetUInt64(), Is.GreaterThanOrEqualTo(said));
        CliRun many = await _cli.RunAsync("x\n"u8.ToArray(), "send", "deck", "-", "--mention", "ben", "--user", "ada");
        Assert.That(many.ExitCode, Is.EqualTo(ExitCodes.Usage));
    }

    private static async Task<JsonElement> NextAsync(Process process)
    {
        string? line = await process.StandardOutput.ReadLineAsync().WaitAsync(Patience);
        return JsonDocument.Parse(line ?? throw new AssertionException("the output has ended")).RootElement;
    }

    private async Task<CliRun> SucceedAsync(params string[] arguments)
    {
        CliRun run = await _cli.RunAsync(arguments);
        Assert.That(run.ExitCode, Is.Zero, $"{string.Join(' ', arguments)}: {run.Errors}");
        return run;
    }
}
