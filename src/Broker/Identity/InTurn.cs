using FastChat.Shared;

namespace FastChat.Broker.Identity;

/// <summary>Lets what reads, decides and writes in more than one shard go one after the other, in the order in which it came. Any thread.</summary>
internal sealed class InTurn
{
    private readonly Lock _gate = new();
    private Task _last = Task.CompletedTask;

    /// <summary>Does it when everybody who came before is done.</summary>
    public async Task<T> RunAsync<T>(Func<Task<T>> work)
    {
        TaskCompletionSource done = new(Continuation.Asynchronously);
        Task before;
        lock (_gate)
        {
            (before, _last) = (_last, done.Task);
        }

        await before;
        try
        {
            return await work();
        }
        finally
        {
            done.SetResult();
        }
    }
}
