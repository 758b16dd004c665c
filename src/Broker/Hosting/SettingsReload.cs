using System.Runtime.InteropServices;

using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Limits;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Hosting;

/// <summary>
/// What happens on SIGHUP: the certificate's files are looked at, and the limits are those of the settings file again, whatever was set at run time. A file that cannot be used changes nothing, and is said so in both logs; other settings in it that
/// have changed take a restart, and the log names them. One reload at a time.
/// </summary>
internal sealed class SettingsReload : IDisposable
{
    private readonly BrokerOptions _started;
    private readonly Func<BrokerOptions>? _reread;
    private readonly Action _look;
    private readonly RunningLimits _limits;
    private readonly AuditLog _audit;
    private readonly ILogger _log;
    private readonly SemaphoreSlim _reloading = new(1, 1);
    private readonly PosixSignalRegistration? _signal;

    public SettingsReload(BrokerOptions started, Func<BrokerOptions>? reread, Action look, RunningLimits limits, AuditLog audit, ILogger log)
    {
        (_started, _reread, _look, _limits, _audit, _log) = (started, reread, look, limits, audit, log);
        if (!OperatingSystem.IsWindows())
        {
            _signal = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
            {
                // The runtime would end the process.
                signal.Cancel = true;
                _ = ReloadAsync();
            });
        }
    }

    /// <summary>Reads everything again. Does not throw.</summary>
    public async Task ReloadAsync()
    {
        await _reloading.WaitAsync();
        try
        {
            _look();
            if (_reread is not null)
            {
                await ApplyAsync(_reread());
            }
        }
        catch (Exception wrong) when (wrong is ArgumentException or IOException or UnauthorizedAccessException)
        {
            BrokerLog.SettingsRefused(_log, wrong.Message);
            _audit.Note(new AuditEntry(AuditAct.SettingsRefused) { Detail = "settings_file" });
        }
        finally
        {
            _reloading.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _signal?.Dispose();

    private async Task ApplyAsync(BrokerOptions options)
    {
        // All of it is checked: a file of which a part makes no sense is not the one that somebody wanted to write.
        options.Validate();
        LimitSettings limits = options.ToLimitSettings();
        IReadOnlyList<string> changed = await _limits.ChangeAsync(_ => limits, default);
        if (changed.Count > 0)
        {
            BrokerLog.LimitsChanged(_log, string.Join("; ", changed));
        }

        IReadOnlyList<string> later = [.. ChangedOptions.Between(_started, options).Except(LimitNames.All)];
        if (later.Count > 0)
        {
            BrokerLog.SettingsTakeRestart(_log, string.Join(", ", later));
        }
    }
}
