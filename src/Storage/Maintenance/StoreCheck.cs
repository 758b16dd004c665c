using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// One thing that is proved about a store. The log is read once for all checks, in the order of its keys; each of them sees every sound record and then does the rest of its work. Checks run in
/// the order in which they are given, so one may rely on what an earlier one found out. One use, one thread.
/// </summary>
public abstract class StoreCheck
{
    /// <summary>What it looks at, in a word for people who wait.</summary>
    public abstract string Stage { get; }

    /// <summary>A record that matches its checksum, as it is stored: maybe sealed. It lives as long as the call.</summary>
    public virtual void OnStored(CheckedStore store, ConversationId conversation, in MessageRecord record)
    {
    }

    /// <summary>The same record as a reader gets it: opened, or a tombstone when there is no key for it (any more).</summary>
    public virtual void OnRecord(CheckedStore store, ConversationId conversation, in MessageRecord record)
    {
    }

    /// <summary>All records of a conversation were seen.</summary>
    /// <param name="isSound">
    /// No record of it is damaged, and no acknowledged commit is missing: what follows from its log can be told; what follows from bodies, only while <see cref="CheckedStore.UnreadBodies"/> is 0.
    /// </param>
    public virtual void OnConversation(CheckedStore store, ConversationId conversation, bool isSound)
    {
    }

    /// <summary>The whole log was seen: the rest of the work.</summary>
    public abstract void Finish(CheckedStore store);
}
