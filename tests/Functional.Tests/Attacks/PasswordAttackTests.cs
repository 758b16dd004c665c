using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

using static FastChat.Functional.Tests.ProofScript;

namespace FastChat.Functional.Tests;

/// <summary>Attacks on passwords, proven or not, that need a broker with settings of their own (tests/attacks.md, 45, 47 and 67).</summary>
public sealed class PasswordAttackTests
{
    private const string Canary = "canary-proven-5d1e77";

    private static IEnumerable<string> Doors => AttackStage.Doors;

    [Test]
    public async Task Who_does_not_answer_a_challenge_is_shown_the_door_in_time()
    {
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["passwords"] = "scram", ["scram_iterations"] = Iterations, ["login_deadline_seconds"] = 2 });
        await using ScriptedPeer peer = await broker.ConnectAsync();
        Stopwatch time = Stopwatch.StartNew();
        await BeginAsync(peer, Exchange("nobody", TestBroker.Password));
        Assert.That((CloseCode)(await peer.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.LoginTimeout));
        Assert.That(time.Elapsed.TotalSeconds, Is.InRange(1, 5));

        await using ScriptedPeer slow = await broker.ConnectAsync();
        (Proof proof, _) = await BeginAsync(slow, Exchange("nobody", TestBroker.Password));
        await slow.SendAsync(RawFrame.ToBytes(FrameType.Proof, 0, proof.ToMap()).AsMemory(0, 20));
        Assert.That((CloseCode)(await slow.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.LoginTimeout), "nor with half a proof");
    }

    [Test]
    [Noted("sign_in_refused", "MechanismRefused")]
    [Counted("fastchat.errors.MechanismRefused")]
    public async Task Where_only_proofs_are_taken_no_password_is_at_no_door_and_in_no_request()
    {
        await using AttackStage stage = await StartWithProofsOnlyAsync();
        foreach (string door in Doors)
        {
            foreach (bool register in new[] { false, true })
            {
                await using ScriptedPeer peer = await stage.ConnectAsync(door);
                await peer.SendAsync(FrameType.Hello, 0, new Hello { Name = register ? "somebody.new" : "nobody", Password = TestBroker.Password, Register = register }.ToMap());
                Assert.That((CloseCode)(await peer.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.MechanismRefused));
            }
        }

        await using ScriptedPeer signedIn = await stage.Broker.ConnectAsync();
        SignedInPeer ada = new(signedIn, await ProveAsync(signedIn, "ada", TestBroker.Password, register: true));
        ReceivedFrame change = await ada.AskAsync(FrameType.ChangePassword, new ControlMap().Set("password", TestBroker.Password).Set("new", "battery staple"));
        Assert.That((ErrorCode)change.ToFailure().Code, Is.EqualTo(ErrorCode.MechanismRefused));
        ReceivedFrame erase = await ada.AskAsync(FrameType.ErasePerson, new ControlMap().Set("begin", true).Set("password", TestBroker.Password));
        Assert.That((ErrorCode)erase.ToFailure().Code, Is.EqualTo(ErrorCode.MechanismRefused));
        await stage.CheckAsync();
    }

    [Test]
    [Noted("connection_refused", "address_passwords")]
    [Noted("sign_in_refused", "BadCredentials")]
    public async Task Wrong_proofs_from_one_address_meet_the_pauses_of_wrong_passwords_and_challenges_alone_do_not()
    {
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject
        {
            ["passwords"] = "both",
            ["scram_iterations"] = Iterations,
            ["limit_trusted"] = new JsonArray(),
            ["limit_wrong_passwords"] = 5,
            ["limit_sign_ins_per_second"] = 20,
        });
        await using SignedInPeer victim = await stage.RegisterAsync();
        IPAddress attacker = IPAddress.Parse("127.0.0.9");
        for (int i = 0; i < 10; i++)
        {
            // Who looks at challenges and goes away has tried nothing.
            await using ScriptedPeer looking = await stage.ConnectFromAsync(attacker);
            await BeginAsync(looking, Exchange(victim.Welcome.Name, "never sent"));
        }

        await Task.Delay(200);
        List<CloseCode> codes = [];
        for (int i = 0; i < 10; i++)
        {
            await using ScriptedPeer peer = await stage.ConnectFromAsync(attacker);
            ScramClientExchange exchange = Exchange(i % 2 == 0 ? victim.Welcome.Name : $"nobody-{i}", "Winter2026!");
            await peer.SendAsync(FrameType.Hello, 0, new Hello { Scram = exchange.First }.ToMap());
            ReceivedFrame answer = await peer.ReceiveAsync();
            if (answer.Type == FrameType.Challenge)
            {
                await peer.SendAsync(FrameType.Proof, 0, exchange.Answer(Challenge.Parse(answer.ToMap()), out _)!.ToMap());
                answer = await peer.ReceiveAsync();
            }

            codes.Add((CloseCode)answer.ToFailure().Code);
        }

        Assert.That(codes.Take(5), Is.All.EqualTo(CloseCode.BadCredentials));
        Assert.That(codes.Count(code => code == CloseCode.RateLimited), Is.GreaterThanOrEqualTo(3));
        await using ScriptedPeer elsewhere = await stage.ConnectFromAsync(IPAddress.Parse("127.0.0.10"));
        await ProveAsync(elsewhere, victim.Welcome.Name, TestBroker.Password);
        await stage.CheckAsync();
    }

    [Test]
    [Noted("sign_in_refused", "Overloaded")]
    public async Task A_flood_of_passwords_from_one_address_keeps_nobody_elsewhere_waiting()
    {
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject
        {
            ["limit_trusted"] = new JsonArray(),
            ["limit_wrong_passwords"] = 1000,
            ["limit_sign_ins_per_second"] = 1000,
        });
        await using SignedInPeer victim = await stage.RegisterAsync();
        List<Task<CloseCode>> flood = [];
        for (int i = 0; i < 120; i++)
        {
            ScriptedPeer peer = await stage.ConnectFromAsync(IPAddress.Parse("127.0.0.9"));
            await peer.SendAsync(FrameType.Hello, 0, new Hello { Name = $"nobody-{i}", Password = "Winter2026!" }.ToMap());
            flood.Add(EndAsync(peer));
        }

        int before = flood.Count(task => task.IsCompleted);
        await using ScriptedPeer other = await stage.ConnectFromAsync(IPAddress.Parse("127.0.0.10"));
        await other.SignInAsync(victim.Welcome.Name, TestBroker.Password);
        int hashed = flood.Skip(before).Count(task => task is { IsCompletedSuccessfully: true, Result: CloseCode.BadCredentials });
        Assert.That(hashed, Is.LessThan(40), "a place was free and the turn was the next but one: most of the flood still waits");
        CloseCode[] codes = await Task.WhenAll(flood);

        // On a slow machine the last of those who waited are past their deadline.
        Assert.That(codes, Has.Member(CloseCode.BadCredentials).And.Member(CloseCode.Overloaded));
        Assert.That(codes.Distinct(), Is.SubsetOf(new[] { CloseCode.BadCredentials, CloseCode.Overloaded, CloseCode.LoginTimeout }));
        await stage.CheckAsync();
    }

    [Test]
    public async Task A_password_that_is_proven_is_on_no_wire_in_no_file_and_not_in_the_broker()
    {
        await using AttackStage stage = await StartWithProofsOnlyAsync();
        string home = stage.Broker.Directory.Path;
        string passwordFile = stage.Broker.Directory.PathOf("password");
        string newFile = stage.Broker.Directory.PathOf("new-password");
        await File.WriteAllTextAsync(passwordFile, Canary);
        await File.WriteAllTextAsync(newFile, Canary + "-next");
        string server = stage.Broker.Process.Tcp.ToString();
        foreach (string[] verb in new string[][]
        {
            ["register", "ada", "--password-file", passwordFile], ["login", "ada", "--password-file", passwordFile],
            ["passwd", "--password-file", passwordFile, "--new-password-file", newFile], ["login", "ada", "--password-file", newFile, "--password-mechanism", "scram"],
        })
        {
            CliResult result = await CliProcess.RunAsync(home, [.. verb, "--server", server]);
            Assert.That(result.ExitCode, Is.Zero, result.ToString());
            Assert.That(result.Output + result.Error, Does.Not.Contain(Canary));
        }

        CliResult wrong = await CliProcess.RunAsync(home, "login", "ada", "--password-file", passwordFile, "--server", server);
        Assert.That(wrong.ExitCode, Is.EqualTo(1), wrong.ToString());
        int found = await CountInMemoryAsync(stage.Broker.Process.Id, Canary);
        Assert.That(await CountInMemoryAsync(stage.Broker.Process.Id, "SCRAM-SHA-256"), Is.Positive, "the memory can be read");
        Assert.That(found, Is.Zero, "whoever has the broker's memory has no password");
        await stage.Broker.Process.KillAsync();
        Assert.That(stage.Broker.Process.StandardError, Does.Not.Contain(Canary));
        foreach (string file in Directory.EnumerateFiles(stage.Broker.Process.DataDirectory, "*", SearchOption.AllDirectories))
        {
            Assert.That(Encoding.Latin1.GetString(File.ReadAllBytes(file)), Does.Not.Contain(Canary), file);
        }
    }

    private static async Task<AttackStage> StartWithProofsOnlyAsync() => await AttackStage.StartAsync(new JsonObject { ["passwords"] = "scram", ["scram_iterations"] = Iterations });

    private static async Task<CloseCode> EndAsync(ScriptedPeer peer)
    {
        await using (peer)
        {
            peer.Timeout = TimeSpan.FromSeconds(60);
            return (CloseCode)(await peer.ReceiveCloseAsync()).Code;
        }
    }

    /// <summary>How often a text stands in what a process has written to its memory.</summary>
    private static async Task<int> CountInMemoryAsync(int process, string text)
    {
        int found = 0;
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        byte[] utf16 = Encoding.Unicode.GetBytes(text);
        await using FileStream memory = new($"/proc/{process}/mem", new FileStreamOptions { BufferSize = 0 });
        byte[] buffer = new byte[1 << 20];
        foreach (string line in await File.ReadAllLinesAsync($"/proc/{process}/maps"))
        {
            Match range = Regex.Match(line, "^([0-9a-f]+)-([0-9a-f]+) rw");
            for (long at = range.Success ? Convert.ToInt64(range.Groups[1].Value, 16) : long.MaxValue; at < (range.Success ? Convert.ToInt64(range.Groups[2].Value, 16) : 0); at += buffer.Length - utf16.Length)
            {
                try
                {
                    memory.Position = at;
                    int size = await memory.ReadAtLeastAsync(buffer, utf16.Length, throwOnEndOfStream: false);
                    found += buffer.AsSpan(0, size).IndexOf(utf8) >= 0 || buffer.AsSpan(0, size).IndexOf(utf16) >= 0 ? 1 : 0;
                }
                catch (Exception unreadable) when (unreadable is IOException or ArgumentException)
                {
                    // A range that was given back meanwhile, or a guard.
                }
            }
        }

        return found;
    }
}
