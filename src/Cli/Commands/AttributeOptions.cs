using System.CommandLine;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>The options that say something beside a message's text: whom it mentions, and when it is deleted by itself.</summary>
internal sealed class AttributeOptions
{
    private readonly Option<string[]> _mention = new("--mention") { Description = "Mention somebody; may be repeated", HelpName = "NAME" };
    private readonly Option<bool> _everyone = new("--everyone") { Description = "Mention everyone (moderators and above)" };
    private readonly Option<string?> _expire = new("--expire") { Description = "Delete it by itself after so long", HelpName = Durations.HelpName };

    /// <summary>Makes them options of a verb.</summary>
    public void AddTo(Command command)
    {
        command.Add(_mention);
        command.Add(_everyone);
        command.Add(_expire);
    }

    /// <summary>What was given, to be completed when there is a client; null when nothing was.</summary>
    /// <exception cref="CliException">The time is none.</exception>
    public Func<FastChatClient, CancellationToken, Task<PublishOptions>>? Read(ParseResult parsed, TimeProvider time)
    {
        string[] names = parsed.GetValue(_mention) ?? [];
        bool everyone = parsed.GetValue(_everyone);
        TimeSpan? life = Durations.Parse(parsed.GetValue(_expire));
        if (names.Length == 0 && !everyone && life is null)
        {
            return null;
        }

        return async (client, cancellation) =>
        {
            UserId[] users = await Users.ResolveAsync(client, names, cancellation).ConfigureAwait(false);
            long expires = life is { } span ? (time.GetUtcNow() + span - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond : 0;
            return new PublishOptions { Attributes = new MessageAttributes { Mentions = [.. users.Distinct()], MentionsAll = everyone, ExpiresMicros = expires } };
        };
    }
}
