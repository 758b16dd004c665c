using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>The last step of every erasure: what was deleted from small state leaves the files, too.</summary>
internal static class FilePurge
{
    /// <summary>Waits until no file has anything of these prefixes that was deleted. It blocks for as long as tables are merged, so it has a thread of its own.</summary>
    /// <exception cref="StorageException">It cannot be done now.</exception>
    public static async Task RunAsync(IConversationLog log, IReadOnlyList<byte[]> prefixes)
    {
        // A log in memory has no files, and a simulated world no threads.
        if (log is not RocksDbConversationLog)
        {
            return;
        }

        TaskCompletionSource done = new(Continuation.Asynchronously);
        new Thread(() =>
        {
            try
            {
                log.EraseDeleted(prefixes);
                done.SetResult();
            }
            catch (Exception failure)
            {
                done.SetException(failure);
            }
        })
        { Name = "fastchat-purge", IsBackground = true }.Start();
        await done.Task;
    }
}
