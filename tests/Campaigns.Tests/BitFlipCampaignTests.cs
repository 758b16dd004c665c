using FastChat.Client;

namespace FastChat.Campaigns.Tests;

/// <summary>A short version of the campaign, and the proof that it sees wrong bytes when they are served.</summary>
[NonParallelizable]
public sealed class BitFlipCampaignTests
{
    private string _directory = string.Empty;

    [SetUp]
    public void ChooseDirectory() => _directory = Path.Combine(Path.GetTempPath(), $"fastchat-bit-flip-{Guid.NewGuid():N}");

    [TearDown]
    public void DeleteDirectory()
    {
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    [Test]
    public async Task DamageIsToldOfOrHarmless()
    {
        CampaignResult result = await new BitFlipCampaign(Options(cycles: 20), Damage.Inflict, TestContext.Out).RunAsync(CancellationToken.None);
        Assert.That(result.IsClean, result.ToJson());
        Assert.That((result.Cycles, result.Detected + result.Harmless), Is.EqualTo((20, 20)));
        Assert.That(result.Detected, Is.Positive);
    }

    [Test]
    public async Task AStoreThatServesSomethingElseIsCaught()
    {
        // Nothing is damaged: a broker runs on the store for a moment, and somebody publishes a message that the campaign knows nothing of.
        static Damage Write(string store, Random random)
        {
            WriteAsync(store).GetAwaiter().GetResult();
            return new Damage(Path.Combine(store, "format"), 0, "a message");
        }

        CampaignResult result = await new BitFlipCampaign(Options(cycles: 3), Write, TestContext.Out).RunAsync(CancellationToken.None);
        Assert.That((result.Cycles, result.ServedWrong, result.IsClean), Is.EqualTo((1, 1, false)));
        Assert.That(Directory.Exists(Path.Combine(_directory, "store")), "what shows it is kept");
    }

    private static async Task WriteAsync(string store)
    {
        await using BrokerProcess broker = await BrokerProcess.StartAsync(store);
        ClientOptions options = new() { Endpoint = ClientEndpoint.Parse(broker.Tcp.ToString()), Name = "stranger", Password = "correct horse battery staple", Register = true };
        await using FastChatClient client = await FastChatClient.ConnectAsync(options);
        ConversationInfo room = await client.ResolveConversationAsync("room-0");
        await client.PublishTextAsync(room.Conversation, "one more");
    }

    private CampaignOptions Options(int cycles) => new() { Name = "bit-flip", Cycles = cycles, Seed = 5, Directory = _directory };
}
