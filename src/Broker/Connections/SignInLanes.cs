using FastChat.Protocol;

namespace FastChat.Broker.Connections;

/// <summary>
/// Who comes first when thousands come at once: those who were here and only lost their connection, then those with a token, then passwords and new accounts, which cost a thousand times as much. What ends a connection goes with the first: it makes room.
/// </summary>
internal static class SignInLanes
{
    /// <summary>How many there are.</summary>
    public const int Count = 3;

    /// <summary>Sessions that are known, and teardown.</summary>
    public const int Known = 0;

    private const int WithToken = 1;
    private const int WithPassword = 2;

    /// <summary>The lane of a Hello.</summary>
    public static int Of(Hello hello, bool isSessionKnown) => hello.Token is null && hello.Refresh is null && !hello.IsVouchedFor ? WithPassword : isSessionKnown ? Known : WithToken;
}
