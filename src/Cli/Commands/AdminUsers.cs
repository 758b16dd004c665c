using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>admin user list|suspend|restore|devices</c>, <c>admin sessions</c> and <c>admin revoke</c>: who is let in, for the operator.</summary>
internal static class AdminUsers
{
    /// <summary>The verbs below <c>admin</c>.</summary>
    public static IEnumerable<Command> BuildAll()
    {
        yield return new Command("user", "The accounts of people")
        {
            Build("list", "List them", null, (invocation, client, _, token) => ListAsync(invocation, client, token)),
            Build("suspend", "Let somebody in no longer, and close their connections", "Who", (invocation, client, user, token) => SuspendAsync(invocation, client, user, true, token)),
            Build("restore", "Let somebody in again", "Who", (invocation, client, user, token) => SuspendAsync(invocation, client, user, false, token)),
            Build("devices", "List somebody's devices", "Whose", DeviceVerbs.PrintAllAsync),
        };
        yield return Build("sessions", "List who is connected", null, (invocation, client, _, token) => ListSessionsAsync(invocation, client, token));

        Argument<string> name = new("NAME") { Description = "Whose devices" };
        Option<string?> device = new("--device") { Description = "This one only, by its number", HelpName = "DEVICE" };
        Option<string?> data = Admin.DataOption();
        Command revoke = new("revoke", "Sign a person's devices out, and close their connections") { name, device, data };
        revoke.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetValue(data), parsed.GetRequiredValue(name),
            (client, user) => RevokeAsync(invocation, client, user, parsed.GetValue(device) is { } one ? DeviceVerbs.ParseDevice(one) : default, token), token))(parsed, cancellation));
        yield return revoke;
    }

    private static Command Build(string verb, string description, string? whom, Func<Invocation, FastChatClient, UserId, CancellationToken, Task> run)
    {
        Option<string?> data = Admin.DataOption();
        Command command = new(verb, description) { data };
        Argument<string>? name = whom is null ? null : new("NAME") { Description = whom };
        if (name is not null)
        {
            command.Add(name);
        }

        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetValue(data), name is null ? null : parsed.GetRequiredValue(name), (client, user) => run(invocation, client, user, token), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string? data, string? name, Func<FastChatClient, UserId, Task> run, CancellationToken cancellation)
    {
        FastChatClient client = await Admin.ConnectAsync(invocation, data, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            await run(client, name is null ? default : (await Users.ResolveAsync(client, [name], cancellation).ConfigureAwait(false))[0]).ConfigureAwait(false);
        }

        return ExitCodes.Done;
    }

    private static async Task ListAsync(Invocation invocation, FastChatClient client, CancellationToken cancellation)
    {
        UserId after = default;
        bool complete = false;
        while (!complete)
        {
            AccountPage page = await client.ListUsersAsync(after, cancellationToken: cancellation).ConfigureAwait(false);
            foreach (AccountInfo account in page.Users)
            {
                Print(invocation, account);
                after = account.User;
            }

            complete = page.IsComplete || page.Users.Count == 0;
        }
    }

    private static async Task SuspendAsync(Invocation invocation, FastChatClient client, UserId user, bool suspended, CancellationToken cancellation)
    {
        bool changed = await client.SuspendUserAsync(user, suspended, cancellation).ConfigureAwait(false);
        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("user", user.ToString());
        json.WriteBoolean("suspended", suspended);
        json.WriteBoolean("changed", changed);
        invocation.Json.End();
    }

    private static async Task RevokeAsync(Invocation invocation, FastChatClient client, UserId user, DeviceId device, CancellationToken cancellation)
    {
        ulong ended = 1;
        if (device.Value != 0)
        {
            await client.EndDeviceAsync(device, user, cancellation).ConfigureAwait(false);
        }
        else
        {
            ended = await client.EndAllDevicesAsync(user, cancellation).ConfigureAwait(false);
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("user", user.ToString());
        json.WriteNumber("ended", ended);
        invocation.Json.End();
    }

    private static async Task ListSessionsAsync(Invocation invocation, FastChatClient client, CancellationToken cancellation)
    {
        SessionId after = default;
        bool complete = false;
        while (!complete)
        {
            SessionPage page = await client.ListSessionsAsync(after, cancellationToken: cancellation).ConfigureAwait(false);
            foreach (SessionInfo session in page.Sessions)
            {
                Print(invocation, session);
                after = session.Session;
            }

            complete = page.IsComplete || page.Sessions.Count == 0;
        }
    }

    private static void Print(Invocation invocation, AccountInfo account)
    {
        string created = Timestamps.Format((long)account.CreatedAtMicros);
        if (invocation.IsHuman)
        {
            string mark = account.IsSuspended ? "suspended" : account.IsExternal ? "imported" : string.Empty;
            invocation.PrintHuman($"{account.User}  {created}  {mark,-9}  {SafeText.OneLine(account.Name)}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("user", account.User.ToString());
        json.WriteString("name", account.Name);
        json.WriteBoolean("external", account.IsExternal);
        json.WriteBoolean("suspended", account.IsSuspended);
        json.WriteString("created_at", created);
        invocation.Json.End();
    }

    private static void Print(Invocation invocation, SessionInfo session)
    {
        if (invocation.IsHuman)
        {
            invocation.PrintHuman($"{session.Session}  {session.Device}  {SafeText.OneLine(session.Remote),-15}  {SafeText.OneLine(session.Name)}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("session", session.Session.ToString());
        json.WriteString("user", session.User.ToString());
        json.WriteString("name", session.Name);
        json.WriteString("device", session.Device.ToString());
        json.WriteString("remote", session.Remote);
        if (session.TokenSeconds is { } seconds)
        {
            json.WriteNumber("token_seconds", seconds);
        }
        else
        {
            json.WriteNull("token_seconds");
        }

        invocation.Json.End();
    }
}
