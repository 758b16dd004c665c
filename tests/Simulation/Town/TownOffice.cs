using System.Globalization;
using System.Text;

using FastChat.Cli;
using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>
/// The operator of a town, whom no fault meets: makes accounts for programs, takes one of them away in the middle, and in the end reads every log from its first record to its head, and what became of its
/// messages.
/// </summary>
internal sealed class TownOffice(SimulatedWorld world, SimulatedNetwork network, Town town)
{
    private const string Name = "operator";

    private readonly SimulatedProcess _process = new(world, Name);
    private readonly Chance _chance = world.Chance.Split();
    private readonly List<TownService> _services = [];
    private FastChatClient? _client;
    private ulong _request;

    /// <summary>The programs that publish.</summary>
    public IReadOnlyList<TownService> Services => _services;

    /// <summary>True when the programs may begin.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>True when every log is read.</summary>
    public bool HasRead { get; private set; }

    /// <summary>Makes the accounts of programs, confined to some conversations.</summary>
    public void Open() => _process.Begin(async () =>
    {
        SimulatedLink link = new(Name, TimeSpan.FromMicroseconds(100), TimeSpan.Zero);
        _client = await FastChatClient.ConnectAsync(new ClientOptions
        {
            Token = town.People[0].TokenOf(0),
            TimeProvider = _process.Clock,
            Seed = 1,
            Reconnect = new ReconnectPolicy { RetryFirstConnect = true },
            OpenTransport = cancellation => network.DialAsync(_process, link, cancellation),
        });
        for (int i = 0; i < 2; i++)
        {
            Room[] rooms = [.. town.Rooms.Where(room => room.Kind != ConversationKind.Direct && room.Number % 5 == i)];
            ServiceCreated made = await _client.CreateServiceAsync(
                string.Create(CultureInfo.InvariantCulture, $"program{i}"), ServiceRights.Publish | ServiceRights.Read, [.. rooms.Select(room => room.Id)]);
            town.Count("service made");

            // Who reads a group without belonging to it counts as a member in histories.
            foreach (Room room in rooms)
            {
                town.History.Write(new HistoryEvent { Op = HistoryOp.Member, Conversation = room.Id, Member = made.User });
            }

            _services.Add(new TownService(world, network, town, made, rooms, i));
        }

        IsOpen = true;
    });

    /// <summary>Takes the second program's account away after a while.</summary>
    public void RevokeLater(TimeSpan time) => _process.Begin(async () =>
    {
        await Task.Delay(time, _process.Clock);
        HistoryEvent revoke = new() { Process = Name, Op = HistoryOp.Revoke, Phase = HistoryPhase.Invoke, Member = _services[1].User };
        town.History.Write(revoke);
        try
        {
            await _client!.RevokeServiceAsync(_services[1].User);
            town.History.Write(revoke with { Phase = HistoryPhase.Ok });
            town.Count("service revoked");
        }
        catch (ClientException error)
        {
            // Asked again by itself after a break it may find that it was done: then nobody knows when.
            town.History.Write(revoke with { Phase = HistoryPhase.Info });
            town.Count(error is RequestException ? "service revoked before" : "outcome unknown");
        }
    });

    /// <summary>Reads everything.</summary>
    public void Read() => _process.Begin(async () =>
    {
        Acts acts = new(town, town.People[0], _chance, new TownPosts(town, _chance), _client!, Name, new Picture());
        town.History.Write(new HistoryEvent { Process = Name, Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke });
        town.History.Write(new HistoryEvent { Process = Name, Op = HistoryOp.Connect, Phase = HistoryPhase.Ok, Connection = 1, User = _client!.User, Device = _client.Device });
        foreach (Room room in town.Rooms.ToArray())
        {
            await ReadAsync(room.Id);
            await acts.ReadStatesAsync(room.Id, 1);
        }

        HasRead = true;
    });

    private async Task ReadAsync(ConversationId conversation)
    {
        HistoryEvent reading = new() { Process = Name, Op = HistoryOp.ReadLog, Request = (1ul << 32) + ++_request, Conversation = conversation };
        town.History.Write(reading with { Phase = HistoryPhase.Invoke });
        LogPosition after = LogPosition.Start;
        HistoryPage page;
        do
        {
            page = await _client!.FetchAsync(conversation, after, FetchDirection.Forward);
            foreach (ChatMessage message in page.Messages)
            {
                town.History.Write(ReadMessage.ToEvent(message) with { Process = Name, Request = reading.Request });
                after = message.Position;
            }
        }
        while (!page.IsComplete);
        town.History.Write(reading with { Phase = HistoryPhase.Ok, Epoch = page.Epoch, Head = page.Head });
    }
}

/// <summary>A program that publishes as itself and on behalf of people, in the conversations that it is confined to.</summary>
internal sealed class TownService(SimulatedWorld world, SimulatedNetwork network, Town town, ServiceCreated account, IReadOnlyList<Room> rooms, int number)
{
    private readonly SimulatedProcess _process = new(world, $"program-{number}");
    private readonly Chance _chance = world.Chance.Split();

    /// <summary>Its account.</summary>
    public UserId User => account.User;

    /// <summary>True when it publishes nothing any more.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Begins.</summary>
    public void Begin() => _process.Begin(async () =>
    {
        string name = $"program-{number}";
        SimulatedLink link = new(name, TimeSpan.FromMicroseconds(300), TimeSpan.FromMicroseconds(100));
        TailRecording recording = new(town.History, name);
        FastChatClient client = await FastChatClient.ConnectAsync(
            new ClientOptions
            {
                Token = account.Token,
                TimeProvider = _process.Clock,
                Seed = (int)_chance.Next(),
                ReadObserver = recording,
                OpenTransport = cancellation => network.DialAsync(_process, link, cancellation),
                Reconnect = new ReconnectPolicy { DelayMax = TimeSpan.FromSeconds(2), RetryFirstConnect = true },
            },
            recording.OnStateChanged);
        recording.Attach(client);
        TownPosts posts = new(town, _chance.Split());
        _process.Begin(() => ReadAsync(client, rooms[0].Id));
        try
        {
            while (!town.IsEnding)
            {
                Room room = _chance.OneIn(6) ? _chance.Of(town.Rooms) : _chance.Of(rooms);
                UserId behalf = _chance.OneIn(2) ? default : town.People[_chance.Between(1, town.People.Count - 1)].User;
                await posts.SendAsync(
                    client, name, behalf.IsNone ? "service text" : "on behalf", room.Id, MessageKind.Text, Encoding.UTF8.GetBytes($"{name} {_chance.Next():x16}"), onBehalfOf: behalf);
                await Task.Delay(_chance.Span(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(8)), _process.Clock);
            }
        }
        catch (ConnectionException)
        {
            // Its account was taken away.
            town.Count("service closed");
        }

        IsDone = true;
        await client.DisposeAsync();
    });

    /// <summary>It follows one of its conversations, for as long as it may.</summary>
    private async Task ReadAsync(FastChatClient client, ConversationId conversation)
    {
        try
        {
            await foreach (ChatMessage message in client.ReadAsync(conversation))
            {
                town.Count(message.Publisher == User ? "service heard itself" : "service heard");
            }
        }
        catch (ClientException)
        {
            // Its account was taken away, or the program ends.
            town.Count("service deaf");
        }
    }
}
