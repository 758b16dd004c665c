using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>presence [CONVERSATION]</c>: who of a conversation is there, or how the user is seen; and changes that.</summary>
internal static class Presence
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string?> conversation = new("CONVERSATION") { Description = "Whose members to list; without one, how you are seen", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> set = new("--set") { Description = "How to be seen from now on: online, away, dnd, invisible", HelpName = "AVAILABILITY" };
        set.AcceptOnlyFromAmong("online", "away", "dnd", "invisible");
        Option<string?> status = new("--status") { Description = "A line beside your name; an empty one takes it away", HelpName = "TEXT" };
        Option<double?> minutes = new("--for") { Description = "Take the line away after so many minutes", HelpName = "MINUTES" };
        Option<bool> follow = new("--follow") { Description = "Go on and print who changes" };
        Command command = new("presence", "Say who is there, or how you want to be seen") { conversation, set, status, minutes, follow };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation,
            parsed.GetValue(conversation),
            parsed.GetValue(set),
            parsed.GetValue(status),
            parsed.GetValue(minutes),
            parsed.GetValue(follow),
            token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        Invocation invocation, string? conversation, string? set, string? status, double? minutes, bool isFollowing, CancellationToken cancellation)
    {
        if ((minutes is not null && (status is null || minutes <= 0)) || (isFollowing && conversation is null))
        {
            throw CliException.Usage("--for needs a --status and a number above 0, --follow needs a conversation");
        }

        FastChatClient client = isFollowing
            ? await invocation.ConnectForLongAsync(ConnectionNotes.ToStandardError(), cancellation).ConfigureAwait(false)
            : await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            bool isChange = set is not null || status is not null;
            if (isChange || conversation is null)
            {
                DateTimeOffset? until = minutes is { } count ? DateTimeOffset.UtcNow + TimeSpan.FromMinutes(count) : null;
                PresenceSetting setting = await client.SetPresenceAsync(
                    set is null ? null : Availabilities.Parse(set), status, until, cancellationToken: cancellation).ConfigureAwait(false);
                Print(invocation, setting);
            }

            if (conversation is not null)
            {
                ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
                await PrintMembersAsync(invocation, client, target.Conversation, isFollowing, cancellation).ConfigureAwait(false);
            }
        }

        return ExitCodes.Done;
    }

    private static async Task PrintMembersAsync(Invocation invocation, FastChatClient client, ConversationId conversation, bool isFollowing, CancellationToken cancellation)
    {
        try
        {
            await foreach (PresenceUpdate update in client.WatchPresenceAsync(conversation, cancellation).ConfigureAwait(false))
            {
                if (update.Entries is null)
                {
                    Print(invocation, update);
                }
                else
                {
                    UserId[] users = update.Entries.Select(static entry => entry.User).ToArray();
                    IReadOnlyList<UserInfo?> names = await client.ResolveUsersAsync(users, cancellation).ConfigureAwait(false);
                    for (int i = 0; i < users.Length; i++)
                    {
                        Print(invocation, update.Entries[i], names[i]?.Name ?? users[i].ToString());
                    }
                }

                invocation.Json.Flush();
                if (!isFollowing)
                {
                    return;
                }
            }

            throw new CliException("you are no longer a member of this conversation");
        }
        catch (OperationCanceledException) when (isFollowing && cancellation.IsCancellationRequested)
        {
            // Ctrl-C is how following ends.
        }
    }

    private static void Print(Invocation invocation, PresenceSetting setting)
    {
        if (invocation.IsHuman)
        {
            invocation.PrintHuman($"you: {Availabilities.NameOf(setting.Availability)}{Line(setting.Status)}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("availability", Availabilities.NameOf(setting.Availability));
        json.WriteString("status", setting.Status);
        if (setting.StatusUntilMicros != 0)
        {
            json.WriteString("status_until", Timestamps.Format(setting.StatusUntilMicros));
        }

        invocation.Json.End();
    }

    private static void Print(Invocation invocation, PresenceUpdate counts)
    {
        if (invocation.IsHuman)
        {
            invocation.PrintHuman($"{counts.Online} of {counts.Members} members are there");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteNumber("online", counts.Online);
        json.WriteNumber("members", counts.Members);
        invocation.Json.End();
    }

    private static void Print(Invocation invocation, PresenceEntry entry, string name)
    {
        if (invocation.IsHuman)
        {
            string seen = entry.LastSeenMicros == 0 ? string.Empty : $"  last seen {Timestamps.Format(entry.LastSeenMicros)}";
            invocation.PrintHuman($"{Availabilities.NameOf(entry.Availability),-9}  {SafeText.OneLine(name)}{Line(entry.Status)}{seen}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("user", entry.User.ToString());
        json.WriteString("name", name);
        json.WriteString("availability", Availabilities.NameOf(entry.Availability));
        if (entry.LastSeenMicros != 0)
        {
            json.WriteString("last_seen", Timestamps.Format(entry.LastSeenMicros));
        }

        if (entry.Status.Length > 0)
        {
            json.WriteString("status", entry.Status);
        }

        invocation.Json.End();
    }

    private static string Line(string status) => status.Length > 0 ? $"  “{SafeText.OneLine(status)}”" : string.Empty;
}
