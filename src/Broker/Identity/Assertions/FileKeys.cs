using System.Security.Cryptography;

using FastChat.Broker.Audit;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Identity;

/// <summary>An issuer's keys in a file, which is read again when it has changed: every few seconds, and when somebody asks (SIGHUP). A file that is gone or half-written leaves the keys that there are.</summary>
internal sealed class FileKeys(string issuer, string path, TimeProvider clock, AuditLog audit, ILogger log) : KeySource(issuer, clock, audit, log)
{
    /// <summary>How often the file is looked at.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly Lock _looking = new();
    private byte[] _seen = [];

    /// <inheritdoc/>
    public override void Look()
    {
        lock (_looking)
        {
            try
            {
                byte[] bytes = Read();
                byte[] seen = SHA256.HashData(bytes);
                if (!seen.AsSpan().SequenceEqual(_seen) || IsInTrouble)
                {
                    _seen = seen;
                    Take(KeySet.Parse(bytes));
                }
            }
            catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException or FormatException)
            {
                Refuse(wrong.Message);
            }
        }
    }

    /// <summary>Whoever changed the file and its issuer together is a few seconds ahead: the next look finds it.</summary>
    public override bool Miss()
    {
        KeySet? before = Current;
        Look();
        return Current != before;
    }

    private byte[] Read()
    {
        using FileStream file = File.OpenRead(path);
        byte[] bytes = new byte[KeySet.SizeMax + 1];
        int size = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return bytes[..size];
    }
}
