using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>The real broker with encrypted bodies: what people wrote is in no file and in no backup, and is read again after a kill, a restart and a restore by whoever has the key and by nobody else.</summary>
public sealed class EncryptedBrokerTests
{
    private TestBroker _broker = null!;
    private string _keyFile = null!;

    [SetUp]
    public async Task StartPlain()
    {
        _broker = await TestBroker.StartAsync();
        _keyFile = WriteKey("master.key");
    }

    [TearDown]
    public async Task Stop() => await _broker.DisposeAsync();

    /// <summary>A store that was plain is encrypted from the restart on; killed with no warning, it has everything.</summary>
    [Test]
    public async Task Bodies_are_in_no_file_and_survive_a_kill_and_a_restore()
    {
        await using FastChatClient writer = await _broker.ClientAsync("writer");
        ConversationId room = (await writer.ResolveConversationAsync("room", create: true)).Conversation;
        string plain = Canary("plain");
        await writer.PublishTextAsync(room, plain);
        await RestartAsync(Settings());
        string[] canaries = [Canary("one"), Canary("two"), Canary("three")];
        await using FastChatClient listener = await _broker.DeviceAsync("writer");
        await using IAsyncEnumerator<ChatMessage> live = listener.ReadAsync(room, LogPosition.Start).GetAsyncEnumerator();
        await NextAsync(live, plain);
        foreach (string canary in canaries)
        {
            await writer.PublishTextAsync(room, canary);
            await NextAsync(live, canary);
        }

        await RunAsync("backup", _broker.Directory.PathOf("backups"), "--data", _broker.Process.DataDirectory);
        await _broker.Process.KillAsync();
        await _broker.Process.RestartAsync();
        Assert.That(await ReadAsync(4), Is.EqualTo([plain, .. canaries]));
        Assert.That(FilesWith(plain), Is.Not.Empty, "a search that does not find what is there proves nothing");
        Assert.That(canaries.SelectMany(FilesWith), Is.Empty);
        Assert.That(FilesWith(File.ReadAllText(_keyFile).Trim()), Is.EqualTo(new[] { "master.key" }));

        // What a backup has needs the vault of now, wherever it is.
        Assert.That(await _broker.Process.TerminateAsync(), Is.Zero);
        string restored = _broker.Directory.PathOf("restored");
        await RunAsync("restore", _broker.Directory.PathOf("backups"), "--data", restored);
        Assert.That(Directory.Exists(Path.Combine(restored, "keys")), Is.False, "no backup has a vault");
        JsonObject settings = Settings();
        settings["keys"] = Path.Combine(_broker.Process.DataDirectory, "keys");
        await RestartAsync(settings, restored);
        Assert.That(await ReadAsync(4), Is.EqualTo([plain, .. canaries]));
        Assert.That(canaries.SelectMany(FilesWith), Is.Empty);
        Assert.That(canaries.Where(canary => _broker.Process.StandardError.Contains(canary, StringComparison.Ordinal)), Is.Empty);

        async Task<string[]> ReadAsync(int count)
        {
            await using FastChatClient reader = await _broker.DeviceAsync("writer");
            List<string> read = [];
            await foreach (ChatMessage message in reader.ReadAsync(room, LogPosition.Start).ConfigureAwait(false))
            {
                read.Add(Encoding.UTF8.GetString(message.Body.Span));
                if (read.Count == count)
                {
                    break;
                }
            }

            return [.. read];
        }
    }

