using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Broker.Presence;

/// <summary>
/// Makes records durable: one write at a time for a person, last-seen times of many people together, one command for each shard. What a crash takes is a last-seen time of the last minute.
/// The caller holds the room's lock where this says so.
/// </summary>
internal sealed class PresenceWriter(PresenceStore store, TimeProvider clock, Lock room)
{
    /// <summary>A last-seen time is in whole minutes for others; storing it more often tells nobody anything.</summary>
    private const long PauseMicros = 60_000_000;

    /// <summary>Records written together: 64 shards share them, and a command has at most 64 KiB.</summary>
    private const int TogetherMax = 256;

    private readonly Queue<Person> _owing = new();

    /// <summary>Notes that the person's record is to be written. Under the lock.</summary>
    public void Owe(Person person)
    {
        if (!person.OwesWrite)
        {
            person.OwesWrite = true;
            _owing.Enqueue(person);
        }
    }

    /// <summary>Writes what is owed and due. Not under the lock. Returns when everything is on its way; the task completes when it is durable.</summary>
    /// <param name="forget">Called under the lock for each person who was written.</param>
    /// <param name="isLast">Everything, whether it is due or not.</param>
    public Task WriteOwedAsync(Action<Person> forget, bool isLast)
    {
        List<(Person Person, PresenceRecord Record)> due = [];
        lock (room)
        {
            long nowMicros = (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
            for (int left = _owing.Count; left > 0 && (isLast || due.Count < TogetherMax); left--)
            {
                Person person = _owing.Dequeue();
                if (person.Writing is not null || (!isLast && nowMicros - person.StoredSeenMicros < PauseMicros))
                {
                    _owing.Enqueue(person);
                    continue;
                }

                person.OwesWrite = false;
                Begin(person);
                due.Add((person, person.Record));
            }
        }

        return Task.WhenAll(due
            .GroupBy(entry => store.ShardOf(entry.Person.User))
            .SelectMany(static shard => shard.Chunk(TogetherMax).Select(part => (Shard: shard.Key, Part: part)))
            .Select(write => WriteAsync(write.Shard, write.Part, forget)));
    }

    /// <summary>Marks a write of the person as under way. Under the lock, when none is.</summary>
    public static void Begin(Person person) => person.Writing = new TaskCompletionSource(Continuation.Asynchronously);

    /// <summary>The write under way has ended. Under the lock.</summary>
    /// <param name="person">Whose it was.</param>
    /// <param name="written">What is durable now; null when it was refused.</param>
    public static void End(Person person, PresenceRecord? written)
    {
        TaskCompletionSource writing = person.Writing!;
        person.Writing = null;
        person.StoredSeenMicros = written?.LastSeenMicros ?? person.StoredSeenMicros;

        writing.SetResult();
    }

    private async Task WriteAsync(int shard, (Person Person, PresenceRecord Record)[] part, Action<Person> forget)
    {
        bool isWritten = false;
        try
        {
            CommandResult result = await store.WriteAsync(shard, part.Select(static entry => (entry.Person.User, entry.Record)).ToArray());
            isWritten = result.Error == ErrorCode.None;
        }
        finally
        {
            // A refusal (no room, a failed store) loses a last-seen time and nothing else: the next lease that ends brings another.
            lock (room)
            {
                foreach ((Person person, PresenceRecord record) in part)
                {
                    End(person, isWritten ? record : null);
                    forget(person);
                }
            }
        }
    }
}
