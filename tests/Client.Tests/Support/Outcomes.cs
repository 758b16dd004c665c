using System.Collections.Concurrent;

namespace FastChat.Client.Tests;

/// <summary>An observer that writes down what it hears, and that nothing is heard twice.</summary>
internal sealed class Outcomes : IPublishObserver
{
    private readonly ConcurrentDictionary<long, object> _byTag = new();
    private readonly ConcurrentQueue<long> _order = new();

    public int Count => _byTag.Count;

    /// <summary>Tags in the order in which they were answered.</summary>
    public IReadOnlyCollection<long> Order => _order;

    public int Repeated { get; private set; }

    public PublishReceipt Receipt(long tag) => (PublishReceipt)_byTag[tag];

    public ClientException Error(long tag) => (ClientException)_byTag[tag];

    public void OnPublished(long tag, in PublishReceipt receipt) => Note(tag, receipt);

    public void OnFailed(long tag, ClientException error) => Note(tag, error);

    private void Note(long tag, object outcome)
    {
        _order.Enqueue(tag);
        Repeated += _byTag.TryAdd(tag, outcome) ? 0 : 1;
    }
}

internal static class Posts
{
    public static readonly ConversationId Lobby = new(0xC0);
    public static readonly ConversationId Attic = new(0xC1);

    public static ValueTask PostTextAsync(this FastChatClient client, ConversationId conversation, string text, IPublishObserver observer, long tag) =>
        client.PostAsync(conversation, default, MessageKind.Text, System.Text.Encoding.UTF8.GetBytes(text), default, observer, tag);
}
