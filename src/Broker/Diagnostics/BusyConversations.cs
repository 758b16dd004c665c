using System.Diagnostics;
using System.Runtime.InteropServices;

using FastChat.Protocol;

namespace FastChat.Broker.Diagnostics;

/// <summary>A conversation that much was written in. Both numbers are lower bounds: so much it was, at the least.</summary>
/// <param name="Conversation">Which.</param>
/// <param name="Messages">Records.</param>
/// <param name="Bytes">Their bytes.</param>
internal readonly record struct BusyConversation(ConversationId Conversation, long Messages, long Bytes);

/// <summary>
/// The conversations that most is written in, of the last minute, in memory that does not grow with how many there are: a space-saving sketch (Metwally, Agrawal, El Abbadi 2005) for each ten seconds, the last six of which count. A sketch follows
/// <see cref="Followed"/> conversations. One that it does not follow takes the place of the one with the least, and that one's count, as what it may be counted too high by. Whoever has more than one record in <see cref="Followed"/> is always followed,
/// and the count less what it may be too high by is never too high.
/// <para>
/// Adding costs a look into a table, and for a conversation that is new to it the search for a place, once for each conversation of a turn and not for each message (docs/decisions/0041-operators-page.md). Nothing is allocated. The loop's thread only.
/// </para>
/// </summary>
internal sealed class BusyConversations
{
    /// <summary>Conversations that are followed at a time.</summary>
    public const int Followed = 64;

    private const int Windows = 6;
    private const long WindowMicros = 10_000_000;

    private readonly Sketch[] _windows = [.. Enumerable.Range(0, Windows).Select(static _ => new Sketch())];

    /// <summary>Records were written.</summary>
    /// <param name="conversation">Where.</param>
    /// <param name="messages">How many.</param>
    /// <param name="bytes">Their bytes.</param>
    /// <param name="now">When, µs of a clock that may be set back: then a window counts that would otherwise have passed.</param>
    public void Add(ConversationId conversation, long messages, long bytes, long now)
    {
        long period = now / WindowMicros;
        Sketch sketch = _windows[(int)(period % Windows)];
        if (sketch.Period != period)
        {
            sketch.Begin(period);
        }

        sketch.Add(conversation, messages, bytes);
    }

    /// <summary>The busiest, most messages first.</summary>
    /// <param name="count">How many at the most.</param>
    /// <param name="now">As in <see cref="Add"/>.</param>
    public List<BusyConversation> Top(int count, long now)
    {
        Dictionary<ConversationId, BusyConversation> sums = [];
        foreach (Sketch sketch in _windows)
        {
            if (now / WindowMicros - sketch.Period is >= 0 and < Windows)
            {
                sketch.AddTo(sums);
            }
        }

        return Ordered(sums.Values, count);
    }

    /// <summary>The busiest of several loops: each conversation belongs to one of them.</summary>
    public static List<BusyConversation> Ordered(IEnumerable<BusyConversation> all, int count) =>
        [.. all.OrderByDescending(static one => one.Messages).ThenByDescending(static one => one.Bytes).ThenBy(static one => one.Conversation.Value).Take(count)];

    private sealed class Sketch
    {
        private readonly Dictionary<ConversationId, int> _places = new(Followed);
        private readonly ConversationId[] _conversations = new ConversationId[Followed];

        // Apart from the rest: looking for the least is looking through these.
        private readonly long[] _counts = new long[Followed];
        private readonly Rest[] _rest = new Rest[Followed];

        /// <summary>The smallest count of the last look, and how far it was looked for: counts only grow, so no place before has it any more, and none has less.</summary>
        private long _least;
        private int _looked;

        public long Period { get; private set; } = long.MinValue / 2;

        public void Begin(long period)
        {
            Period = period;
            _places.Clear();
            (_least, _looked) = (0, 0);
        }

        public void Add(ConversationId conversation, long messages, long bytes)
        {
            ref int known = ref CollectionsMarshal.GetValueRefOrNullRef(_places, conversation);
            int place = System.Runtime.CompilerServices.Unsafe.IsNullRef(ref known) ? Follow(conversation) : known;
            _counts[place] += messages;
            _rest[place].Bytes += bytes;
        }

        public void AddTo(Dictionary<ConversationId, BusyConversation> sums)
        {
            foreach ((ConversationId conversation, int place) in _places)
            {
                BusyConversation sum = sums.GetValueOrDefault(conversation, new BusyConversation(conversation, 0, 0));
                sums[conversation] = sum with { Messages = sum.Messages + _counts[place] - _rest[place].TooHighBy, Bytes = sum.Bytes + _rest[place].Bytes };
            }
        }

        private int Follow(ConversationId conversation)
        {
            int place = _places.Count;
            if (place < Followed)
            {
                (_counts[place], _rest[place]) = (0, default);
            }
            else
            {
                place = PlaceOfLeast();
                bool wasThere = _places.Remove(_conversations[place]);
                Debug.Assert(wasThere, "who has a place is in the table");
                _rest[place] = new Rest { TooHighBy = _counts[place] };
            }

            _conversations[place] = conversation;
            _places.Add(conversation, place);
            return place;
        }

        /// <summary>Among many that have the same, which is when it is asked most, each is found behind the one before.</summary>
        private int PlaceOfLeast()
        {
            while (true)
            {
                for (; _looked < _counts.Length; _looked++)
                {
                    if (_counts[_looked] == _least)
                    {
                        return _looked;
                    }
                }

                _least = long.MaxValue;
                foreach (long count in _counts)
                {
                    _least = Math.Min(_least, count);
                }

                _looked = 0;
            }
        }

        private struct Rest
        {
            public long TooHighBy;
            public long Bytes;
        }
    }
}
