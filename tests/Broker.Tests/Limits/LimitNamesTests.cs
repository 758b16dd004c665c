using System.Net;
using System.Reflection;
using System.Text.Json;

using FastChat.Broker.Audit;
using FastChat.Broker.Hosting;
using FastChat.Broker.Limits;
using FastChat.Protocol;

namespace FastChat.Broker.Tests.Limits;

/// <summary>What operators see and change is what the settings file has, name by name, and nothing changes by halves or unseen.</summary>
internal sealed class LimitNamesTests
{
    [Test]
    public void TheNamesAreThoseOfTheSettingsFile()
    {
        IEnumerable<string> options = typeof(BrokerOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Select(static property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name))
            .Where(static name => name.StartsWith("limit", StringComparison.Ordinal));
        Assert.That(LimitNames.All, Is.EquivalentTo(options));
    }

    [Test]
    public void EachNameIsItsOwnSetting()
    {
        LimitSettings defaults = new BrokerOptions().ToLimitSettings();
        ControlMap map = LimitNames.ToMap(defaults);
        Assert.That(map.Keys, Is.EqualTo(LimitNames.All));
        foreach (string name in map.Keys)
        {
            object other = map[name] switch
            {
                bool flag => !flag,
                long number => number + 1,
                double number => number + 1,
                _ => new List<object?> { "192.0.2.0/24" },
            };
            LimitSettings changed = LimitNames.Merge(defaults, new ControlMap().Set(name, other));
            Assert.That(LimitNames.Differences(defaults, changed), Has.Count.EqualTo(1).And.All.StartsWith(name + " "));
            Assert.That(LimitNames.Differences(defaults, LimitNames.Merge(changed, map)), Is.Empty, "all of them put back is what was");
        }
    }

    [Test]
    public async Task AChangeReachesEverybodyWhoAsksAndThoseAtOnceAreOneAfterTheOther()
    {
        LimitSettings settings = new();
        UserLimits users = LimitsOf.With(TimeProvider.System, settings);
        AddressLimits addresses = LimitsOf.Addresses(TimeProvider.System, settings);
        using RunningLimits running = new(settings, users, addresses, AuditLog.None);
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => running.ChangeAsync(static now => now with { WrongPasswordsFree = now.WrongPasswordsFree + 1 }, default)));
        Assert.That(running.Current.WrongPasswordsFree, Is.EqualTo(settings.WrongPasswordsFree + 50));
        Assert.That((users.Settings, addresses.Settings), Is.EqualTo((running.Current, running.Current)));
        Assert.That(() => running.ChangeAsync(static now => now with { BurstSeconds = 0 }, default), Throws.ArgumentException);
        Assert.That(running.Current.BurstSeconds, Is.EqualTo(settings.BurstSeconds));
    }

    [Test]
    public void WhatCannotBeWrittenDownIsNotDone()
    {
        LimitSettings settings = new();
        UserLimits users = LimitsOf.With(TimeProvider.System, settings);
        using RunningLimits running = new(settings, users, LimitsOf.Addresses(TimeProvider.System, settings), new Unwritable());
        Assert.That(() => running.ChangeAsync(static now => now with { IsOn = false }, default), Throws.TypeOf<AuditLogException>());
        Assert.That((users.Settings.IsOn, running.Current.IsOn), Is.EqualTo((true, true)));
    }

    [Test]
    public void ATrustedNetworkIsTrustedForAddressesThatAreHereAlready()
    {
        LimitSettings settings = new() { ConnectionsPerAddressMax = 1 };
        AddressLimits limits = LimitsOf.Addresses(TimeProvider.System, settings);
        Assert.That(limits.Enter("10.1.2.3", out Visitor? first), Is.Null);
        Assert.That(limits.Enter("10.1.2.3", out _)?.Code, Is.EqualTo(CloseCode.TooManyConnections));
        limits.Settings = settings with { Trusted = [IPNetwork.Parse("10.0.0.0/8")] };
        Assert.That(limits.Enter("10.1.2.3", out Visitor? second), Is.Null);
        Assert.That(second, Is.SameAs(first));
        for (int i = 0; i < 100; i++)
        {
            Assert.That(limits.BeginPassword(first!, isRegistration: false), Is.Null, "nor are its passwords counted");
        }

        limits.Settings = settings;
        Assert.That(limits.Enter("10.1.2.3", out _)?.Code, Is.EqualTo(CloseCode.TooManyConnections), "and not any more when it is not trusted any more");
    }

    private sealed class Unwritable : AuditLog
    {
        public override void Note(in AuditEntry entry)
        {
        }

        public override Task FlushAsync() => throw new AuditLogException("no");
    }
}
