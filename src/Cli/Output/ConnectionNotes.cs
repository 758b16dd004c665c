using FastChat.Client;

namespace FastChat.Cli;

/// <summary>Says on stderr when a connection breaks and when it is back, once each.</summary>
internal static class ConnectionNotes
{
    /// <summary>A handler for one client.</summary>
    /// <param name="name">Which of several connections; empty for the only one.</param>
    public static Action<ConnectionState> ToStandardError(string name = "")
    {
        bool lost = false;
        string who = name.Length > 0 ? $"{name}: " : string.Empty;
        return state =>
        {
            if (state.Phase == ConnectionPhase.Waiting && !lost)
            {
                lost = true;
                Invocation.Note($"fastchat: {who}connection lost ({SafeText.OneLine(state.LastClose?.ToString() ?? "no reason given")}), reconnecting …");
            }
            else if (state.Phase == ConnectionPhase.Connected && lost)
            {
                lost = false;
                Invocation.Note($"fastchat: {who}connected again");
            }
        };
    }
}
