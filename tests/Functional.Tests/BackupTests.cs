using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>Backups of the real broker while clients publish as fast as they can, and what comes back from them.</summary>
public sealed class BackupTests
{
    private const int Writers = 4;
    private const int UnderWay = 256;
    private const int Backups = 3;

    private TestBroker _broker = null!;

    private string BackupPath => _broker.Directory.PathOf("backups");

    [SetUp]
    public async Task StartAsync() => _broker = await TestBroker.StartAsync();

    [TearDown]
    public async Task StopAsync() => await _broker.DisposeAsync();

    [Test]
    public async Task Every_backup_has_what_was_acknowledged_before_it_and_is_sound()
    {
        ConcurrentQueue<Acknowledged> acknowledged = [];
        List<(BackupStatus Backup, Acknowledged[] Before)> taken = [];
        int answered = 0;
        await using FastChatClient operatorClient = await FastChatClient.ConnectAsync(
            new ClientOptions { Endpoint = ClientEndpoint.Parse(_broker.Process.Tcp.ToString()), Token = _broker.ReadOperatorToken() });
        using CancellationTokenSource stop = new();
        Task[] writing = [.. Enumerable.Range(0, Writers).Select(writer => WriteAsync(writer, acknowledged, stop.Token))];
        for (int i = 0; i < Backups; i++)
        {
            int count = acknowledged.Count + 4000;
            while (acknowledged.Count < count)
            {
                await Task.WhenAny([.. writing, Task.Delay(20)]);
                Assert.That(writing.FirstOrDefault(task => task.IsFaulted)?.Exception, Is.Null);
            }

            Acknowledged[] before = [.. acknowledged];
            taken.Add((await BackUpAsync(operatorClient), before));
            answered += acknowledged.Count - before.Length;
        }

        await stop.CancelAsync();
        await Task.WhenAll(writing);
        Assert.That(answered, Is.Positive, "clients were answered while backups were taken; one by itself may be over in a moment");
        await _broker.Process.KillAsync();
        TestContext.Out.WriteLine($"{acknowledged.Count} acknowledged; {string.Join("; ", taken.Select(backup => backup.Backup))}");
        Assert.That(taken.Select(backup => backup.Backup.Backup), Is.EqualTo(new ulong[] { 1, 2, 3 }));
        foreach ((BackupStatus backup, Acknowledged[] before) in taken)
        {
            await CheckAsync((int)backup.Backup, before, [.. acknowledged]);
        }
    }

    [Test]
    public async Task Killed_while_backing_up_store_and_backups_are_sound()
    {
        await using (SignedInPeer ada = await _broker.RegisterAsync("ada"))
        {
            ConversationId room = (await ada.OpenAsync("room")).Conversation;
            await ada.PublishAsync(room, "one"u8.ToArray());
            await RunAsync("backup", BackupPath, "--data", _broker.Process.DataDirectory);
            await ada.PublishAsync(room, "two"u8.ToArray());
        }

        // Before anything is copied, between two files, and when everything is there but the manifest.
        foreach (string place in new[] { "backup-snapshot:1", "backup-copied:3", "backup-unlisted:1" })
        {
            await _broker.Process.RestartAsync(options => options with
            {
                Environment = new Dictionary<string, string>(options.Environment) { ["FASTCHAT_FAILPOINT"] = place },
            });
            await using SignedInPeer operatorPeer = await _broker.SignInAsync(_broker.ReadOperatorToken());
            await operatorPeer.Peer.SendAsync(FrameType.Backup, operatorPeer.NextRequest(), new ControlMap().Set("directory", BackupPath));
            await _broker.Process.WaitForExitAsync();
        }

        Assert.That(await ListAsync(), Is.EqualTo(new[] { 1 }), "what was cut off is no backup");

        await _broker.Process.RestartAsync(options => options with { Environment = new Dictionary<string, string>(options.Environment) { ["FASTCHAT_FAILPOINT"] = string.Empty } });
        await RunAsync("backup", BackupPath, "--data", _broker.Process.DataDirectory);
        Assert.That(await ListAsync(), Is.EqualTo(new[] { 1, 2 }));
        string restored = await RestoreAsync(2);
        Assert.That((await RunAsync("verify", "--data", restored)).GetProperty("messages").GetInt64(), Is.EqualTo(2));
        Assert.That((await _broker.StopAndVerifyAsync()).GetProperty("problems").GetInt64(), Is.Zero);
    }

