using System.CommandLine;

namespace FastChat.Cli;

/// <summary><c>login NAME</c>: signs in with a password and keeps a token for the commands that follow.</summary>
internal static class Login
{
    /// <summary>The verb.</summary>
    public static Command Build() => SignIn.Build("login", "Sign in with a password; later commands need none", register: false);
}
