using FastChat.Protocol;

namespace FastChat.Broker.Privacy;

/// <summary>The keys that a person's bodies are encrypted with, where a store has such: without them no copy of the store, backups included, gives the bodies.</summary>
internal interface IPersonKeys
{
    /// <summary>True when bodies are encrypted, so that destroying the keys reaches what nobody can write to any more.</summary>
    bool ReachBackups { get; }

    /// <summary>Destroys all keys of a person; returns when that is on stable storage. Asked again, it does nothing.</summary>
    Task DestroyAsync(UserId person);
}

/// <summary>A store whose bodies are not encrypted.</summary>
internal sealed class NoPersonKeys : IPersonKeys
{
    public bool ReachBackups => false;

    public Task DestroyAsync(UserId person) => Task.CompletedTask;
}
