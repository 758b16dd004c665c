using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.FastChat;

/// <summary>
/// What this broker says beside the words that all systems share. Events that are also these make their connection one at which somebody looks (`signals`). Called on the generator's thread;
/// bodies are valid during the call only.
/// </summary>
public interface IChatEvents
{
    /// <summary>The answer to what was asked: a MessagePack map that nobody has read yet.</summary>
    void OnReply(uint number, ReadOnlySpan<byte> body);

    /// <summary>What was asked was refused.</summary>
    void OnDenied(uint number, ErrorCode code, string reason);

    /// <summary>A Presence frame's body (protocol.md §4.9).</summary>
    void OnPresence(ReadOnlySpan<byte> body);
}
