using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>Accounts with the real client, on the real broker.</summary>
internal static class People
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>A new account; it comes back by itself when the broker was killed.</summary>
    public static Task<FastChatClient> RegisterAsync(TestBroker broker, string name) => FastChatClient.ConnectAsync(new ClientOptions
    {
        Endpoint = ClientEndpoint.Parse(broker.Process.Tcp.ToString()),
        Name = name,
        Password = TestBroker.Password,
        Register = true,
        Reconnect = new ReconnectPolicy { FirstDelay = TimeSpan.FromMilliseconds(50), DelayMax = TimeSpan.FromMilliseconds(500), SpreadMax = TimeSpan.FromMilliseconds(50) },
    });

    /// <summary>Another device of the account.</summary>
    public static Task<FastChatClient> SignInAsync(TestBroker broker, string name) => FastChatClient.ConnectAsync(new ClientOptions
    {
        Endpoint = ClientEndpoint.Parse(broker.Process.Tcp.ToString()),
        Name = name,
        Password = TestBroker.Password,
    });

    /// <summary>Everything that the user may read, by one page after another, forward.</summary>
    public static async Task<List<ChatMessage>> ReadAllAsync(this FastChatClient client, ConversationId conversation)
    {
        List<ChatMessage> all = [];
        HistoryPage page;
        do
        {
            page = await client.FetchAsync(conversation, new LogPosition(0, all.Count == 0 ? 0 : all[^1].Sequence), FetchDirection.Forward, countMax: 3);
            all.AddRange(page.Messages);
        }
        while (!page.IsComplete);
        return all;
    }

    /// <summary>What the user is told about a conversation.</summary>
    public static async Task<MemberRole> RoleAsync(this FastChatClient client, ConversationId conversation) => (await client.GetConversationAsync(conversation)).Role;

    /// <summary>The members by name.</summary>
    public static async Task<Dictionary<string, MemberRole>> MembersAsync(this FastChatClient client, ConversationId conversation)
    {
        Dictionary<string, MemberRole> members = [];
        MemberPage page = new([], false);
        while (!page.IsComplete)
        {
            page = await client.ListMembersAsync(conversation, page.Next, limit: 1);
            foreach (MemberInfo member in page.Members)
            {
                members.Add(member.Name, member.Role);
            }
        }

        return members;
    }

    /// <summary>Waits until what was noticed is enough.</summary>
    public static async Task UntilAsync(Func<bool> holds, string what)
    {
        using CancellationTokenSource deadline = new(Patience);
        while (!holds())
        {
            Assert.That(deadline.IsCancellationRequested, Is.False, what);
            await Task.Delay(20, CancellationToken.None);
        }
    }

    /// <summary>The request is refused with this code.</summary>
    public static void Refuses(Func<Task> ask, ErrorCode code) => Assert.That(ask, Throws.InstanceOf<RequestException>().With.Property(nameof(RequestException.Code)).EqualTo(code));
}