    [Test]
    public async Task It_does_not_start_without_its_key_and_verify_says_what_it_can_and_cannot_see()
    {
        await using (FastChatClient writer = await _broker.ClientAsync("writer"))
        {
            await RestartAsync(Settings());
            ConversationId room = (await writer.ResolveConversationAsync("room", create: true)).Conversation;
            await writer.PublishTextAsync(room, "a");
            await writer.PublishTextAsync(room, "b");
        }

        Assert.That(await _broker.Process.TerminateAsync(), Is.Zero);
        string data = _broker.Process.DataDirectory;
        CliResult without = await CliProcess.RunAsync(_broker.Directory.Path, "serve", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0");
        Assert.That((without.ExitCode, without.Error), Is.EqualTo((1, without.Error)));
        Assert.That(without.Error, Does.Contain("encryption_key_file"));

        string other = WriteKey("other.key");
        CliResult wrong = await CliProcess.RunAsync(_broker.Directory.Path, "serve", "--data", data, "--config", Write(new JsonObject { ["encryption_key_file"] = other }), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0");
        Assert.That(wrong.ExitCode, Is.EqualTo(1));
        Assert.That(wrong.Error, Does.Contain("not the one"));

        CliResult blind = await CliProcess.RunAsync(_broker.Directory.Path, "verify", "--data", data);
        CliResult seeing = await CliProcess.RunAsync(_broker.Directory.Path, "verify", "--data", data, "--key-file", _keyFile);
        Assert.That((blind.ExitCode, seeing.ExitCode), Is.EqualTo((0, 0)), $"{blind}\n{seeing}");
        Assert.That(blind.Last.GetProperty("unread_bodies").GetInt64(), Is.EqualTo(2));
        Assert.That(seeing.Last.TryGetProperty("unread_bodies", out _), Is.False);
        Assert.That((await CliProcess.RunAsync(_broker.Directory.Path, "verify", "--data", data, "--key-file", other)).ExitCode, Is.EqualTo(1));

        // Another master key, in one restart; the one of before is good for nothing then.
        JsonObject rotated = new() { ["encryption_key_file"] = other, ["encryption_key_file_old"] = _keyFile };
        await RestartAsync(rotated);
        Assert.That(await _broker.Process.TerminateAsync(), Is.Zero);
        Assert.That((await CliProcess.RunAsync(_broker.Directory.Path, "verify", "--data", data, "--key-file", other)).ExitCode, Is.Zero);
        Assert.That((await CliProcess.RunAsync(_broker.Directory.Path, "verify", "--data", data, "--key-file", _keyFile)).ExitCode, Is.EqualTo(1));
    }

    /// <summary>Erasing a person destroys their keys: a backup from before, with the vault from after, has nothing of theirs and everything of the others.</summary>
    [Test]
    public async Task An_erased_person_is_gone_from_backups_too()
    {
        await RestartAsync(Settings());
        (string gone, string stays) = (Canary("gone"), Canary("stays"));
        await using FastChatClient other = await _broker.ClientAsync("other");
        await using FastChatClient person = await _broker.ClientAsync("person");
        ConversationId room = (await other.ResolveConversationAsync("room", create: true)).Conversation;
        await person.PublishTextAsync(room, gone);
        await other.PublishTextAsync(room, stays);
        await RunAsync("backup", _broker.Directory.PathOf("backups"), "--data", _broker.Process.DataDirectory);
        CliResult erased = await CliProcess.RunAsync(_broker.Directory.Path, "admin", "erase", "person", "--yes", "--wait", "--server", $"127.0.0.1:{_broker.Process.Tcp.Port}", "--data", _broker.Process.DataDirectory);
        Assert.That(erased.ExitCode, Is.Zero, erased.ToString());
        Assert.That((erased.Last.GetProperty("state").GetString(), erased.Last.GetProperty("reaches_backups").GetBoolean()), Is.EqualTo(("done", true)));
        Assert.That(await _broker.Process.TerminateAsync(), Is.Zero);
        CliResult verified = await CliProcess.RunAsync(_broker.Directory.Path, "verify", "--data", _broker.Process.DataDirectory, "--key-file", _keyFile);
        Assert.That(verified.ExitCode, Is.Zero, verified.ToString());

        string restored = _broker.Directory.PathOf("restored");
        await RunAsync("restore", _broker.Directory.PathOf("backups"), "--data", restored);
        JsonObject settings = Settings();
        settings["keys"] = Path.Combine(_broker.Process.DataDirectory, "keys");
        await RestartAsync(settings, restored);
        await using FastChatClient reader = await _broker.DeviceAsync("other");
        IReadOnlyList<ChatMessage> read = (await reader.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages;
        Assert.That(read.Select(message => Encoding.UTF8.GetString(message.Body.Span)), Has.One.EqualTo(stays).And.None.Contains(gone));
        Assert.That(read.Single(message => message.Sender == person.User).IsErased, Is.True);
    }

    /// <summary>The process dies between a new person's secret and their message, or behind it: nothing that was acknowledged is lost, and what is there can be read.</summary>
    [TestCase("vault-written:1")]
    [TestCase("vault-durable:1")]
    [TestCase("journal-written:2")]
    public async Task Death_between_secret_and_commit_loses_nothing(string failpoint)
    {
        await using FastChatClient first = await _broker.ClientAsync("first");
        ConversationId room = (await first.ResolveConversationAsync("room", create: true)).Conversation;
        FastChatClient[] writers = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => _broker.ClientAsync($"writer-{i}")));
        await RestartAsync(Settings(), environment: new Dictionary<string, string> { ["FASTCHAT_FAILPOINT"] = failpoint });
        Task<PublishReceipt>[] sent = [.. writers.SelectMany((writer, i) => Enumerable.Range(0, 5).Select(n => writer.PublishTextAsync(room, $"{i}/{n}").AsTask()))];
        await _broker.Process.WaitForExitAsync(TimeSpan.FromSeconds(30));
        await RestartAsync(Settings());
        PublishReceipt[] receipts = await Task.WhenAll(sent).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(receipts.Select(receipt => receipt.Sequence).Distinct().Count(), Is.EqualTo(20));
        List<string> read = [];
        await foreach (ChatMessage message in first.ReadAsync(room, LogPosition.Start))
        {
            read.Add(Encoding.UTF8.GetString(message.Body.Span));
            if (read.Count == 20)
            {
                break;
            }
        }

        Assert.That(read.Order(), Is.EqualTo(Enumerable.Range(0, 4).SelectMany(i => Enumerable.Range(0, 5).Select(n => $"{i}/{n}")).Order()));
        foreach (FastChatClient writer in writers)
        {
            await writer.DisposeAsync();
        }
    }

    /// <summary>The process dies while somebody's keys are being destroyed: what was begun is done at the next start, and the vault is whole.</summary>
    [TestCase("keys-noted:1")]
    [TestCase("vault-drafted:1")]
    [TestCase("vault-replaced:1")]
    public async Task Death_while_keys_are_destroyed_destroys_them_all_the_same(string failpoint)
    {
        await RestartAsync(Settings());
        await using FastChatClient other = await _broker.ClientAsync("other");
        ConversationId room = (await other.ResolveConversationAsync("room", create: true)).Conversation;
        UserId gone;
        await using (FastChatClient person = await _broker.ClientAsync("person"))
        {
            gone = person.User;
            await person.PublishTextAsync(room, Canary("gone"));
        }

        await other.PublishTextAsync(room, "stays");
        await RestartAsync(Settings(), environment: new Dictionary<string, string> { ["FASTCHAT_FAILPOINT"] = failpoint });
        await CliProcess.RunAsync(_broker.Directory.Path, "admin", "erase", "person", "--yes", "--server", $"127.0.0.1:{_broker.Process.Tcp.Port}", "--data", _broker.Process.DataDirectory);
        await _broker.Process.WaitForExitAsync(TimeSpan.FromSeconds(30));
        await RestartAsync(Settings());
        await using FastChatClient admin = await FastChatClient.ConnectAsync(new ClientOptions { Endpoint = ClientEndpoint.Parse(_broker.Process.Tcp.ToString()), Token = _broker.ReadOperatorToken() });
        ErasureStatus status = await admin.GetErasureAsync(gone);
        for (int i = 0; status.State != "done" && i < 300; i++)
        {
            await Task.Delay(100);
            status = await admin.GetErasureAsync(gone);
        }

        Assert.That((status.State, status.ReachesBackups), Is.EqualTo(("done", true)));
        IReadOnlyList<ChatMessage> read = (await other.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages;
        Assert.That(read.Single(message => message.Sender == gone && message.Kind == MessageKind.Text).IsErased, Is.True);
        Assert.That(read.Select(message => Encoding.UTF8.GetString(message.Body.Span)), Has.One.EqualTo("stays"));
        Assert.That(await _broker.Process.TerminateAsync(), Is.Zero);
        await RunAsync("verify", "--data", _broker.Process.DataDirectory, "--key-file", _keyFile);
    }

    private static string Canary(string hint) => $"{hint} {Convert.ToHexString(RandomNumberGenerator.GetBytes(24))}";

    private static async Task NextAsync(IAsyncEnumerator<ChatMessage> messages, string text)
    {
        Assert.That(await messages.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20)), Is.True);
        Assert.That(Encoding.UTF8.GetString(messages.Current.Body.Span), Is.EqualTo(text));
    }

