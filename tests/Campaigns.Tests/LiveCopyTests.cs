using System.Diagnostics;

using FastChat.Client;

namespace FastChat.Campaigns.Tests;

/// <summary>
/// Somebody copies the directory of a broker that runs. That is no backup; but a broker that is started on the copy either says why it cannot be used or has a prefix of what the original has, byte for
/// byte: never something else.
/// </summary>
[NonParallelizable]
[Platform("Linux")]
public sealed class LiveCopyTests
{
    private const int Copies = 3;

    private string _directory = string.Empty;

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("fastchat-live-copy-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public async Task ACopyOfALiveDirectoryIsRefusedOrAPrefix()
    {
        await using BrokerProcess broker = await BrokerProcess.StartAsync(PathOf("store"));
        await using FastChatClient client = await FastChatClient.ConnectAsync(OptionsOf(broker) with { Name = "writer", Password = "correct horse battery staple", Register = true });
        ConversationId room = (await client.CreateConversationAsync(ConversationKind.Public, "room")).Conversation;
        SteadyPublisher publisher = new(client, [room], perSecond: 8000);
        using CancellationTokenSource stop = new();
        Task publishing = publisher.RunAsync(stop.Token);
        for (int copy = 0; copy < Copies; copy++)
        {
            // Several journal files are filled and moved meanwhile.
            await Task.Delay(1200);
            using Process copying = Process.Start("cp", ["-r", PathOf("store"), PathOf($"copy-{copy}")]);
            await copying.WaitForExitAsync();
        }

        await stop.CancelAsync();
        await publishing;
        List<byte[]> written = await ReadAsync(client, room);
        Assert.That(written, Has.Count.EqualTo(publisher.Acknowledged));
        for (int copy = 0; copy < Copies; copy++)
        {
            TestContext.Out.WriteLine(await JudgeAsync(PathOf($"copy-{copy}"), client.Token!, room, written));
        }
    }

    /// <summary>What became of a copy, for people.</summary>
    private static async Task<string> JudgeAsync(string copy, string token, ConversationId room, List<byte[]> written)
    {
        BrokerProcess broker;
        try
        {
            broker = await BrokerProcess.StartAsync(copy);
        }
        catch (InvalidOperationException refused)
        {
            Assert.That(refused.Message, Does.Contain("exit code 1 "), "it fell over");
            return refused.Message;
        }

        await using (broker)
        await using (FastChatClient client = await FastChatClient.ConnectAsync(OptionsOf(broker) with { Token = token }))
        {
            List<byte[]> copied = await ReadAsync(client, room);
            Assert.That(copied.Count, Is.InRange(1, written.Count));
            Assert.That(copied, Is.EqualTo(written[..copied.Count]));
            return $"serves the first {copied.Count} of {written.Count}";
        }
    }

    private static async Task<List<byte[]>> ReadAsync(FastChatClient client, ConversationId room)
    {
        List<byte[]> bodies = [];
        HistoryPage page;
        LogPosition after = LogPosition.Start;
        do
        {
            page = await client.FetchAsync(room, after, FetchDirection.Forward);
            bodies.AddRange(page.Messages.Select(message => message.Body.ToArray()));
            after = page.Messages.Count > 0 ? page.Messages[^1].Position : after;
        }
        while (!page.IsComplete);

        return bodies;
    }

    private static ClientOptions OptionsOf(BrokerProcess broker) => new() { Endpoint = ClientEndpoint.Parse(broker.Tcp.ToString()), Reconnect = ReconnectPolicy.None };

    private string PathOf(string name) => Path.Combine(_directory, name);
}
