using System.Security.Cryptography.X509Certificates;

using FastChat.Broker.Audit;
using FastChat.Broker.Connections;
using FastChat.Broker.Doors;
using FastChat.Broker.Transport;
using FastChat.TestSupport;

using Microsoft.Extensions.Logging.Abstractions;

namespace FastChat.Broker.Tests.Doors;

/// <summary>Which certificate new connections are shown when its files change.</summary>
public sealed class CertificateSourceTests
{
    private readonly NotedAudit _audit = new();
    private TemporaryDirectory _directory = null!;
    private TestAuthority _authority = null!;
    private (string Certificate, string Key) _files;

    [SetUp]
    public void Make()
    {
        _directory = new TemporaryDirectory("certificates");
        _authority = new TestAuthority();
        _audit.Entries.Clear();
        Write();
    }

    [TearDown]
    public void Remove()
    {
        _directory.Dispose();
        _authority.Dispose();
    }

    [Test]
    public void ANewCertificateIsShownFromThenOn()
    {
        using CertificateSource source = Open();
        ITlsHandshaker first = source.Current;
        source.Look();
        Assert.That(source.Current, Is.SameAs(first), "nothing has changed");
        Write();
        source.Look();
        Assert.That(source.Current, Is.Not.SameAs(first));
        Assert.That(_audit.Entries.Select(entry => entry.Act), Is.EqualTo(new[] { AuditAct.CertificateLoaded, AuditAct.CertificateLoaded }));
    }

    [TestCase("half")]
    [TestCase("empty")]
    [TestCase("another key")]
    [TestCase("expired")]
    [TestCase("not valid yet")]
    [TestCase("gone")]
    public void WhatCannotBeUsedChangesNothingAndIsSaidOnce(string what)
    {
        using CertificateSource source = Open();
        ITlsHandshaker first = source.Current;
        string good = File.ReadAllText(_files.Certificate);
        switch (what)
        {
            case "half":
                File.WriteAllText(_files.Certificate, good[..(good.Length / 2)]);
                break;
            case "empty":
                File.WriteAllText(_files.Certificate, string.Empty);
                break;
            case "another key":
                string key = _files.Key;
                File.Copy(key, key + ".old");
                Write();
                File.Copy(key + ".old", key, overwrite: true);
                break;
            case "expired":
                Write(-20, -2);
                break;
            case "not valid yet":
                Write(2, 20);
                break;
            default:
                File.Delete(_files.Certificate);
                break;
        }

        source.Look();
        source.Look();
        Assert.That(source.Current, Is.SameAs(first));
        Assert.That(_audit.Entries.Count(entry => entry.Act == AuditAct.SettingsRefused), Is.EqualTo(what == "gone" ? 0 : 1));

        Write();
        source.Look();
        Assert.That(source.Current, Is.Not.SameAs(first), "and the next good one is taken");
    }

    [Test]
    public void AtTheStartWhatCannotBeUsedIsAnError()
    {
        File.WriteAllText(_files.Key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        Assert.That(() => Open(), Throws.ArgumentException.With.Message.StartsWith("tls_certificate: "));
        File.Delete(_files.Key);
        Assert.That(() => Open(), Throws.ArgumentException.With.Message.StartsWith("tls_certificate: "));
    }

    private CertificateSource Open() => new(new CertificateFiles(_files.Certificate, _files.Key, null, ClientCertificates.Off), new Turnstile(1, TimeProvider.System), TimeProvider.System, _audit, NullLogger.Instance);

    private void Write(int validFromDays = -1, int validToDays = 30)
    {
        using X509Certificate2 certificate = _authority.IssueServer(validFromDays, validToDays);
        _files = TestAuthority.Write(certificate, _directory.Path);
    }

    private sealed class NotedAudit : AuditLog
    {
        public List<AuditEntry> Entries { get; } = [];

        public override void Note(in AuditEntry entry) => Entries.Add(entry);

        public override Task FlushAsync() => Task.CompletedTask;
    }
}
