using System.Security.Cryptography;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>How the export of a person's data goes.</summary>
/// <param name="State">"none", "running", "ready" or "failed".</param>
/// <param name="Looked">Conversations that were looked through so far.</param>
/// <param name="Records">Records in the archive.</param>
/// <param name="Size">Bytes of the archive; 0 while there is none.</param>
/// <param name="Hash">Its SHA-256; null while there is none.</param>
/// <param name="Until">Until when it can be fetched; null while there is none.</param>
/// <param name="Failure">Why there is none; null when nothing failed.</param>
public sealed record ExportStatus(string State, ulong Looked, ulong Records, ulong Size, byte[]? Hash, DateTimeOffset? Until, string? Failure);

/// <summary>How the erasure of a person goes.</summary>
/// <param name="State">"none", "running" or "done".</param>
/// <param name="Erased">Messages and reactions that are erased so far.</param>
/// <param name="ReachesBackups">True when backups that were taken before give nothing of the person either. False: they do, until they are deleted.</param>
public sealed record ErasureStatus(string State, ulong Erased, bool ReachesBackups);

/// <content>A person's data, all of it (protocol.md §4.12).</content>
public sealed partial class FastChatClient
{
    /// <summary>Has an archive made of everything that is the user's, unless there is one; it is made whether this client stays or not.</summary>
    /// <param name="user">Whose; none = the signed-in user's. Others' only as an operator.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">RATE_LIMITED, TOO_MANY, FORBIDDEN, NO_SUCH_USER, UNSUPPORTED (the broker has no directory).</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ExportStatus> BeginExportAsync(UserId user = default, CancellationToken cancellationToken = default) =>
        ExportAsync(PersonBody(user).Set("begin", true), cancellationToken);

    /// <summary>How the archive goes.</summary>
    /// <inheritdoc cref="BeginExportAsync"/>
    public Task<ExportStatus> GetExportAsync(UserId user = default, CancellationToken cancellationToken = default) => ExportAsync(PersonBody(user), cancellationToken);

    /// <summary>Stops making the archive, or deletes it.</summary>
    /// <inheritdoc cref="BeginExportAsync"/>
    public Task<ExportStatus> DiscardExportAsync(UserId user = default, CancellationToken cancellationToken = default) =>
        ExportAsync(PersonBody(user).Set("discard", true), cancellationToken);

    /// <summary>Writes an archive that is ready to a stream, and checks at the end that it is what its hash says. Reconnects by itself.</summary>
    /// <param name="export">What <see cref="GetExportAsync"/> said.</param>
    /// <param name="target">Written from its position on; it stays open.</param>
    /// <param name="user">Whose; none = the signed-in user's.</param>
    /// <param name="cancellationToken">Stops; what is written stays.</param>
    /// <exception cref="InvalidDataException">What came is not what the hash says: do not use it.</exception>
    /// <exception cref="RequestException">NO_SUCH_EXPORT, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public async Task DownloadExportAsync(ExportStatus export, Stream target, UserId user = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(export);
        ArgumentNullException.ThrowIfNull(target);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (ulong done = 0; done < export.Size;)
        {
            byte[] range = await ControlAsync(
                FrameType.GetExport, PersonBody(user).Set("offset", done), isIdempotent: true,
                static reply => reply.Bytes("bytes", AttachmentLimits.ChunkSize) ?? throw new ControlFormatException("bytes: expected"), cancellationToken).ConfigureAwait(Continuation.InContext);
            if (range.Length == 0)
            {
                throw new InvalidDataException("The archive does not have the size that was told.");
            }

            hash.AppendData(range);
            await target.WriteAsync(range, cancellationToken).ConfigureAwait(Continuation.InContext);
            done += (ulong)range.Length;
        }

