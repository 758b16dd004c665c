using System.Net.Sockets;
using System.Security.Authentication;

using FastChat.Client;

namespace FastChat.Cli;

/// <summary>An exception as the one line that its reader can act on.</summary>
internal static class FailureText
{
    /// <summary>The line.</summary>
    public static string Of(Exception failure) => failure switch
    {
        AggregateException { InnerException: { } inner } => Of(inner),
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "no broker answers there (connection refused): is `fastchat serve` running?",
        AuthenticationException => "the broker's certificate is not trusted, or it does not trust ours: is this the right address, and is --ca needed?",
        RequestException refused => $"{refused.Reason} ({refused.Code})",
        _ => SafeText.OneLine(failure.Message),
    };
}
