using System.Buffers.Binary;

using FastChat.Broker.Conversations;
using FastChat.Protocol;

namespace FastChat.Broker.Inbox;

/// <summary>A conversation of somebody's list, before it is described.</summary>
/// <param name="Conversation">Which.</param>
/// <param name="Membership">What the user is there, as their list says.</param>
/// <param name="Head">Its durable head.</param>
/// <param name="Last">Its last message.</param>
internal readonly record struct InboxRow(ConversationId Conversation, Membership Membership, ulong Head, LastMessage Last);

/// <summary>
/// The rows of one page: of all that are offered, in whatever order, the first ones behind the place where the page before ended. Most recently active first; the id decides between equals,
/// so that pages fit together. Only what is on the page is kept: lists
/// of thousands, made and sorted for each page, were large objects, and the collector's background thread had a sixth of the processor time of opening one (5,000 conversations, 2-core AMD
/// EPYC, 2026-11-26). Not for several threads.
/// </summary>
internal sealed class InboxPageRows
{
    /// <summary>Bytes of a place.</summary>
    public const int PlaceSize = sizeof(long) + Id128.Size;

    private readonly InboxRow[] _rows;
    private readonly (long TimeMicros, ConversationId Conversation)? _after;
    private int _count;
    private int _candidates;

    /// <param name="limit">Rows at the most, at least 1.</param>
    /// <param name="after">Where the page before ended; empty for the first.</param>
    public InboxPageRows(int limit, ReadOnlySpan<byte> after)
    {
        _rows = new InboxRow[limit];
        _after = after.IsEmpty ? null : (BinaryPrimitives.ReadInt64BigEndian(after), ConversationId.Read(after[sizeof(long)..]));
    }

    /// <summary>The rows, in order.</summary>
    public ArraySegment<InboxRow> Rows => new(_rows, 0, _count);

    /// <summary>True when nothing was offered that comes behind this page.</summary>
    public bool IsComplete => _candidates == _count;

    /// <summary>Where this page ends; not asked of an empty one.</summary>
    public byte[] Place
    {
        get
        {
            byte[] place = new byte[PlaceSize];
            BinaryPrimitives.WriteInt64BigEndian(place, _rows[_count - 1].Last.TimeMicros);
            _rows[_count - 1].Conversation.Write(place.AsSpan(sizeof(long)));
            return place;
        }
    }

    /// <summary>Takes a row if it belongs to the page, as far as is known.</summary>
    public void Offer(in InboxRow row)
    {
        if (_after is { } after && Compare(row, after.TimeMicros, after.Conversation) <= 0)
        {
            return;
        }

        _candidates++;
        int place = PlaceFor(row);
        if (place < _rows.Length)
        {
            // The last one of a full page falls off.
            int moved = Math.Min(_count, _rows.Length - 1) - place;
            Array.Copy(_rows, place, _rows, place + 1, moved);
            _rows[place] = row;
            _count = Math.Min(_count + 1, _rows.Length);
        }
    }

    private int PlaceFor(in InboxRow row)
    {
        int low = 0, high = _count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Compare(_rows[middle], row.Last.TimeMicros, row.Conversation) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private static int Compare(in InboxRow row, long timeMicros, ConversationId conversation) =>
        row.Last.TimeMicros != timeMicros ? timeMicros.CompareTo(row.Last.TimeMicros) : row.Conversation.Value.CompareTo(conversation.Value);
}