    [Test]
    public async Task Flipped_bits_are_refused()
    {
        await using (SignedInPeer ada = await _broker.RegisterAsync("ada"))
        {
            await ada.PublishAsync((await ada.OpenAsync("room")).Conversation, "one"u8.ToArray());
        }

        await RunAsync("backup", BackupPath, "--data", _broker.Process.DataDirectory);
        string table = System.IO.Directory.EnumerateFiles(Path.Combine(BackupPath, "tables")).First();
        byte[] bytes = await File.ReadAllBytesAsync(table);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(table, bytes);
        string target = _broker.Directory.PathOf("damaged");
        CliResult refused = await CliProcess.RunAsync(_broker.Directory.Path, "restore", BackupPath, "--data", target);
        Assert.That((refused.ExitCode, refused.Output), Is.EqualTo((1, string.Empty)), refused.ToString());
        Assert.That(refused.Error, Does.Contain(table).And.Contain("is not what was written"));
        Assert.That(System.IO.Directory.Exists(target), Is.False);
    }

    [Test]
    public async Task Operators_alone_have_backups_taken_and_of_paths_that_make_sense()
    {
        await using SignedInPeer operatorPeer = await _broker.SignInAsync(_broker.ReadOperatorToken());
        await ExpectAsync(operatorPeer, new ControlMap().Set("directory", "backups"), ErrorCode.BadRequest);
        await ExpectAsync(operatorPeer, new ControlMap().Set("directory", new string('/', 5000)), ErrorCode.BadRequest);
        await ExpectAsync(operatorPeer, new ControlMap().Set("keep", -1L), ErrorCode.BadRequest);
        CliResult inside = await CliProcess.RunAsync(
            _broker.Directory.Path, "backup", Path.Combine(_broker.Process.DataDirectory, "backups"), "--data", _broker.Process.DataDirectory);
        Assert.That((inside.ExitCode, inside.Output), Is.EqualTo((1, string.Empty)));
        Assert.That(inside.Error, Does.Contain("lie in one another"));
        BackupStatus status = BackupStatus.Parse((await operatorPeer.AskAsync(FrameType.Backup, new ControlMap())).ToMap());
        Assert.That((status.Run, status.IsRunning, status.Backup), Is.EqualTo((1ul, false, 0ul)));
        Assert.That(status.Failure, Does.Contain("lie in one another"));
    }

    private async Task<BackupStatus> BackUpAsync(FastChatClient operatorClient)
    {
        BackupStatus status = await operatorClient.BeginBackupAsync(BackupPath);
        while (status.IsRunning)
        {
            await Task.Delay(10);
            status = await operatorClient.GetBackupAsync();
        }

        Assert.That(status.Failure, Is.Null);
        return status;
    }

    private static async Task ExpectAsync(SignedInPeer peer, ControlMap map, ErrorCode code)
    {
        ReceivedFrame answer = await peer.AskAsync(FrameType.Backup, map);
        Assert.That(answer.Type, Is.EqualTo(FrameType.Error));
        Assert.That(answer.ToFailure().Code, Is.EqualTo((ushort)code));
    }

    private async Task WriteAsync(int writer, ConcurrentQueue<Acknowledged> acknowledged, CancellationToken stop)
    {
        await using FastChatClient client = await ConnectAsync(_broker.Process, $"writer-{writer}", register: true);
        ConversationId own = (await client.ResolveConversationAsync($"room-{writer}", create: true, CancellationToken.None)).Conversation;
        ConversationId shared = (await client.ResolveConversationAsync("shared", create: true, CancellationToken.None)).Conversation;
        using SemaphoreSlim room = new(UnderWay);
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            await room.WaitAsync(CancellationToken.None);
            _ = PublishAsync(i % 3 == 0 ? shared : own, $"{writer}:{i} {new string('x', i % 200)}");
        }

