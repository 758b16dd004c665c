using Microsoft.Extensions.Time.Testing;

namespace FastChat.Cli.Tests;

[TestFixture]
public sealed class IdleWatchTests
{
    [Test]
    public void TenMinutesWithoutAKeyAreIdleAndAKeyEndsThat()
    {
        FakeTimeProvider time = new();
        List<bool> heard = [];
        using IdleWatch watch = new(time, heard.Add);
        watch.Start();
        time.Advance(TimeSpan.FromMinutes(9));
        watch.OnKey();
        time.Advance(TimeSpan.FromMinutes(9));
        Assert.That(heard, Is.Empty);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(heard, Is.EqualTo(new[] { true }));
        time.Advance(TimeSpan.FromHours(1));
        watch.OnKey();
        watch.OnKey();
        Assert.That(heard, Is.EqualTo(new[] { true, false }), "each once");
    }
}
