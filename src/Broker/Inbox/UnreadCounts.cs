using System.Buffers;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Inbox;

/// <summary>
/// Unread counts, computed from the log and never kept as a truth of their own, so that they cannot drift: the messages of others behind the reader's cursor that are not deleted (P14). What was counted is
/// remembered, so that the next look reads only what has come since; whatever a deletion among that may concern is counted anew. Any thread.
/// </summary>
internal sealed class UnreadCounts(IConversationLog log, int entriesMax)
{
    /// <summary>Records that are looked at behind a cursor; beyond it the count says that there are more.</summary>
    public const int CountedMax = 10_000;

    private const int PageBytes = 256 * 1024;
    private const int LastLookedAtMax = 512;

    private readonly RecentCache<(UserId, ConversationId), Counted> _counts = new(entriesMax);
    private readonly RecentCache<ConversationId, LastMessage> _lasts = new(entriesMax);

    /// <summary>What was counted, up to where.</summary>
    private readonly record struct Counted(ulong Read, ulong Head, int Count, bool IsMore);

    /// <summary>How many messages wait for a reader.</summary>
    /// <param name="after">The reader's cursor, or what lies before their right to read.</param>
    /// <param name="head">The durable head.</param>
    public (int Count, bool IsMore) Of(UserId reader, ConversationId conversation, ulong after, ulong head)
    {
        if (after >= head)
        {
            return (0, false);
        }

        bool isKnown = _counts.TryGet((reader, conversation), out Counted known) && known.Read == after && known.Head <= head && !known.IsMore;
        Counted counted = isKnown && TryCount(reader, conversation, known.Head, head, known.Count, goesOn: true) is { } more
            ? more with { Read = after }
            : TryCount(reader, conversation, after, head, 0, goesOn: false)!.Value;
        _counts.Set((reader, conversation), counted);
        return (counted.Count, counted.IsMore);
    }

    /// <summary>The last message of a conversation, and when something happened there last.</summary>
    public LastMessage LastOf(ConversationId conversation, ulong head)
    {
        bool isKnown = _lasts.TryGet(conversation, out LastMessage before) && before.Head <= head;
        if (head == 0 || (isKnown && before.Head == head))
        {
            return before;
        }

        // Up to where it was looked at before there is nothing new.
        LastMessage last = isKnown ? before with { Head = head } : new LastMessage(head, 0, 0);
        ArrayBufferWriter<byte> buffer = new();
        ulong position = head + 1;
        ulong floor = Math.Max(isKnown ? before.Head : 0, head > LastLookedAtMax ? head - LastLookedAtMax : 0);
        for (int count = 8; position > floor + 1; count *= 4)
        {
            buffer.ResetWrittenCount();
            LogPage page = log.ReadBackward(conversation, position, (int)Math.Min((ulong)count, position - 1 - floor), PageBytes, buffer);
            if (page.Count == 0)
            {
                break;
            }

            position = page.First;
            if (Newest(buffer.WrittenSpan, ref last))
            {
                break;
            }
        }

        _lasts.Set(conversation, last);
        return last;
    }

    private static bool Newest(ReadOnlySpan<byte> records, ref LastMessage last)
    {
        bool isFound = false;
        long time = 0;
        while (MessageRecord.TryRead(ref records, out MessageRecord record))
        {
            time = record.SentAtMicros;
            if (MessageKinds.IsMessage(record.Kind))
            {
                isFound = true;
                last = last with { Sequence = record.Sequence, TimeMicros = record.SentAtMicros };
            }
        }

        last = last.TimeMicros == 0 ? last with { TimeMicros = time } : last;
        return isFound;
    }

    /// <summary>Null when what was counted before has to be counted anew.</summary>
    private Counted? TryCount(UserId reader, ConversationId conversation, ulong after, ulong head, int before, bool goesOn)
    {
        HashSet<ulong> unread = [];
        ArrayBufferWriter<byte> buffer = new();
        int looked = 0;
        ulong position = after;
        while (position < head && looked < CountedMax)
        {
            buffer.ResetWrittenCount();
            LogPage page = log.ReadForward(conversation, position, head, CountedMax - looked, PageBytes, buffer);
            if (page.Count == 0)
            {
                break;
            }

            ReadOnlySpan<byte> records = buffer.WrittenSpan;
            while (MessageRecord.TryRead(ref records, out MessageRecord record))
            {
                if (record.Kind is MessageKind.Delete or MessageKind.Expired && DeleteBody.TryRead(record.Body, out DeleteBody deletion) && !unread.Remove(deletion.Target) && goesOn)
                {
                    return null;
                }

                if (record.Kind == MessageKind.Erased && ErasedBody.TryRead(record.Body, out IReadOnlyList<ulong> erased) && !Remove(unread, erased) && goesOn)
                {
                    return null;
                }

                if (MessageKinds.IsMessage(record.Kind) && record.Sender != reader && (record.Flags & RecordFlags.Erased) == 0)
                {
                    unread.Add(record.Sequence);
                }
            }

            position = page.Last;
            looked += page.Count;
        }

        return new Counted(after, head, before + unread.Count, position < head);
    }

    /// <summary>False when one of them was not among what is unread: it may have been counted before.</summary>
    private static bool Remove(HashSet<ulong> unread, IReadOnlyList<ulong> erased)
    {
        int count = unread.Count;
        unread.ExceptWith(erased);
        return count - unread.Count == erased.Count;
    }
}

/// <summary>The last message of a conversation.</summary>
/// <param name="Head">The head when it was looked for.</param>
/// <param name="Sequence">Its sequence; 0 = there is none among the last records.</param>
/// <param name="TimeMicros">When it reached the broker, or the last record when there is none, µs since 1970-01-01 UTC.</param>
internal readonly record struct LastMessage(ulong Head, ulong Sequence, long TimeMicros);
