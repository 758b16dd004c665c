using System.Collections.Concurrent;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// What the user's own typing becomes on the wire: a signal at the beginning, again every five seconds while it goes on, and one at the end. What does not get through at once is not sent later: it would not be true
/// any more. Application threads put in, the write loop takes out.
/// </summary>
internal sealed class SignalThrottle(TimeProvider time)
{
    private const int WaitingMax = 64;
    private const int ConversationsMax = 64;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<ConversationId, (SignalKind Kind, long At)> _said = [];
    private readonly ConcurrentQueue<Signal> _waiting = new();

    /// <summary>True when something was queued for the write loop.</summary>
    public bool TryQueue(ConversationId conversation, SignalKind kind)
    {
        lock (_lock)
        {
            long now = time.GetTimestamp();
            bool isKnown = _said.TryGetValue(conversation, out (SignalKind Kind, long At) last) && time.GetElapsedTime(last.At, now) < Pause;
            if (kind == SignalKind.Stopped ? !_said.Remove(conversation) : isKnown && last.Kind == kind)
            {
                return false;
            }

            if (_waiting.Count >= WaitingMax)
            {
                return false;
            }

            if (kind != SignalKind.Stopped)
            {
                if (_said.Count >= ConversationsMax)
                {
                    _said.Clear();
                }

                _said[conversation] = (kind, now);
            }

            _waiting.Enqueue(new Signal(conversation, kind));
            return true;
        }
    }

    /// <summary>The next signal to write. Write loop.</summary>
    public bool TryTake(out Signal signal) => _waiting.TryDequeue(out signal);

    /// <summary>A connection ended or began: what waits is of the past.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _waiting.Clear();
            _said.Clear();
        }
    }
}
