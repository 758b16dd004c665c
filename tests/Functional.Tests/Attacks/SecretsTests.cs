using System.Collections.Concurrent;
using System.Text;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>
/// Secrets that were planted as password, token and message are looked for wherever they have no business to be: logs, the audit log, command lines, what a crash would leave behind, and every file of the data directory that does not
/// hold messages (attack 67). Metrics are looked at by <c>SecretMetricsTests</c>, within the process.
/// </summary>
public sealed class SecretsTests
{
    private const string Password = "canary-password-7f3a90";
    private const string WrongPassword = "canary-wrong-51c2aa";
    private const string Body = "canary-body-e2b84d";
    private const string NobodysName = "canary.name.0b77";

    [Test]
    public async Task No_secret_is_in_a_log_a_command_line_or_a_file_that_is_not_for_it()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        string home = broker.Directory.Path;
        string passwordFile = broker.Directory.PathOf("password");
        await File.WriteAllTextAsync(passwordFile, Password);

        ConcurrentDictionary<string, bool> commandLines = [];
        using CancellationTokenSource stop = new();
        Task watching = Task.Run(() => WatchCommandLines(commandLines, stop.Token));
        string server = broker.Process.Tcp.ToString();
        foreach (string verb in new[] { "register", "login" })
        {
            CliResult signedIn = await CliProcess.RunAsync(home, verb, "ada", "--password-file", passwordFile, "--server", server);
            Assert.That(signedIn.ExitCode, Is.Zero, signedIn.ToString());
            Assert.That(signedIn.Output + signedIn.Error, Does.Not.Contain(Password));
        }

        CliResult sent = await CliProcess.RunAsync(home, $"{Body}\n", ["send", "#room", "-", "--user", "ada", "--server", server]);
        Assert.That(sent.ExitCode, Is.Zero, sent.ToString());
        List<string> tokens = await PlayAsync(broker.Process.Tcp.ToString(), async () => await broker.ConnectAsync());
        await stop.CancelAsync();
        await watching;
        Assert.That(commandLines.Keys, Has.Some.Contains("register"), "the watch saw the processes");
        string core = (await File.ReadAllLinesAsync($"/proc/{broker.Process.Id}/limits")).Single(line => line.StartsWith("Max core file size", StringComparison.Ordinal));

        await broker.Process.KillAsync();
        Assert.Multiple(() =>
        {
            Assert.That(tokens, Has.Count.GreaterThan(1));
            foreach (string secret in (string[])[Password, WrongPassword, Body, .. tokens])
            {
                Assert.That(broker.Process.StandardError, Does.Not.Contain(secret), "the log");
                Assert.That(commandLines.Keys, Has.None.Contains(secret), "command lines");
            }

            Assert.That(core, Does.Match("Max core file size +0 "), "a crash writes the memory to no file");
            foreach (string file in Directory.EnumerateFiles(broker.Process.DataDirectory, "*", SearchOption.AllDirectories))
            {
                string text = Encoding.Latin1.GetString(File.ReadAllBytes(file));
                string name = Path.GetRelativePath(broker.Process.DataDirectory, file);
                bool holdsMessages = name.StartsWith("journal/", StringComparison.Ordinal) || name.EndsWith(".sst", StringComparison.Ordinal) || name.EndsWith(".log", StringComparison.Ordinal)
                    || name.StartsWith("incoming/", StringComparison.Ordinal) || name.StartsWith("outgoing/", StringComparison.Ordinal) || name.EndsWith(".blob", StringComparison.Ordinal);
                foreach (string secret in (string[])[Password, WrongPassword, NobodysName, .. tokens])
                {
                    Assert.That(text, Does.Not.Contain(secret), name);
                }

                if (!holdsMessages)
                {
                    Assert.That(text, Does.Not.Contain(Body), name);
                }
            }
        });
    }

    /// <summary>Secrets in every place where a client may put one, right and wrong; returns the tokens that were given.</summary>
    private static async Task<List<string>> PlayAsync(string address, Func<Task<ScriptedPeer>> connectAsync)
    {
        List<string> tokens = [];
        await using (SignedInPeer peer = new(await connectAsync(), null!))
        {
            Welcome welcome = await peer.Peer.SignInAsync(new Hello { Client = "scripted", Name = "bea", Password = Password, Register = true });
            tokens.Add(welcome.Token!);
            SignedInPeer bea = new(peer.Peer, welcome);
            ConversationId room = (await bea.OpenAsync("canaries")).Conversation;
            await bea.PublishAsync(room, Encoding.UTF8.GetBytes(Body));

            // Refused for what it is: too large, not UTF-8, and a kind that nobody may send.
            await bea.TryPublishAsync(room, Encoding.UTF8.GetBytes(new string('x', 65_530) + Body));
            await bea.TryPublishAsync(room, [.. Encoding.UTF8.GetBytes(Body), 0xFF]);
            await bea.TryPublishAsync(room, Encoding.UTF8.GetBytes(Body), (MessageKind)200);
            await bea.AskAsync(FrameType.SearchUsers, new ControlMap().Set("text", Body).Set("limit", "many"));
            await bea.AskAsync(FrameType.JoinByLink, new ControlMap().Set("link", Body));
        }

        foreach (Hello wrong in (Hello[])
            [
                new() { Name = "bea", Password = WrongPassword },
                new() { Name = NobodysName, Password = WrongPassword },
                new() { Name = "bea", Password = Password, Register = true },
                new() { Token = "fc1_" + WrongPassword },
            ])
        {
            await using ScriptedPeer peer = await connectAsync();
            await peer.SendAsync(FrameType.Hello, 0, wrong.ToMap());
            Failure close = await peer.ReceiveCloseAsync();
            Assert.That(close.Reason, Does.Not.Contain("canary"));
        }

        await using ScriptedPeer garbage = await connectAsync();
        await garbage.SendAsync(RawFrame.ToBytes((byte)FrameType.Hello, 0, Encoding.UTF8.GetBytes(Password)));
        await garbage.ReceiveCloseAsync();

        FastChatClient client = await FastChatClient.ConnectAsync(new ClientOptions { Endpoint = ClientEndpoint.Parse(address), Name = "bea", Password = Password });
        await using (client)
        {
            tokens.Add(client.Token!);
        }

        return tokens;
    }

    private static void WatchCommandLines(ConcurrentDictionary<string, bool> seen, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            foreach (string process in Directory.EnumerateDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), out _)))
            {
                try
                {
                    string line = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(process, "cmdline"))).Replace('\0', ' ');
                    if (line.Contains("FastChat", StringComparison.Ordinal))
                    {
                        seen[line] = true;
                    }
                }
                catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
                {
                    // It has ended, or is somebody else's.
                }
            }

            Thread.Sleep(20);
        }
    }
}
