using System.Buffers.Binary;
using System.Diagnostics;

using FastChat.Client;

namespace FastChat.Campaigns;

/// <summary>Publishes at a fixed rate to conversations in turn, whatever happens: each message carries the moment at which it was to be sent, so that what waits is counted as late.</summary>
internal sealed class SteadyPublisher(FastChatClient client, IReadOnlyList<ConversationId> conversations, int perSecond) : IPublishObserver
{
    private const int BodyBytes = 1024;

    private long _acknowledged;
    private long _failed;

    /// <summary>Publishes that were acknowledged.</summary>
    public long Acknowledged => Volatile.Read(ref _acknowledged);

    /// <summary>Publishes that were not.</summary>
    public long Failed => Volatile.Read(ref _failed);

    /// <summary>Publishes until it is told to stop, and then waits for the answers.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        long begun = Stopwatch.GetTimestamp();
        byte[] body = new byte[BodyBytes];
        for (long number = 0; !stop.IsCancellationRequested; number++)
        {
            long planned = begun + (long)((double)number / perSecond * Stopwatch.Frequency);
            TimeSpan early = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), planned);
            if (early > TimeSpan.Zero)
            {
                await Task.Delay(early, CancellationToken.None);
            }

            BinaryPrimitives.WriteInt64LittleEndian(body, planned);
            await client.PostAsync(conversations[(int)(number % conversations.Count)], default, MessageKind.Opaque, body, default, this, number, CancellationToken.None);
        }

        await client.FlushAsync(CancellationToken.None);
    }

    void IPublishObserver.OnPublished(long tag, in PublishReceipt receipt) => Interlocked.Increment(ref _acknowledged);

    void IPublishObserver.OnFailed(long tag, ClientException error) => Interlocked.Increment(ref _failed);
}
