using System.Globalization;

namespace FastChat.Fuzz;

/// <summary>An input for which something does not hold. Inputs that fail in the same place in the same way are one violation, and the first of them stands for all.</summary>
/// <param name="Target">Where.</param>
/// <param name="Seed">The campaign's seed.</param>
/// <param name="Number">The input's number.</param>
/// <param name="Kind">"failure", "exception", "allocation" or "hang".</param>
/// <param name="Message">What does not hold, for people.</param>
/// <param name="Input">The bytes.</param>
internal sealed record Violation(string Target, ulong Seed, long Number, string Kind, string Message, byte[] Input)
{
    /// <summary>The command that repeats it.</summary>
    public string Command => string.Create(
        CultureInfo.InvariantCulture, $"dotnet run --project tests/Fuzz -c Release -- --target {Target} --seed {Seed} --input {Number}");

    /// <summary>What went wrong in a run.</summary>
    public static (string Kind, string Message) Describe(Exception failure) => failure is FuzzFailureException
        ? ("failure", failure.Message)
        : ("exception", $"{failure.GetType().Name}: {failure.Message} {PlaceOf(failure)}".TrimEnd());

    /// <summary>What tells two violations apart: the place of an exception, not its words, which often repeat the input. A place in the target itself says nothing: inlining moves it from one line to the next.</summary>
    public static string SignatureOf(Exception failure) => failure is FuzzFailureException
        ? failure.Message
        : $"{failure.GetType().Name} {(PlaceOf(failure) is var place && place.StartsWith("at FastChat.Fuzz.", StringComparison.Ordinal) ? string.Empty : place)}";

    /// <summary>Writes the input and the command that repeats it below <paramref name="directory"/>; returns the path of the input.</summary>
    public string Save(string directory)
    {
        Directory.CreateDirectory(directory);
        string path = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{Target}-{Seed}-{Number}.bin"));
        File.WriteAllBytes(path, Input);
        File.WriteAllText(path + ".txt", $"{Kind}: {Message}\n{Command}\n");
        return path;
    }

    private static string PlaceOf(Exception failure) =>
        failure.StackTrace?.Split('\n').Select(line => line.Trim()).FirstOrDefault(line => line.StartsWith("at FastChat.", StringComparison.Ordinal)) ?? string.Empty;
}
