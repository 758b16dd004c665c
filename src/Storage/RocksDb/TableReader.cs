using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// The durable log's reader: it keeps RocksDB's iterator between reads, and only that; each read enters the view of its moment.
/// <para>
/// An iterator sees the tables as they were when it was made, so it serves only as long as nothing that a reader must see can be in the tables and not in it. Two things can bring that about, and
/// each is told by a number: a file that left the journal's view since then (<see cref="RecentView.Number"/>), and something that changed what the tables had
/// (<see cref="RocksDbConversationLog.Rewrites"/>). What is noted to be erased is asked first, for each read: see <see cref="NotedErasures"/>. A note is taken away after the second number has
/// grown, so who does not find it any more does not keep an iterator that still has the old text either.
/// </para>
/// </summary>
internal sealed class TableReader(RocksDbConversationLog log, RocksDbStore tables, SegmentMover mover, HeldIterators held, NotedErasures noted, RecordOpener? opener) : ILogReader
{
    private nint _iterator;
    private long _view;
    private long _rewrites;

    public LogPage ReadForward(ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target)
    {
        Span<byte> id = stackalloc byte[Id128.Size];
        conversation.Write(id);
        ErasedSequences erased = noted.Of(conversation);
        RecentView view = mover.Enter(log);
        bool isRead = false;
        try
        {
            long rewrites = log.Rewrites;
            if (_iterator != 0 && (_view != view.Number || _rewrites != rewrites))
            {
                Release();
            }

            LogCursor cursor = new(tables, view, conversation, id, _iterator);
            try
            {
                LogPage page = ChunkPager.Forward(ref cursor, conversation, after, through, countMax, bytesMax, target, erased, opener, tables);
                isRead = true;
                return page;
            }
            finally
            {
                if (_iterator == 0 && cursor.Table is var made and not 0)
                {
                    held.Add(made);
                    (_iterator, _view, _rewrites) = (made, view.Number, rewrites);
                }
            }
        }
        finally
        {
            if (!isRead)
            {
                // An iterator that could not read stays where it failed.
                Release();
            }

            view.Leave();
        }
    }

    public void Release()
    {
        if (_iterator != 0)
        {
            held.Close(_iterator);
            _iterator = 0;
        }
    }

    public void Dispose() => Release();
}
