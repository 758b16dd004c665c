using System.CommandLine;
using System.Text;

using FastChat.Bench.Report.Pages;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report;

/// <summary><c>bench/report FILE… [-o OUT.html]</c>: reads result files, writes one page. Exit code 1 when a file is no result, 2 for wrong usage, which a missing file is.</summary>
internal static class ReportCommand
{
    private const int FilesMax = 200;

    /// <summary>The command.</summary>
    public static RootCommand Make()
    {
        Argument<string[]> files = new("FILE") { Description = "what bench/load.sh … --json FILE wrote", Arity = new ArgumentArity(1, FilesMax) };
        Option<string> output = new("--output", "-o") { Description = "the page to write", DefaultValueFactory = _ => Path.Combine(Checkout(), "artifacts", "bench", "report.html") };
        files.Validators.Add(result =>
        {
            foreach (string missing in result.Tokens.Select(token => token.Value).Where(name => !File.Exists(name)))
            {
                result.AddError($"there is no file {missing}");
            }
        });
        RootCommand command = new("Makes one self-contained page of load-test results (bench/README.md).") { files, output };
        command.SetAction(parsed => Run(parsed.GetValue(files)!, parsed.GetValue(output)!));
        return command;
    }

    private static int Run(string[] files, string output)
    {
        try
        {
            string page = Page.Of([.. files.Distinct(StringComparer.Ordinal).Select(ResultReader.ReadFile)]);
            if (Path.GetDirectoryName(Path.GetFullPath(output)) is { } folder)
            {
                Directory.CreateDirectory(folder);
            }

            File.WriteAllText(output, page, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
            Console.WriteLine(output);
            return 0;
        }
        catch (Exception failure) when (failure is UnreadableResultException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"bench/report: {failure.Message.ReplaceLineEndings(" ")}");
            return 1;
        }
    }

    /// <summary>The folder of FastChat.sln above the program; the current one when it was moved elsewhere.</summary>
    private static string Checkout()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "FastChat.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? Environment.CurrentDirectory;
    }
}