    private string WriteKey(string name)
    {
        string path = _broker.Directory.PathOf(name);
        File.WriteAllText(path, Convert.ToHexString(RandomNumberGenerator.GetBytes(32)));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        return path;
    }

    private JsonObject Settings() => new() { ["encryption_key_file"] = _keyFile };

    private string Write(JsonObject settings)
    {
        string path = _broker.Directory.PathOf("encrypted.json");
        File.WriteAllText(path, settings.ToJsonString());
        return path;
    }

    private Task RestartAsync(JsonObject settings, string? data = null, Dictionary<string, string>? environment = null)
    {
        string config = Write(settings);
        return _broker.Process.RestartAsync(options => options with
        {
            DataDirectory = data ?? options.DataDirectory,
            Arguments = ["--config", config],
            Environment = new Dictionary<string, string>(environment ?? []) { ["XDG_RUNTIME_DIR"] = _broker.Directory.Path },
        });
    }

    private string[] FilesWith(string text)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(text);
        return
        [
            .. Directory.EnumerateFiles(_broker.Directory.Path, "*", SearchOption.AllDirectories)
                .Where(file => Path.GetFileName(file) != "lock" && ReadShared(file).AsSpan().IndexOf(wanted) >= 0)
                .Select(file => Path.GetRelativePath(_broker.Directory.Path, file)),
        ];
    }

    private static byte[] ReadShared(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        byte[] bytes = new byte[file.Length];
        file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return bytes;
    }

    private async Task RunAsync(params string[] arguments)
    {
        CliResult done = await CliProcess.RunAsync(_broker.Directory.Path, arguments);
        Assert.That(done.ExitCode, Is.Zero, done.ToString());
    }
}
