using System.CommandLine;
using System.CommandLine.Parsing;

namespace FastChat.Cli;

/// <summary>The root of the command line: the verbs, the options that all of them take, and what becomes of mistakes.</summary>
internal static class CommandLine
{
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
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }).ConfigureAwait(false);
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

    private static RootCommand BuildRoot()
    {
        RootCommand root = new("FastChat: a real-time chat broker, and the commands to use and run it.")
        {
            Decode.Build(),
        };
        CommonOptions.AddTo(root);
        return root;
    }

    private static string VerbOf(ParseResult parsed) =>
        parsed.CommandResult.Command is RootCommand ? "fastchat" : $"fastchat {parsed.CommandResult.Command.Name}";

    private static string OneReason(ParseResult parsed)
    {
        if (parsed.CommandResult.Command is RootCommand && parsed.UnmatchedTokens.Count > 0)
        {
            return $"there is no verb '{SafeText.OneLine(parsed.UnmatchedTokens[0])}'; see fastchat --help";
        }

        ParseError first = parsed.Errors[0];
        return $"{SafeText.OneLine(first.Message)}; see {VerbOf(parsed)} --help";
    }

    private static async Task<int> FailAsync(string verb, string reason, int exitCode)
    {
        await Console.Error.WriteLineAsync($"{verb}: {reason}").ConfigureAwait(false);
        return exitCode;
    }
}
