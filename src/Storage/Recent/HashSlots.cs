using System.Numerics;

namespace FastChat.Storage;

/// <summary>
/// The slots of an open-addressing hash table whose entries lie elsewhere: each holds the upper half of a hash and the entry's number plus one; 0 is empty. The same half says where to
/// begin, so that growing reads nothing but the slots: it happens while a commit waits. Linear probing, at most half full. Nothing is ever removed but by <see cref="Clear"/>.
/// <para>
/// Threads: one writer, any number of readers without a lock. A slot is one store, made after the entry it names; growing publishes a whole new array. A reader that began before sees what there was then.
/// </para>
/// </summary>
/// <param name="entries">How many it takes before it grows for the first time.</param>
internal sealed class HashSlots(int entries)
{
    private ulong[] _slots = new ulong[BitOperations.RoundUpToPowerOf2(2 * (uint)Math.Max(entries, 8))];

    /// <summary>Entries.</summary>
    public int Count { get; private set; }

    /// <summary>The slots as they are now, for a probe.</summary>
    public ReadOnlySpan<ulong> Snapshot => Volatile.Read(ref _slots);

    /// <summary>The slot to begin with, and the mask to step with.</summary>
    public static int Begin(ReadOnlySpan<ulong> slots, ulong hash) => (int)(hash >> 32) & (slots.Length - 1);

    /// <summary>Whether a slot's entry has the same upper half of the hash; then its key is worth a look.</summary>
    public static bool Matches(ulong slot, ulong hash) => (uint)(slot >> 32) == (uint)(hash >> 32);

    /// <summary>The entry that a slot names.</summary>
    public static int Entry(ulong slot) => (int)(uint)slot - 1;

    /// <summary>Names another entry in a slot, under the same hash. Writer.</summary>
    public void Replace(int index, ulong hash, int entry) => Volatile.Write(ref _slots[index], Slot(hash, entry));

    /// <summary>Adds an entry whose key is not there yet. Writer.</summary>
    public void Add(ulong hash, int entry)
    {
        if (2 * (Count + 1) > _slots.Length)
        {
            Grow();
        }

        Place(_slots, hash, entry);
        Count++;
    }

    /// <summary>Empties the table, with no reader inside. Arrays stay as large as they became.</summary>
    public void Clear()
    {
        Array.Clear(_slots);
        Count = 0;
    }

    private static ulong Slot(ulong hash, int entry) => (hash & 0xFFFF_FFFF_0000_0000) | (uint)(entry + 1);

    private static void Place(ulong[] slots, ulong hash, int entry)
    {
        int index = Begin(slots, hash);
        while (slots[index] != 0)
        {
            index = (index + 1) & (slots.Length - 1);
        }

        Volatile.Write(ref slots[index], Slot(hash, entry));
    }

    private void Grow()
    {
        ulong[] larger = new ulong[2 * _slots.Length];
        foreach (ulong slot in _slots)
        {
            if (slot != 0)
            {
                Place(larger, slot, Entry(slot));
            }
        }

        Volatile.Write(ref _slots, larger);
    }
}
