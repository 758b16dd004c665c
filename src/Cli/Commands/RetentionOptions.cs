using System.CommandLine;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What <c>create</c>, <c>set</c> and <c>admin retention</c> say about how long messages are kept.</summary>
internal sealed class RetentionOptions
{
    private const string Off = "off";

    private readonly Option<string?> _age = new("--retention") { Description = "How long messages are kept; they go for everybody, and for good (off: as the broker does where nobody says)", HelpName = $"{Durations.HelpName}|{Off}" };
    private readonly Option<string?> _size = new("--retention-size") { Description = "How much of the newest is kept (off: all of it)", HelpName = $"{Sizes.HelpName}|{Off}" };

    /// <summary>Makes them options of a verb.</summary>
    public void AddTo(Command command)
    {
        command.Add(_age);
        command.Add(_size);
    }

    /// <summary>What was said.</summary>
    /// <exception cref="CliException">It is no time, or no size.</exception>
    public ConversationChanges Read(ParseResult parsed) => new()
    {
        Retention = parsed.GetValue(_age) is not { } age ? null : age == Off ? TimeSpan.Zero : Durations.Parse(age),
        RetentionBytes = parsed.GetValue(_size) is not { } size ? null : size == Off ? 0 : Sizes.Parse(size),
    };
}
