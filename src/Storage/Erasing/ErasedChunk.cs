using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// A chunk of the log made anew with tombstones in the place of some of its records. Its key, its count, its epoch and the chain behind it stay, so it takes the old one's place; only its size
/// changes, to at most a half more (records of 68 bytes that become 100). Keeps its buffer; one thread.
/// </summary>
internal sealed class ErasedChunk
{
    private byte[] _bytes = new byte[ChunkHeader.Size + ProtocolLimits.ChunkSizeMax];

    /// <summary>Makes the chunk; false when none of its records has to change. The bytes live until the next call.</summary>
    /// <param name="erased">What is to be erased of the chunk's conversation.</param>
    /// <exception cref="CorruptRecordException">The chunk is damaged, or a record of which the body is to be erased: its hash cannot be told any more.</exception>
    public bool TryMake(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ErasedSequences erased, out ReadOnlySpan<byte> made)
    {
        ChunkHeader header = ChunkHeader.Read(key, value);
        int size = ChunkHeader.Size;
        bool isChanged = false;
        ReadOnlySpan<byte> rest = value[ChunkHeader.Size..];
        while (MessageRecord.TryRead(ref rest, out MessageRecord record))
        {
            bool becomesTombstone = erased.Covers(record);
            if (becomesTombstone && !record.ChecksumMatches)
            {
                throw new CorruptRecordException($"Record {record.Sequence} in {ChunkHeader.Name(key)} does not match its checksum: it cannot be erased.");
            }

            Reserve(size, Tombstone.SizeOf(record) + record.Bytes.Length);
            if (becomesTombstone)
            {
                Tombstone.Write(_bytes.AsSpan(size), record);
                size += Tombstone.SizeOf(record);
                isChanged = true;
            }
            else
            {
                record.Bytes.CopyTo(_bytes.AsSpan(size));
                size += record.Bytes.Length;
            }
        }

        // What is behind the last readable record stays as it is, whatever it is: damage is for `verify` to report, and erasing neither hides nor adds any.
        Reserve(size, rest.Length);
        rest.CopyTo(_bytes.AsSpan(size));
        size += rest.Length;
        ChunkHeader.Write(_bytes, key, header.Count, header.Epoch, header.ChainAfter);
        made = _bytes.AsSpan(0, size);
        return isChanged;
    }

    private void Reserve(int size, int more)
    {
        if (size + more > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(size + more, 2 * _bytes.Length));
        }
    }
}
