using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Forward reads that follow one another within moments: what one of them opened, and its place, serve the next. A page by itself spends much of its time on opening an iterator over every
/// file of the log and on finding its first record.
/// <para>
/// It keeps files and a snapshot of the tables alive from the first read until <see cref="Release"/>. So it is released before anything is awaited that a peer decides about, and it holds
/// nothing of the journal between reads. What it reads is never older than what <see cref="IConversationLog.ReadForward"/> would give at the same moment.
/// </para>
/// Threads: one at a time. The log may be closed at any time; reads throw then, and <see cref="Release"/> does nothing.
/// </summary>
public interface ILogReader : IDisposable
{
    /// <summary>As <see cref="IConversationLog.ReadForward"/>. Cheapest when it continues where the last read ended.</summary>
    /// <exception cref="CorruptRecordException">A record or chunk does not match its checksum: never served.</exception>
    LogPage ReadForward(ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target);

    /// <summary>Lets go of everything that is held. The reader may be used again.</summary>
    void Release();
}

/// <summary>Reads page by page: for logs that have nothing worth holding.</summary>
internal sealed class PagewiseReader(IConversationLog log) : ILogReader
{
    public LogPage ReadForward(ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target) =>
        log.ReadForward(conversation, after, through, countMax, bytesMax, target);

    public void Release()
    {
    }

    public void Dispose()
    {
    }
}