        if (export.Hash is null || !hash.GetHashAndReset().AsSpan().SequenceEqual(export.Hash))
        {
            throw new InvalidDataException("The archive is not what its hash says.");
        }
    }

    /// <summary>
    /// Erases the signed-in user: nobody signs in to the account any more, this client included; then everything that is theirs goes, and what they wrote, everywhere. There is no way back.
    /// </summary>
    /// <param name="password">The account's; it is asked for again.</param>
    /// <param name="cancellationToken">Stops waiting; the erasure may have begun.</param>
    /// <exception cref="RequestException">WRONG_CREDENTIALS, MECHANISM_REFUSED, FORBIDDEN (an account of a program or an operator, or without a password), RATE_LIMITED, OVERLOADED.</exception>
    /// <exception cref="ConnectionException">The client ended, maybe because it has begun.</exception>
    public async Task<ErasureStatus> EraseAccountAsync(string password, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(password);
        ShownPassword shown = await ShowAsync(password, null, cancellationToken).ConfigureAwait(Continuation.InContext);
        ControlMap body = new ControlMap().Set("begin", true);
        return await EraseAsync(shown.Proof is null ? body.Set("password", password) : shown.In(body), cancellationToken, shown.Connection).ConfigureAwait(Continuation.InContext);
    }

    /// <summary>Erases a person, as an operator; begun before, it says how that goes.</summary>
    /// <param name="user">Who.</param>
    /// <param name="cancellationToken">Stops waiting; the erasure may have begun.</param>
    /// <exception cref="RequestException">FORBIDDEN (also: an account of a program or an operator), NO_SUCH_USER.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ErasureStatus> EraseUserAsync(UserId user, CancellationToken cancellationToken = default) =>
        EraseAsync(PersonBody(user).Set("begin", true), cancellationToken);

    /// <summary>How the erasure of a person goes, for operators.</summary>
    /// <inheritdoc cref="EraseUserAsync"/>
    public Task<ErasureStatus> GetErasureAsync(UserId user, CancellationToken cancellationToken = default) => EraseAsync(PersonBody(user), cancellationToken);

    /// <summary>
    /// Erases a conversation, as its owner or an operator: from the answer on it is not there, for anybody, and its name is free; then everything that it had goes, for good. Begun before, it says how that goes.
    /// </summary>
    /// <param name="conversation">Which; no direct one.</param>
    /// <param name="cancellationToken">Stops waiting; the erasure may have begun.</param>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ErasureStatus> EraseConversationAsync(ConversationId conversation, CancellationToken cancellationToken = default) =>
        EraseAsync(FrameType.EraseConversation, new ControlMap().SetId("conversation", conversation.Value).Set("begin", true), cancellationToken);

    /// <summary>How the erasure of a conversation goes, for who asked for it and for operators.</summary>
    /// <inheritdoc cref="EraseConversationAsync"/>
    public Task<ErasureStatus> GetConversationErasureAsync(ConversationId conversation, CancellationToken cancellationToken = default) =>
        EraseAsync(FrameType.EraseConversation, new ControlMap().SetId("conversation", conversation.Value), cancellationToken);

    private Task<ExportStatus> ExportAsync(ControlMap body, CancellationToken cancellationToken) => ControlAsync(
        FrameType.ExportPerson,
        body,
        isIdempotent: true,
        static reply => new ExportStatus(
            reply.Text("state", ProtocolLimits.NameSizeMax) ?? "none", reply.Number("looked", 0), reply.Number("records", 0), reply.Number("size", 0), reply.Bytes("hash", SHA256.HashSizeInBytes),
            Micros.ToTime(reply.Number("until", 0)), reply.Text("reason", ProtocolLimits.ReasonSizeMax)),
        cancellationToken);

    private Task<ErasureStatus> EraseAsync(ControlMap body, CancellationToken cancellationToken, int connection = 0) => EraseAsync(FrameType.ErasePerson, body, cancellationToken, connection);

    private Task<ErasureStatus> EraseAsync(FrameType type, ControlMap body, CancellationToken cancellationToken, int connection = 0) => ControlAsync(
        type,
        body,
        isIdempotent: true,
        static reply => new ErasureStatus(reply.Text("state", ProtocolLimits.NameSizeMax) ?? "none", reply.Number("erased", 0), reply.Flag("backups")),
        cancellationToken,
        connection);

    private static ControlMap PersonBody(UserId user) => user.IsNone ? new ControlMap() : new ControlMap().SetId("user", user.Value);
}