        for (int i = 0; i < UnderWay; i++)
        {
            await room.WaitAsync(CancellationToken.None);
        }

        async Task PublishAsync(ConversationId conversation, string text)
        {
            PublishReceipt receipt = await client.PublishTextAsync(conversation, text, cancellationToken: CancellationToken.None);
            acknowledged.Enqueue(new Acknowledged(conversation, receipt.Sequence, text));
            room.Release();
        }
    }

    /// <summary>Restores a backup and reads all of it from a broker of its own.</summary>
    private async Task CheckAsync(int number, Acknowledged[] before, Acknowledged[] sent)
    {
        string restored = await RestoreAsync(number);
        JsonElement verified = await RunAsync("verify", "--data", restored);
        Assert.That(verified.GetProperty("problems").GetInt64(), Is.Zero);
        Dictionary<(ConversationId, ulong), string> known = sent.ToDictionary(message => (message.Conversation, message.Sequence), message => message.Text);
        Dictionary<(ConversationId, ulong), string> found = [];
        await using BrokerProcess process = await BrokerProcess.StartAsync(
            new BrokerProcessOptions { DataDirectory = restored, Environment = new Dictionary<string, string> { ["XDG_RUNTIME_DIR"] = _broker.Directory.Path } });
        await using FastChatClient reader = await ConnectAsync(process, $"reader-{number}", register: true);
        foreach (ConversationId conversation in sent.Select(message => message.Conversation).Distinct())
        {
            ulong head = (await reader.GetConversationAsync(conversation)).Head;
            ulong next = 1;
            for (ulong after = 0; after < head; after = next - 1)
            {
                foreach (ChatMessage message in (await reader.FetchAsync(conversation, new LogPosition(0, after), FetchDirection.Forward)).Messages)
                {
                    Assert.That(message.Sequence, Is.EqualTo(next++), "dense");
                    found.Add((conversation, message.Sequence), Encoding.UTF8.GetString(message.Body.Span));
                }
            }
        }

        Assert.That(before.Where(message => !found.TryGetValue((message.Conversation, message.Sequence), out string? text) || text != message.Text), Is.Empty, "acknowledged before the backup, at its place");
        Assert.That(found.Where(entry => known.TryGetValue(entry.Key, out string? text) && text != entry.Value), Is.Empty, "acknowledged while it was taken");
        Assert.That(found.Values, Is.Unique);
    }

    private static Task<FastChatClient> ConnectAsync(BrokerProcess process, string name, bool register) => FastChatClient.ConnectAsync(new ClientOptions
    {
        Endpoint = ClientEndpoint.Parse(process.Tcp.ToString()),
        Name = name,
        Password = TestBroker.Password,
        Register = register,
    });

    private async Task<string> RestoreAsync(int number)
    {
        string target = _broker.Directory.PathOf($"restored-{number}");
        await RunAsync("restore", BackupPath, "--data", target, "--backup", $"{number}");
        return target;
    }

    private async Task<int[]> ListAsync()
    {
        CliResult list = await CliProcess.RunAsync(_broker.Directory.Path, "backup", BackupPath, "--list");
        Assert.That(list.ExitCode, Is.Zero, list.ToString());
        return [.. list.Lines.Select(line => line.GetProperty("backup").GetInt32())];
    }

    private async Task<JsonElement> RunAsync(params string[] arguments)
    {
        CliResult done = await CliProcess.RunAsync(_broker.Directory.Path, arguments);
        Assert.That(done.ExitCode, Is.Zero, done.ToString());
        return done.Last;
    }

    private sealed record Acknowledged(ConversationId Conversation, ulong Sequence, string Text);
}
