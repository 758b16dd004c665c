using System.CommandLine;

namespace FastChat.Cli;

/// <summary><c>decode HEX…</c>: prints frames field by field and says what is wrong with a bad one.</summary>
internal static class Decode
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string[]> hex = new("HEX")
        {
            Description = "Frames as hexadecimal digits, whitespace anywhere; - reads stdin",
            Arity = ArgumentArity.OneOrMore,
        };
        Command command = new("decode", "Print any frame field by field") { hex };
        command.SetAction(parsed =>
        {
            string text = string.Join(' ', parsed.GetRequiredValue(hex));
            text = text == "-" ? Console.In.ReadToEnd() : text;
            using Stream output = StandardOutput.Open();
            return Run(text, parsed.GetValue(ClientVerbOptions.Json), output, Console.Error);
        });
        return command;
    }

    /// <summary>Decodes a text of hexadecimal digits; fails when any frame is not one that a peer may send.</summary>
    public static int Run(string text, bool asJson, Stream output, TextWriter errors)
    {
        if (!HexText.TryParse(text, out byte[]? bytes, out string reason))
        {
            throw CliException.Usage(reason);
        }

        List<DecodedFrame> frames = FrameDecoder.DecodeAll(bytes);
        Print(frames, asJson, output);
        int bad = frames.Count(static frame => frame.Problems.Count > 0);
        if (bad > 0)
        {
            string first = frames.First(static frame => frame.Problems.Count > 0).Problems[0];
            errors.WriteLine($"fastchat decode: {bad} of {frames.Count} frames {(bad == 1 ? "is" : "are")} wrong: {first}");
        }

        return bad == 0 ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static void Print(List<DecodedFrame> frames, bool asJson, Stream output)
    {
        if (asJson)
        {
            using JsonLines lines = new(output);
            foreach (DecodedFrame frame in frames)
            {
                DecodedPrinter.PrintJson(frame, lines);
            }

            return;
        }

        using StreamWriter writer = new(output, leaveOpen: true);
        foreach (DecodedFrame frame in frames)
        {
            DecodedPrinter.PrintText(frame, writer);
        }
    }
}
