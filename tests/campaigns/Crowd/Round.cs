using System.Globalization;

using FastChat.Client;
using FastChat.History;

namespace FastChat.Campaigns;

/// <summary>
/// Some faults in a row with everything that is needed to judge them: new conversations, people who chat in them and write one history, and at the end, when the faults have stopped, the reading of
/// all of it.
/// </summary>
internal sealed class Round : IAsyncDisposable
{
    private const int Conversations = 6;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>P11: by then everyone has everything.</summary>
    private static readonly TimeSpan s_catchUp = TimeSpan.FromSeconds(10);

    private readonly ClientOptions _options;
    private readonly HistoryWriter _writer;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Chatter> _crowd = [];
    private readonly List<Task> _chatting = [];
    private readonly List<ConversationId> _conversations = [];

    private Round(ClientOptions options, string history)
    {
        _options = options;
        History = history;
        _writer = HistoryWriter.Create(history, TimeProvider.System);
    }

    /// <summary>The file that it writes.</summary>
    public string History { get; }

    /// <summary>Publishes that were acknowledged, once it is finished.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>Publishes that were acknowledged up to now.</summary>
    public long AcknowledgedSoFar => _crowd.Sum(chatter => chatter.Acknowledged);

    /// <summary>Records that subscriptions brought up to now.</summary>
    public long ReadSoFar => _crowd.Sum(chatter => chatter.Read);

    /// <summary>Publishes that were refused for good, so that somebody would have been told of a failure.</summary>
    public long RefusedSoFar => _crowd.Sum(chatter => chatter.Refused);

    /// <summary>Connections that the broker closed with a code.</summary>
    public IReadOnlyList<CloseCode> ClosedByBroker => [.. _crowd.SelectMany(chatter => chatter.ClosedByBroker)];

    /// <summary>Lets the people of these tokens begin.</summary>
    public static async Task<Round> BeginAsync(ClientOptions options, IReadOnlyList<string> tokens, string history, Random random, CancellationToken cancellation)
    {
        Round round = new(options, history);
        await using (FastChatClient maker = await FastChatClient.ConnectAsync(options with { Token = tokens[0] }, cancellationToken: cancellation))
        {
            for (int i = 0; i < Conversations; i++)
            {
                // A round that was interrupted is done again, and not in what is left of it.
                string name = string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileNameWithoutExtension(history)}-{i}-{Guid.NewGuid():N}");
                ConversationInfo made = await maker.CreateConversationAsync(ConversationKind.Public, name, cancellationToken: cancellation);
                round._conversations.Add(made.Conversation);
                round._writer.Write(new HistoryEvent
                {
                    Op = HistoryOp.Conversation,
                    Conversation = made.Conversation,
                    ConversationKind = HistoryKind.Public,
                    Epoch = made.Epoch,
                    Head = made.Head,
                    Closed = true,
                });
            }
        }

        for (int i = 0; i < tokens.Count; i++)
        {
            Chatter chatter = await Chatter.ConnectAsync(
                string.Create(CultureInfo.InvariantCulture, $"chatter-{i}"), options with { Token = tokens[i] }, round._writer, new Random(random.Next()), cancellation);
            round._crowd.Add(chatter);
            chatter.Follow(round._conversations[0]);
            chatter.Follow(round._conversations[1 + random.Next(Conversations - 1)]);
            round._chatting.Add(Task.Run(() => chatter.ChatAsync(round._conversations, round._stop.Token), cancellation));
        }

        return round;
    }

    /// <summary>Writes down what is done to the broker.</summary>
    public void OnFault(HistoryFault fault) => _writer.Write(new HistoryEvent { Op = HistoryOp.Nemesis, Fault = fault });

    /// <summary>Somebody new signs in with a token and reads the end of the first conversation, which works whatever is wrong with writing. Returns when its last message reached the broker, by its clock.</summary>
    public async Task<DateTimeOffset> ReadAsStrangerAsync(CancellationToken cancellation)
    {
        await using FastChatClient client = await FastChatClient.ConnectAsync(_options, cancellationToken: cancellation);
        HistoryPage page = await client.FetchAsync(_conversations[0], new LogPosition(0, LogPosition.Latest), FetchDirection.Backward, cancellationToken: cancellation);
        return page.Messages[^1].SentAt;
    }

    /// <summary>Waits until more is acknowledged than was.</summary>
    /// <exception cref="TimeoutException">Nothing was.</exception>
    public async Task WaitForAcknowledgementAsync(long beyond, TimeSpan patience, CancellationToken cancellation)
    {
        for (long begun = System.Diagnostics.Stopwatch.GetTimestamp(); AcknowledgedSoFar <= beyond;)
        {
            if (System.Diagnostics.Stopwatch.GetElapsedTime(begun) > patience)
            {
                throw new TimeoutException($"nothing was acknowledged for {patience}");
            }

            await Task.Delay(10, cancellation);
        }
    }

    /// <summary>One of the clients is thrown away as if its program had been killed.</summary>
    public void KillClient(Random random) => _crowd[random.Next(_crowd.Count)].RequestDeath();

    /// <summary>Stops the chat, waits for what is under way, reads everything and judges. The faults have stopped.</summary>
    /// <exception cref="TimeoutException">Somebody is not answered although the broker is there: that is a violation as well.</exception>
    public async Task<(CheckReport Report, FinishedConversation[] Conversations)> FinishAsync(CancellationToken cancellation)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_chatting).WaitAsync(s_patience, cancellation);
        foreach (Chatter chatter in _crowd)
        {
            await chatter.FlushAsync(cancellation).WaitAsync(s_patience, cancellation);
        }

        Acknowledged = _crowd.Sum(chatter => chatter.Acknowledged);
        OnFault(HistoryFault.Heal);
        await Task.Delay(s_catchUp, cancellation);
        FinishedConversation[] finished = new FinishedConversation[_conversations.Count];
        await using (FastChatClient client = await FastChatClient.ConnectAsync(_options, cancellationToken: cancellation))
        {
            LogReading reading = new(client, _writer);
            for (int i = 0; i < finished.Length; i++)
            {
                finished[i] = await reading.ReadAsync(_conversations[i], cancellation);
            }
        }

        await EndAsync();
        return (HistoryChecker.Check([History], cancellation: cancellation), finished);
    }

    /// <summary>Ends it as it is.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await EndAsync();
        _stop.Dispose();
    }

    private async Task EndAsync()
    {
        foreach (Chatter chatter in _crowd)
        {
            await chatter.DisposeAsync();
        }

        _crowd.Clear();
        _writer.Dispose();
    }
}
