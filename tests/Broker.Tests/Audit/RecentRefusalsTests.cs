using FastChat.Broker.Audit;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>The refusals that were noted last: bounded, the latest first, and the same ones once.</summary>
internal sealed class RecentRefusalsTests
{
    private static readonly DateTimeOffset Noon = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Test]
    public void TheSameIsCountedAndTheLatestIsFirst()
    {
        RecentRefusals refusals = new();
        refusals.Add(Refused(1), Noon, 1);
        refusals.Add(Refused(2), Noon.AddSeconds(1), 1);
        refusals.Add(Refused(1), Noon.AddSeconds(2), 40);
        Assert.That(refusals.List(), Is.EqualTo(new[] { new NotedRefusal(Refused(1), Noon.AddSeconds(2), 41), new NotedRefusal(Refused(2), Noon.AddSeconds(1), 1) }));
    }

    [Test]
    public void TheOldestGoes()
    {
        RecentRefusals refusals = new();
        for (uint i = 1; i <= RecentRefusals.CountMax + 5; i++)
        {
            refusals.Add(Refused(i), Noon.AddSeconds(i), 1);
        }

        IReadOnlyList<NotedRefusal> all = refusals.List();
        Assert.That(all, Has.Count.EqualTo(RecentRefusals.CountMax));
        Assert.That(all[0].Entry.User, Is.EqualTo(new UserId(RecentRefusals.CountMax + 5)));
        Assert.That(all[^1].Entry.User, Is.EqualTo(new UserId(6)));
    }

    private static AuditEntry Refused(uint user) => new(AuditAct.AccessDenied) { User = new UserId(user), Remote = "192.0.2.1", Detail = "Publish" };
}
