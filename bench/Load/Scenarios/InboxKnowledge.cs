using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>What a device knows of its person's list, as it says it when it comes back (protocol.md §4.6, GetInbox): one request holds 1,600 conversations, so each is about a range of ids. Generator thread only.</summary>
internal sealed class InboxKnowledge
{
    private const int KnownMax = 1600;
    private const int KnownSize = 40;

    private readonly SortedDictionary<UInt128, (ulong Head, ulong Read, ulong Receipts)> _known = [];

    /// <summary>Takes over what the device was told.</summary>
    public void Apply(IEnumerable<ControlMap> rows)
    {
        foreach (ControlMap row in rows)
        {
            _known[row.Id("conversation")] = (row.Number("head", 0), row.Number("read", 0), row.Number("receipts", 0));
        }
    }

    /// <summary>The requests that together ask what is different.</summary>
    public IReadOnlyList<ControlMap> Requests(int limit)
    {
        UInt128[][] parts = [.. _known.Keys.Chunk(KnownMax)];
        ControlMap[] requests = new ControlMap[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            byte[] known = new byte[parts[i].Length * KnownSize];
            for (int j = 0; j < parts[i].Length; j++)
            {
                Span<byte> one = known.AsSpan(j * KnownSize, KnownSize);
                (ulong head, ulong read, ulong receipts) = _known[parts[i][j]];
                new ConversationId(parts[i][j]).Write(one);
                BinaryPrimitives.WriteUInt64LittleEndian(one[16..], head);
                BinaryPrimitives.WriteUInt64LittleEndian(one[24..], read);
                BinaryPrimitives.WriteUInt64LittleEndian(one[32..], receipts);
            }

            requests[i] = new ControlMap().Set("known", known).Set("limit", limit);
            requests[i] = i == 0 ? requests[i] : requests[i].SetId("first", parts[i][0]);
            requests[i] = i == parts.Length - 1 ? requests[i] : requests[i].SetId("last", parts[i + 1][0] - 1);
        }

        return requests;
    }
}
