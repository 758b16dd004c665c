using System.Text;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>Clients that knew a broker before its store was restored from a backup: who saw more than the backup has learns it, nobody mixes old records with new ones, and nobody misses what there is.</summary>
public sealed class RestoredBrokerTests
{
    private static readonly ReconnectPolicy Patient = new() { DelayMax = TimeSpan.FromMilliseconds(300) };

    [Test]
    public async Task Clients_learn_of_the_new_epoch_and_go_on()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient writer = await RegisterAsync(broker, "writer");
        await using FastChatClient ahead = await RegisterAsync(broker, "ahead");
        await using FastChatClient behind = await RegisterAsync(broker, "behind");
        ConversationId room = (await writer.ResolveConversationAsync("room", create: true)).Conversation;
        await PublishAsync(writer, room, "kept", 10);
        List<ChatMessage> seenBehind = await ReadAsync(behind, room, LogPosition.Start, 4);
        await RunAsync(broker, "backup", broker.Directory.PathOf("backups"), "--data", broker.Process.DataDirectory);
        await PublishAsync(writer, room, "lost", 5);

        // The one that is ahead reads on and on; its connection breaks and comes back to another store.
        List<ChatMessage> seenAhead = [];
        EpochChangedException? told = null;
        Task reading = Task.Run(async () => told = await ReadUntilToldAsync(ahead, room, LogPosition.Start, seenAhead));
        await UntilAsync(() => Volatile.Read(ref _read) >= 15);
        await broker.Process.KillAsync();
        string restored = broker.Directory.PathOf("restored");
        await RunAsync(broker, "restore", broker.Directory.PathOf("backups"), "--data", restored);
        await broker.Process.RestartAsync(options => options with { DataDirectory = restored });
        PublishReceipt[] fresh = await PublishAsync(writer, room, "fresh", 8);
        await reading.WaitAsync(TimeSpan.FromSeconds(20));

        // Records with the sequences of lost ones were there already; none was taken for a continuation.
        Assert.That(told, Is.Not.Null);
        Assert.That((told!.Position.Epoch, told.Position.Sequence), Is.EqualTo((1u, 15ul)));
        Assert.That(told.Epoch, Is.EqualTo(fresh[0].Epoch).And.GreaterThan(1u));
        Assert.That(Texts(seenAhead), Is.EqualTo([.. Numbered("kept", 10), .. Numbered("lost", 5)]));
        Assert.That(fresh.Select(receipt => receipt.Sequence), Is.EqualTo(Enumerable.Range(11, 8).Select(i => (ulong)i)));

        // It drops what it holds and reads again.
        string[] all = [.. Numbered("kept", 10), .. Numbered("fresh", 8)];
        List<ChatMessage> again = await ReadAsync(ahead, room, new LogPosition(told.Epoch, 0), all.Length);
        Assert.That(Texts(again), Is.EqualTo(all));
        Assert.That(again.Select(message => message.Position.Epoch), Is.All.EqualTo(told.Epoch));

        // Who was behind holds nothing that is lost, and is told all the same: nobody can know that for it.
        List<ChatMessage> none = [];
        EpochChangedException toldToo = await ReadUntilToldAsync(behind, room, seenBehind[^1].Position, none);
        Assert.That(none, Is.Empty);
        List<ChatMessage> rest = await ReadAsync(behind, room, new LogPosition(toldToo.Epoch, seenBehind[^1].Sequence), all.Length - seenBehind.Count);
        Assert.That(Texts([.. seenBehind, .. rest]), Is.EqualTo(all));

        // A page of history from a position of the old epoch is refused in the same way.
        Assert.That(
            async () => await ahead.FetchAsync(room, new LogPosition(1, 12), FetchDirection.Forward),
            Throws.TypeOf<EpochChangedException>());
    }

    private int _read;

    private static Task<FastChatClient> RegisterAsync(TestBroker broker, string name) => FastChatClient.ConnectAsync(new ClientOptions
    {
        Endpoint = ClientEndpoint.Parse(broker.Process.Tcp.ToString()),
        Name = name,
        Password = TestBroker.Password,
        Register = true,
        Reconnect = Patient,
    });

    private static async Task<PublishReceipt[]> PublishAsync(FastChatClient writer, ConversationId room, string what, int count) =>
        await Task.WhenAll(Numbered(what, count).Select(text => writer.PublishTextAsync(room, text).AsTask())).WaitAsync(TimeSpan.FromSeconds(20));

    private static async Task<List<ChatMessage>> ReadAsync(FastChatClient reader, ConversationId room, LogPosition after, int count)
    {
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(20));
        List<ChatMessage> read = [];
        await foreach (ChatMessage message in reader.ReadAsync(room, after, cancellationToken: deadline.Token))
        {
            read.Add(message);
            if (read.Count == count)
            {
                break;
            }
        }

        return read;
    }

    private async Task<EpochChangedException> ReadUntilToldAsync(FastChatClient reader, ConversationId room, LogPosition after, List<ChatMessage> read)
    {
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(40));
        try
        {
            await foreach (ChatMessage message in reader.ReadAsync(room, after, cancellationToken: deadline.Token))
            {
                read.Add(message);
                Volatile.Write(ref _read, read.Count);
            }
        }
        catch (EpochChangedException told)
        {
            return told;
        }

        throw new AssertionException("the reading ended without a word");
    }

    private static async Task RunAsync(TestBroker broker, params string[] arguments)
    {
        CliResult done = await CliProcess.RunAsync(broker.Directory.Path, arguments);
        Assert.That(done.ExitCode, Is.Zero, done.ToString());
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (int i = 0; i < 1000 && !condition(); i++)
        {
            await Task.Delay(10);
        }

        Assert.That(condition(), Is.True);
    }

    private static string[] Numbered(string what, int count) => [.. Enumerable.Range(1, count).Select(i => $"{what} {i}")];

    private static string[] Texts(IEnumerable<ChatMessage> messages) => [.. messages.Select(message => Encoding.UTF8.GetString(message.Body.Span))];
}
