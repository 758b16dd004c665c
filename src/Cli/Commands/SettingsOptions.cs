using System.CommandLine;
using System.Globalization;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What <c>create</c> and <c>set</c> say about a conversation.</summary>
internal sealed class SettingsOptions
{
    private readonly Option<string?> _topic = new("--topic") { Description = "What it is about (\"\" takes it away)", HelpName = "TEXT" };
    private readonly Option<string?> _avatar = new("--avatar") { Description = "What names its picture, an address for example (\"\" takes it away)", HelpName = "TEXT" };
    private readonly Option<int?> _slowMode = new("--slow-mode") { Description = "Seconds that a member waits between two messages; 0 = none", HelpName = "SECONDS" };
    private readonly Option<string?> _history = new("--history") { Description = "What newcomers may read: everything, or from their invitation or joining on" };

    private readonly RetentionOptions _retention = new();

    /// <summary>Options of one verb.</summary>
    public SettingsOptions()
    {
        _history.AcceptOnlyFromAmong("all", "invited", "joined");
        _slowMode.Validators.Add(static result =>
        {
            // Of the text, because what is no number cannot be asked for as one.
            if (result.Tokens is [{ Value: string text }] && !(int.TryParse(text, CultureInfo.InvariantCulture, out int seconds) && seconds is >= 0 and <= ProtocolLimits.SlowModeSecondsMax))
            {
                result.AddError($"--slow-mode is a number from 0 to {ProtocolLimits.SlowModeSecondsMax}");
            }
        });
    }

    /// <summary>Makes them options of a verb.</summary>
    public void AddTo(Command command)
    {
        command.Add(_topic);
        command.Add(_avatar);
        command.Add(_slowMode);
        command.Add(_history);
        _retention.AddTo(command);
    }

    /// <summary>What was said.</summary>
    public ConversationChanges Read(ParseResult parsed) => _retention.Read(parsed) with
    {
        Topic = parsed.GetValue(_topic),
        Avatar = parsed.GetValue(_avatar),
        SlowMode = parsed.GetValue(_slowMode) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        History = HistoryVisibilities.TryParse(parsed.GetValue(_history), out HistoryVisibility history) ? history : null,
    };
}
