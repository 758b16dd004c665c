namespace FastChat.Storage;

/// <summary>No acknowledged commit is missing: the journal is whole, and the store goes as far as its witness says.</summary>
internal sealed class JournalCheck : StoreCheck
{
    public override string Stage => "journal";

    public override void Finish(CheckedStore store)
    {
        if (store.Directory.JournalDamage is { } damage)
        {
            store.Report($"Acknowledged records are missing: {damage}. What the journal still holds was not looked at.");
        }

        if (!CommitWitness.TryRead(store.Directory.Path, out _, out ulong promised))
        {
            store.Report("The witness file is missing or damaged: nobody can tell whether everything acknowledged is there.");
        }
        else if (store.Directory.CommitNumber < promised)
        {
            store.Report($"Acknowledged records are missing: the store ends at commit {store.Directory.CommitNumber}, commit {promised} was acknowledged.");
        }
    }
}
