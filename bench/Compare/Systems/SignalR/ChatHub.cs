using Microsoft.AspNetCore.SignalR;

namespace FastChat.Bench.Compare.Systems.SignalR;

/// <summary>A chat as SignalR's own documentation writes one: conversations are groups, a message goes to all of a group.</summary>
public sealed class ChatHub : Hub
{
    /// <summary>What clients are called with for each message.</summary>
    public const string Delivery = "m";

    /// <summary>The caller's connection receives what is published from now on.</summary>
    public Task Join(int conversation) => Groups.AddToGroupAsync(Context.ConnectionId, GroupOf(conversation));

    /// <summary>Hands a payload to every member; completes when it is in their send buffers.</summary>
    public Task Publish(int conversation, byte[] payload) => Clients.Group(GroupOf(conversation)).SendAsync(Delivery, payload);

    private static string GroupOf(int conversation) => conversation.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
