using FastChat.Protocol;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Diagnostics;

/// <summary>
/// What the broker writes to its log, ids 1000–1999. Nothing secret and no message body ever; what peers say of themselves is not repeated, so a log line
/// cannot be forged.
/// </summary>
internal static partial class BrokerLog
{
    [LoggerMessage(1000, LogLevel.Information, "Listening: tcp {Tcp}, http {Http}, data {Data}, commit {Commit}, epoch {Epoch}")]
    public static partial void Ready(ILogger log, string tcp, string http, string data, ulong commit, uint epoch);

    [LoggerMessage(1001, LogLevel.Information, "Draining: {Connections} connections")]
    public static partial void Draining(ILogger log, int connections);

    [LoggerMessage(1002, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger log);

    [LoggerMessage(1003, LogLevel.Warning, "The process may open {Descriptors} files: no more than {Connections} connections are taken")]
    public static partial void FewDescriptors(ILogger log, int descriptors, int connections);

    [LoggerMessage(1010, LogLevel.Debug, "Connection {Id} closed: {Code}")]
    public static partial void Closed(ILogger log, long id, CloseCode code);

    [LoggerMessage(1011, LogLevel.Warning, "Connection {Id} ended by a defect")]
    public static partial void ConnectionDefect(ILogger log, Exception defect, long id);

    [LoggerMessage(1012, LogLevel.Error, "The transport has a defect; a connection may hang until its deadline")]
    public static partial void TransportDefect(ILogger log, Exception defect);

    [LoggerMessage(1013, LogLevel.Warning, "No connection is accepted for the moment: {Reason}")]
    public static partial void AcceptPaused(ILogger log, string reason);

    [LoggerMessage(1020, LogLevel.Critical, "The store failed: nothing is acknowledged any more; restart the broker after the cause is removed")]
    public static partial void StoreFailed(ILogger log, Exception failure);

    [LoggerMessage(1021, LogLevel.Error, "A stored record is damaged: run verify")]
    public static partial void RecordDamaged(ILogger log, Exception damage);

    [LoggerMessage(1022, LogLevel.Error, "The disk has no room ({FreeBytes} bytes free): publishes are refused until there is")]
    public static partial void DiskFull(ILogger log, long freeBytes);

    [LoggerMessage(1023, LogLevel.Information, "The disk has room again ({FreeBytes} bytes free)")]
    public static partial void DiskHasRoom(ILogger log, long freeBytes);

    [LoggerMessage(1030, LogLevel.Information, "An operator token was made: {Path}")]
    public static partial void OperatorTokenMade(ILogger log, string path);

    [LoggerMessage(1031, LogLevel.Information, "Backup {Number} was taken: everything up to commit {Commit}, {Files} files, {Bytes} bytes, of which {CopiedBytes} were copied")]
    public static partial void BackupTaken(ILogger log, int number, ulong commit, int files, long bytes, long copiedBytes);

    [LoggerMessage(1032, LogLevel.Error, "A backup failed; the store is as it was")]
    public static partial void BackupFailed(ILogger log, Exception failure);

    [LoggerMessage(1070, LogLevel.Information, "The certificate {Fingerprint} is shown from now on; it is valid to {NotAfter:u}")]
    public static partial void CertificateLoaded(ILogger log, string fingerprint, DateTime notAfter);

    [LoggerMessage(1071, LogLevel.Error, "The certificate files have changed and cannot be used; the one from before is shown as before: {Reason}")]
    public static partial void CertificateRefused(ILogger log, string reason);

    [LoggerMessage(1120, LogLevel.Information, "The settings were read again: {Changed}")]
    public static partial void LimitsChanged(ILogger log, string changed);

    [LoggerMessage(1121, LogLevel.Error, "The settings were read again and cannot be used; everything stays as it is: {Reason}")]
    public static partial void SettingsRefused(ILogger log, string reason);

    [LoggerMessage(1122, LogLevel.Warning, "These settings have changed and take a restart: {Names}")]
    public static partial void SettingsTakeRestart(ILogger log, string names);

    [LoggerMessage(1090, LogLevel.Information, "The issuer {Issuer} has {Keys} keys that can be used, and {PassedOver} others")]
    public static partial void IssuerKeysLoaded(ILogger log, string issuer, int keys, int passedOver);

    [LoggerMessage(1091, LogLevel.Error, "The keys of the issuer {Issuer} cannot be had; those that are known go on: {Reason}")]
    public static partial void IssuerKeysRefused(ILogger log, string issuer, string reason);

    [LoggerMessage(1050, LogLevel.Error, "A tick of presence ended by a defect")]
    public static partial void PresenceDefect(ILogger log, Exception defect);

    [LoggerMessage(1051, LogLevel.Error, "Looking for what is due ended by a defect")]
    public static partial void ScanDefect(ILogger log, Exception defect);

    [LoggerMessage(1080, LogLevel.Error, "Erasing a person was interrupted by a defect; it is tried again")]
    public static partial void ErasureDefect(ILogger log, Exception defect);

    [LoggerMessage(1081, LogLevel.Error, "Exporting a person's data ended by a defect")]
    public static partial void ExportDefect(ILogger log, Exception defect);

    [LoggerMessage(1082, LogLevel.Warning, "A person's data could not be written out")]
    public static partial void ExportFailed(ILogger log, Exception failure);

    [LoggerMessage(1110, LogLevel.Error, "Looking for messages that are kept no longer ended by a defect; it is tried again")]
    public static partial void RetentionDefect(ILogger log, Exception defect);

    [LoggerMessage(1111, LogLevel.Error, "A conversation cannot be cut off beyond a damaged record: the rest of it is kept")]
    public static partial void RetentionDamaged(ILogger log, Exception damage);

    [LoggerMessage(1112, LogLevel.Warning, "Erasing a conversation was interrupted; it is tried again")]
    public static partial void ConversationErasureFailed(ILogger log, Exception failure);

    [LoggerMessage(1060, LogLevel.Information, "The audit log ends with line {Number}, {Hash}")]
    public static partial void AuditEnds(ILogger log, long number, string hash);

    [LoggerMessage(1061, LogLevel.Error, "The audit log cannot be written: operators' acts are refused until it can")]
    public static partial void AuditFailed(ILogger log, Exception failure);

    [LoggerMessage(1040, LogLevel.Error, "A control request ended by a defect")]
    public static partial void ControlDefect(ILogger log, Exception defect);

    [LoggerMessage(1130, LogLevel.Information, "The web page: {Files} files of {Directory}")]
    public static partial void PageLoaded(ILogger log, int files, string directory);

    [LoggerMessage(1131, LogLevel.Warning, "The web page in {Directory} cannot be read, and what was served before goes on: {Reason}")]
    public static partial void PageUnreadable(ILogger log, string directory, string reason);
}
