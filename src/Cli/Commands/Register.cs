using System.CommandLine;

namespace FastChat.Cli;

/// <summary><c>register NAME</c>: makes an account and signs in.</summary>
internal static class Register
{
    /// <summary>The verb.</summary>
    public static Command Build() => SignIn.Build("register", "Make an account and sign in", register: true);
}
