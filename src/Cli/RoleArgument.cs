using System.CommandLine;

namespace FastChat.Cli;

/// <summary>ROLE on the command line: the roles of members.</summary>
internal static class RoleArgument
{
    private static readonly string[] Names = ["reader", "member", "moderator", "admin", "owner"];

    /// <summary>As an argument.</summary>
    public static Argument<string> Build()
    {
        Argument<string> role = new("ROLE") { Description = "What they are from now on" };
        return role.AcceptOnlyFromAmong(Names);
    }

    /// <summary>As an option.</summary>
    public static Option<string> BuildOption(string description)
    {
        Option<string> role = new("--role") { Description = description, DefaultValueFactory = static _ => "member" };
        return role.AcceptOnlyFromAmong(Names);
    }
}
