using FastChat.Cli;
using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>An operator who reads every log from its first record to its head, and the members of every group, when nothing happens any more.</summary>
internal sealed class Reader(SimulatedWorld world, SimulatedNetwork network, Community community)
{
    private const string Name = "reader";

    private readonly SimulatedProcess _process = new(world, Name);
    private ulong _request;

    /// <summary>True when everything is read.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Begins.</summary>
    public void Begin() => _process.Begin(ReadAllAsync);

    private async Task ReadAllAsync()
    {
        SimulatedLink link = new(Name, TimeSpan.FromMicroseconds(100), TimeSpan.Zero);
        await using FastChatClient client = await FastChatClient.ConnectAsync(new ClientOptions
        {
            Token = community.People[0].Token,
            TimeProvider = _process.Clock,
            Seed = 1,
            Reconnect = new ReconnectPolicy { RetryFirstConnect = true },
            OpenTransport = cancellation => network.DialAsync(_process, link, cancellation),
        });
        foreach (ConversationId conversation in community.Conversations)
        {
            await ReadAsync(client, conversation);
        }

        foreach (Group group in community.Groups)
        {
            MemberPage page = await client.ListMembersAsync(group.Id);
            community.LastMembers[group.Id] = [.. page.Members.Select(member => member.User)];
        }

        IsDone = true;
    }

    private async Task ReadAsync(FastChatClient client, ConversationId conversation)
    {
        HistoryEvent reading = new() { Process = Name, Op = HistoryOp.ReadLog, Request = ++_request, Conversation = conversation };
        community.History.Write(reading with { Phase = HistoryPhase.Invoke });
        LogPosition after = LogPosition.Start;
        HistoryPage page;
        do
        {
            page = await client.FetchAsync(conversation, after, FetchDirection.Forward);
            foreach (ChatMessage message in page.Messages)
            {
                community.History.Write(ReadMessage.ToEvent(message) with { Process = Name, Request = _request });
                after = message.Position;
            }
        }
        while (!page.IsComplete);
        community.History.Write(reading with { Phase = HistoryPhase.Ok, Epoch = page.Epoch, Head = page.Head });
    }
}
