namespace FastChat.Broker.Attachments;

/// <summary>What an operator allows of attachments.</summary>
/// <param name="SizeMax">Bytes of one.</param>
/// <param name="Quota">Bytes that one user may have uploaded and that still exist.</param>
/// <param name="OpenMax">Uploads that one user may have under way.</param>
/// <param name="Claim">How long an upload may take, counted from its last BeginUpload, and how long a finished one waits for a message that refers to it.</param>
/// <param name="Grace">How much longer it is kept: a message that was vouched for at the last moment has so long to tell the hash's shard.</param>
internal sealed record AttachmentOptions(ulong SizeMax, ulong Quota, uint OpenMax, TimeSpan Claim, TimeSpan Grace)
{
    /// <summary><see cref="Grace"/> in µs.</summary>
    public long GraceMicros => Grace.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>From a BeginUpload to the end of what it began, µs.</summary>
    public ulong LifeMicros => (ulong)((Claim + Grace).Ticks / TimeSpan.TicksPerMicrosecond);
}
