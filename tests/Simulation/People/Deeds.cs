using FastChat.Cli;
using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>What somebody may do next: one thing at a time, written into the history before it is asked for and when it is answered.</summary>
internal sealed class Deeds(Community community, Account self, Chance chance, Posts posts, FastChatClient client, string process)
{
    private readonly ConversationId[] _all = [.. community.Conversations];
    private ulong _request;

    /// <summary>Does something, and waits for its answer where one is worth waiting for.</summary>
    public async Task DoAsync()
    {
        try
        {
            switch (chance.Below(20))
            {
                case < 11:
                    await PostBurstAsync();
                    break;
                case 11:
                    await posts.SendTwiceAsync(client, process, chance.Of(_all));
                    break;
                case < 14:
                    await posts.SendAgainAsync(client, process, withOtherBody: false);
                    break;
                case 14:
                    await posts.SendAgainAsync(client, process, withOtherBody: true);
                    break;
                case < 18:
                    await FetchAsync();
                    break;
                default:
                    await ChangeMembersAsync();
                    break;
            }
        }
        catch (ClientException)
        {
            // Refused, or cut off: that is written down, and the next deed is another one.
        }
    }

    /// <summary>The first conversation more than the others, and never in lock-step with the answers.</summary>
    private async Task PostBurstAsync()
    {
        for (int burst = chance.OneIn(10) ? chance.Between(10, 60) : chance.Between(1, 5); burst > 0; burst--)
        {
            await posts.SendNewAsync(client, process, chance.OneIn(2) ? _all[0] : chance.Of(_all));
        }
    }

    private async Task FetchAsync()
    {
        ConversationId conversation = chance.Of(_all);
        bool isBackward = chance.OneIn(2);
        LogPosition position = isBackward ? new LogPosition(0, LogPosition.Latest) : LogPosition.Start;
        for (int pages = chance.Between(1, 3); pages > 0; pages--)
        {
            HistoryEvent fetch = new() { Process = process, Op = HistoryOp.Fetch, Request = ++_request, Conversation = conversation };
            community.History.Write(fetch with { Phase = HistoryPhase.Invoke, Epoch = position.Epoch, Cursor = position.Sequence, Backward = isBackward });
            HistoryPage page = await client.FetchAsync(conversation, position, isBackward ? FetchDirection.Backward : FetchDirection.Forward, chance.Between(1, 50));
            foreach (ChatMessage message in page.Messages)
            {
                community.History.Write(ReadMessage.ToEvent(message) with { Process = process, Request = fetch.Request });
            }

            bool isEmpty = page.Messages.Count == 0;
            community.Count("page");
            community.History.Write(fetch with
            {
                Phase = HistoryPhase.Ok,
                Epoch = page.Epoch,
                Head = page.Head,
                Complete = page.IsComplete,
                First = isEmpty ? 0 : page.Messages[0].Sequence,
                Last = isEmpty ? 0 : page.Messages[^1].Sequence,
            });
            if (page.IsComplete || isEmpty)
            {
                return;
            }

            position = isBackward ? page.Messages[0].Position : page.Messages[^1].Position;
        }
    }

    /// <summary>The owner adds and removes others; everybody else leaves now and then.</summary>
    private async Task ChangeMembersAsync()
    {
        if (community.Groups.Count == 0)
        {
            return;
        }

        Group group = chance.Of(community.Groups);
        bool isOwner = group.Owner == self.Number;
        Account member = isOwner ? chance.Of(community.People) : self;
        if (isOwner == (member == self))
        {
            return;
        }

        bool isAdding = isOwner && chance.Below(3) > 0;
        HistoryEvent change = new() { Process = process, Op = isAdding ? HistoryOp.AddMember : HistoryOp.RemoveMember, Conversation = group.Id, Member = member.User };
        community.History.Write(change with { Phase = HistoryPhase.Invoke });
        try
        {
            ulong sequence = isAdding ? (await client.AddMembersAsync(group.Id, [member.User])).Sequence : await client.RemoveMemberAsync(group.Id, isOwner ? member.User : default);
            community.History.Write(change with { Phase = HistoryPhase.Ok, Sequence = sequence });
            community.Count(isAdding ? "member added" : "member removed");
        }
        catch (ClientException error)
        {
            bool isRefused = error is RequestException { Code: not (ErrorCode.Internal or ErrorCode.StoreUnavailable) };
            community.History.Write(change with { Phase = isRefused ? HistoryPhase.Fail : HistoryPhase.Info });
        }
    }
}
