using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace FastChat.Cli;

/// <summary>The root of the command line: the verbs, the options that all of them take, and what becomes of mistakes.</summary>
internal static class CommandLine
{
    private const string RootName = "fastchat";

    /// <summary>Parses and runs; the result is the exit code.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        ParseResult parsed = Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            return await FailAsync(VerbOf(parsed), OneReason(parsed), ExitCodes.Usage).ConfigureAwait(false);
        }

        try
        {
            InvocationConfiguration invocation = new() { EnableDefaultExceptionHandler = false };
            if (parsed.CommandResult.Command.Name == Serve.Name)
            {
                // It hears signals itself, and draining takes as long as its settings allow: the parser's patience is two seconds, behind which the process ends with 143 in the middle of it.
                invocation.ProcessTerminationTimeout = null;
            }

            return await parsed.InvokeAsync(invocation).ConfigureAwait(false);
        }
        catch (CliException failure)
        {
            return await FailAsync(VerbOf(parsed), failure.Message, failure.ExitCode).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return await FailAsync(VerbOf(parsed), "interrupted", ExitCodes.Failed).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            // The edge of the process: a stack trace helps nobody who typed a command; FASTCHAT_TRACE=1 gives it to who looks for the defect.
            string reason = Environment.GetEnvironmentVariable("FASTCHAT_TRACE") is { Length: > 0 } ? failure.ToString() : FailureText.Of(failure);
            return await FailAsync(VerbOf(parsed), reason, ExitCodes.Failed).ConfigureAwait(false);
        }
    }

    /// <summary>Parses only.</summary>
    public static ParseResult Parse(string[] arguments) => BuildRoot().Parse(
        arguments,
        new ParserConfiguration
        {
            // "@bob hello" is a text, not a response file; and single letters are not bundled options.
            ResponseFileTokenReplacer = null,
            EnablePosixBundling = false,
        });

    // Not a RootCommand: that one is called after the assembly, and help would speak of FastChat.Cli.
    private static Command BuildRoot()
    {
        Command root = new(RootName, "FastChat: a real-time chat broker, and the commands to use and run it.")
        {
            new HelpOption(),
            new VersionOption(),
            Serve.Build(),
            CertVerb.Build(),
            Register.Build(),
            Login.Build(),
            Send.Build(),
            Attach.Build(),
            Download.Build(),
            PrivacyVerbs.BuildExport(),
            PrivacyVerbs.BuildErase(),
            EraseConversation.Build(),
            Tail.Build(),
            Chat.Build(),
            History.Build(),
            InboxVerbs.BuildInbox(),
            InboxVerbs.BuildMarkRead(),
            Conversations.Build(),
            Create.Build(),
            Direct.Build(),
            Set.BuildRename(),
            Set.Build(),
            Join.Build(),
            Invite.Build(),
            Kick.Build(),
            Leave.Build(),
            Members.Build(),
            ProfileVerb.Build(),
            UsersVerb.Build(),
            BlockVerbs.Build(blocks: true),
            BlockVerbs.Build(blocks: false),
            BlockVerbs.BuildList(),
            Admin.Build(),
            Presence.Build(),
            Typing.Build(),
            ThreadVerbs.BuildThread(),
            ThreadVerbs.BuildPins(),
            Forward.Build(),
            Annotations.Build(),
            Cursors.Build(),
            Links.BuildLink(),
            Links.BuildLinks(),
            Links.BuildUnlink(),
            Replay.Build(),
            Backup.Build(),
            Restore.Build(),
            Verify.Build(),
            CheckHistory.Build(),
            Decode.Build(),
        };
        foreach (Command verb in MemberVerbs.BuildAll().Concat(MessageVerbs.BuildAll()).Concat(LaterVerbs.BuildAll()).Concat(HideVerbs.BuildAll()).Concat(DeviceVerbs.BuildAll()))
        {
            root.Add(verb);
        }

        ClientVerbOptions.AddTo(root);
        return root;
    }

    private static string VerbOf(ParseResult parsed) =>
        parsed.CommandResult.Command.Name == RootName ? RootName : $"{RootName} {parsed.CommandResult.Command.Name}";

    private static string OneReason(ParseResult parsed)
    {
        if (parsed.CommandResult.Command.Name == RootName)
        {
            return parsed.UnmatchedTokens.Count > 0
                ? $"there is no verb '{SafeText.OneLine(parsed.UnmatchedTokens[0])}'; see {RootName} --help"
                : $"a verb is missing; see {RootName} --help";
        }

        ParseError first = parsed.Errors[0];
        return $"{SafeText.OneLine(first.Message).TrimEnd('.')}; see {VerbOf(parsed)} --help";
    }

    private static async Task<int> FailAsync(string verb, string reason, int exitCode)
    {
        await Console.Error.WriteLineAsync($"{verb}: {reason}").ConfigureAwait(false);
        return exitCode;
    }
}
