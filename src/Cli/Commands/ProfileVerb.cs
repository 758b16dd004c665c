using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>profile [NAME]</c>: shows a profile, one's own without a name; with options it changes one's own.</summary>
internal static class ProfileVerb
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string?> user = new("NAME") { Description = "Whose profile; yours without one", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> displayName = new("--display-name") { Description = "How you want to be called; empty takes it away" };
        Option<string?> avatar = new("--avatar") { Description = "The address of a picture; empty takes it away" };
        Option<string?> locale = new("--locale") { Description = "A language tag like en-GB; empty takes it away" };
        Option<string[]> fields = new("--field") { Description = "key=value: a field of your own; key= takes it away" };
        Command command = new("profile", "Show a profile, or change your own") { user, displayName, avatar, locale, fields };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation,
            parsed.GetValue(user),
            ChangeOf(parsed.GetValue(displayName), parsed.GetValue(avatar), parsed.GetValue(locale), parsed.GetValue(fields) ?? []),
            token))(parsed, cancellation));
        return command;
    }

    /// <summary>What the options ask for; null when they ask for nothing.</summary>
    /// <exception cref="CliException">It may not stand in a profile.</exception>
    public static ProfileChange? ChangeOf(string? displayName, string? avatar, string? locale, IReadOnlyCollection<string> fields)
    {
        if (displayName is null && avatar is null && locale is null && fields.Count == 0)
        {
            return null;
        }

        ProfileChange change = new()
        {
            DisplayName = displayName,
            Avatar = avatar,
            Locale = locale,
            Fields = fields.Count == 0 ? null : new ProfileFields(fields.Select(static field => field.IndexOf('=', StringComparison.Ordinal) is var at and > 0
                ? new KeyValuePair<string, string>(field[..at], field[(at + 1)..])
                : throw CliException.Usage($"--field: key=value is expected, not {SafeText.OneLine(field)}"))),
        };
        return ProfileRules.FindFault(change) is { } fault ? throw CliException.Usage(fault) : change;
    }

    private static async Task<int> RunAsync(Invocation invocation, string? name, ProfileChange? change, CancellationToken cancellation)
    {
        if (name is not null && change is not null)
        {
            throw CliException.Usage("a profile is changed by its owner: no NAME with --display-name, --avatar, --locale or --field");
        }

        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            UserId user = name is null ? client.User : (await Users.ResolveAsync(client, [name], cancellation).ConfigureAwait(false))[0];
            if (change is not null)
            {
                await client.SetProfileAsync(change, cancellation).ConfigureAwait(false);
            }

            Profile profile = (await client.GetProfilesAsync([new ProfileQuery(user)], cancellation).ConfigureAwait(false))[0]
                ?? throw new CliException($"the profile of {SafeText.OneLine(name ?? client.UserName)} is not visible to you");
            Print(invocation, profile);
        }

        return ExitCodes.Done;
    }

    private static void Print(Invocation invocation, Profile profile)
    {
        if (!invocation.IsHuman)
        {
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("user", profile.User.ToString());
            json.WriteString("name", profile.Name);
            json.WriteNumber("version", profile.Version);
            json.WriteString("display_name", profile.DisplayName);
            json.WriteString("avatar", profile.Avatar);
            json.WriteString("locale", profile.Locale);
            json.WriteStartObject("fields");
            foreach ((string key, string value) in profile.Fields.All)
            {
                json.WriteString(key, value);
            }

            json.WriteEndObject();
            invocation.Json.End();
            return;
        }

        invocation.PrintHuman($"{profile.User}  {SafeText.OneLine(profile.Name)}  version {profile.Version}");
        foreach ((string key, string? value) in new (string, string?)[] { ("display name", profile.DisplayName), ("avatar", profile.Avatar), ("locale", profile.Locale) }
            .Concat(profile.Fields.All.Select(static field => (field.Key, (string?)field.Value))))
        {
            if (value is not null)
            {
                invocation.PrintHuman($"  {SafeText.OneLine(key)}: {SafeText.OneLine(value)}");
            }
        }
    }
}
