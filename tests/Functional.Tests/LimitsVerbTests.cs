using System.Text.Json;
using System.Text.Json.Nodes;

namespace FastChat.Functional.Tests;

/// <summary>Limits that change while the broker runs: by an operator's command until it ends, and by the settings file on SIGHUP; both are in the audit log with what was before.</summary>
public sealed class LimitsVerbTests
{
    [Test]
    public async Task An_operator_sees_and_changes_them_and_a_restart_forgets()
    {
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["limit_publishes_per_second"] = 500 });
        await using SignedInPeer ada = await broker.RegisterAsync("ada");
        ConversationId room = (await ada.OpenAsync("room")).Conversation;
        JsonElement limits = (await LimitsAsync(broker)).Last;
        Assert.That(limits.EnumerateObject().Count(), Is.EqualTo(15));
        Assert.That(limits.GetProperty("limit_publishes_per_second").GetDouble(), Is.EqualTo(500));
        Assert.That(limits.GetProperty("limit_trusted").EnumerateArray().Select(network => network.GetString()), Is.EqualTo(new[] { "127.0.0.0/8", "::1/128" }));

        CliResult changed = await LimitsAsync(broker, "limit_publishes_per_second=0.5", "limit_burst_seconds=2", "limit_trusted=10.0.0.0/8,192.168.0.0/16");
        Assert.That(changed.ExitCode, Is.Zero, changed.ToString());
        Assert.That(changed.Error, Does.Contain("until the broker ends"));
        Assert.That(changed.Last.GetProperty("limit_publishes_per_second").GetDouble(), Is.EqualTo(0.5));
        Assert.That(changed.Last.GetProperty("limit_trusted").GetArrayLength(), Is.EqualTo(2));

        // Whoever is connected already is held to them: one message at once, half of one a second.
        Assert.That((await ada.TryPublishAsync(room, "1"u8.ToArray())).Type, Is.EqualTo(FrameType.Published));
        Assert.That((await ada.TryPublishAsync(room, "2"u8.ToArray())).ToFailure().Code, Is.EqualTo((ushort)ErrorCode.RateLimited));

        CliResult wrong = await LimitsAsync(broker, "limit_publishes_per_second=5", "limit_burst_seconds=0");
        Assert.That(wrong.ExitCode, Is.EqualTo(1));
        Assert.That(wrong.Error, Does.Contain("limit_burst_seconds"));
        Assert.That((await LimitsAsync(broker)).Last.GetProperty("limit_publishes_per_second").GetDouble(), Is.EqualTo(0.5), "all or nothing");
        Assert.That((await LimitsAsync(broker, "nonsense")).ExitCode, Is.EqualTo(2));

        CliResult audit = await CliProcess.RunAsync(broker.Directory.Path, "admin", "audit", "--data", broker.Process.DataDirectory, "--act", "settings_changed");
        JsonElement line = audit.Lines.First(line => line.TryGetProperty("act", out JsonElement act) && act.GetString() == "settings_changed");
        Assert.That(line.GetProperty("detail").GetString(), Is.EqualTo("limit_trusted [127.0.0.0/8,::1/128] -> [10.0.0.0/8,192.168.0.0/16]; limit_burst_seconds 10 -> 2; limit_publishes_per_second 500 -> 0.5"));
        Assert.That(line.GetProperty("from").GetString(), Is.EqualTo("127.0.0.1"));
        Assert.That(line.GetProperty("user").GetString(), Has.Length.EqualTo(32));

        await broker.Process.RestartAsync();
        Assert.That((await LimitsAsync(broker)).Last.GetProperty("limit_publishes_per_second").GetDouble(), Is.EqualTo(500));
    }

    [Test]
    [Platform("Linux")]
    public async Task The_settings_file_is_read_again_on_SIGHUP_and_a_wrong_one_changes_nothing()
    {
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["limit_publishes_per_second"] = 500 });
        string file = broker.Directory.PathOf("config.json");
        Assert.That((await LimitsAsync(broker, "limit_wrong_passwords=7")).ToString(), Does.Contain("\"limit_wrong_passwords\":7,"));
        await File.WriteAllTextAsync(file, """{ "limit_publishes_per_second": 300, "limits": true, "connections_max": 99 }""");
        broker.Process.HangUp();
        await WaitForAsync(broker, "limit_publishes_per_second", 300);
        JsonElement limits = (await LimitsAsync(broker)).Last;
        Assert.That(limits.GetProperty("limit_wrong_passwords").GetDouble(), Is.EqualTo(20), "the file is what holds, whatever was set meanwhile");
        Assert.That(broker.Process.StandardError, Does.Contain("take a restart: ConnectionsMax").IgnoreCase.Or.Contain("take a restart: connections_max"));

        foreach (string wrong in new[] { """{ "limit_publishes_per_second": -1 }""", """{ "limit_publishes_per_second": 1, "shards": 0 }""", """{ "limit_nonsense": 1 }""", "{", "" })
        {
            int before = Count(broker.Process.StandardError, "cannot be used; everything stays");
            await File.WriteAllTextAsync(file, wrong);
            broker.Process.HangUp();
            await WaitAsync(() => Count(broker.Process.StandardError, "cannot be used; everything stays") > before);
            Assert.That((await LimitsAsync(broker)).Last.GetProperty("limit_publishes_per_second").GetDouble(), Is.EqualTo(300), wrong);
        }

        await broker.Process.TerminateAsync();
        string audit = await File.ReadAllTextAsync(Directory.GetFiles(Path.Combine(broker.Process.DataDirectory, "audit")).Single());
        Assert.That(Count(audit, "\"act\":\"settings_changed\""), Is.EqualTo(2));
        Assert.That(audit, Does.Contain("\"act\":\"settings_refused\"").And.Contain("\"detail\":\"settings_file\""));
    }

    [Test]
    [Platform("Linux")]
    public async Task Without_a_settings_file_SIGHUP_leaves_them_as_they_are()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        Assert.That((await LimitsAsync(broker, "limit_wrong_passwords=7")).ToString(), Does.Contain("\"limit_wrong_passwords\":7,"));
        broker.Process.HangUp();
        await Task.Delay(300);
        Assert.That((await LimitsAsync(broker)).Last.GetProperty("limit_wrong_passwords").GetDouble(), Is.EqualTo(7));
    }

    private static Task<CliResult> LimitsAsync(TestBroker broker, params string[] changes) => CliProcess.RunAsync(
        broker.Directory.Path, ["admin", "limits", .. changes, "--data", broker.Process.DataDirectory, "--server", broker.Process.Tcp.ToString(), "--json"]);

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    private static Task WaitForAsync(TestBroker broker, string name, double value) =>
        WaitAsync(async () => (await LimitsAsync(broker)).Last.GetProperty(name).GetDouble() == value);

    private static Task WaitAsync(Func<bool> holds) => WaitAsync(() => Task.FromResult(holds()));

    private static async Task WaitAsync(Func<Task<bool>> holds)
    {
        for (int attempt = 0; !await holds(); attempt++)
        {
            Assert.That(attempt, Is.LessThan(200), "it did not come");
            await Task.Delay(100);
        }
    }
}
