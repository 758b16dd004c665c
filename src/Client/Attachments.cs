using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>A content that is on the broker, ready to be sent.</summary>
/// <param name="Attachment">What a message says of it.</param>
/// <param name="Expires">Until when a message may refer to it; the broker removes it later when none has.</param>
public sealed record AttachmentUpload(MessageAttachment Attachment, DateTimeOffset Expires);

/// <summary>How far an upload or a download is.</summary>
/// <param name="Done">Bytes that are where they belong.</param>
/// <param name="Total">Bytes in all.</param>
public readonly record struct AttachmentProgress(ulong Done, ulong Total);

/// <summary>What somebody uses of their quota.</summary>
/// <param name="Used">Bytes that they are charged for.</param>
/// <param name="Quota">Bytes that they may be charged for.</param>
/// <param name="Attachments">How many attachments that is.</param>
/// <param name="Open">How many of those are under way.</param>
/// <param name="OpenMax">How many may be.</param>
/// <param name="SizeMax">Bytes that one attachment may have.</param>
public sealed record AttachmentUsage(ulong Used, ulong Quota, int Attachments, int Open, int OpenMax, ulong SizeMax);
