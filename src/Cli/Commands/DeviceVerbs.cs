using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>devices [list|name|end|end-others]</c>, <c>logout</c> and <c>passwd</c>: where one is signed in.</summary>
internal static class DeviceVerbs
{
    /// <summary>The verbs.</summary>
    public static IEnumerable<Command> BuildAll()
    {
        Command list = new("list", "List them");
        list.SetAction((parsed, cancellation) => Invocation.Action(ListAsync)(parsed, cancellation));

        Argument<string> name = new("NAME") { Description = "For people: \"the laptop\"" };
        Option<string?> which = new("--device") { Description = "Another device than this one, by its number", HelpName = "DEVICE" };
        Command rename = new("name", "Give this device a name") { name, which };
        rename.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => NameAsync(
            invocation, parsed.GetRequiredValue(name), parsed.GetValue(which) is { } device ? ParseDevice(device) : default, token))(parsed, cancellation));

        Argument<string> ended = new("DEVICE") { Description = "Its number, as list prints it" };
        Command end = new("end", "Sign a device out; its connections are closed") { ended };
        end.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => EndAsync(invocation, ParseDevice(parsed.GetRequiredValue(ended)), token))(parsed, cancellation));

        Command others = new("end-others", "Sign all other devices out");
        others.SetAction((parsed, cancellation) => Invocation.Action(EndOthersAsync)(parsed, cancellation));
        yield return new Command("devices", "Where you are signed in") { list, rename, end, others };

        Command logout = new("logout", "Sign this device out and forget its tokens");
        logout.SetAction((parsed, cancellation) => Invocation.Action(LogoutAsync)(parsed, cancellation));
        yield return logout;

        Option<string?> oldFile = new("--password-file") { Description = "Read the old password from this file", HelpName = "FILE" };
        Option<string?> newFile = new("--new-password-file") { Description = "Read the new password from this file", HelpName = "FILE" };
        Command passwd = new("passwd", "Change the password; all other devices are signed out") { oldFile, newFile };
        passwd.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => ChangePasswordAsync(
            invocation, parsed.GetValue(oldFile), parsed.GetValue(newFile), token))(parsed, cancellation));
        yield return passwd;
    }

    /// <summary>A device's number as it is printed, in hexadecimal.</summary>
    /// <exception cref="CliException">It is none.</exception>
    public static DeviceId ParseDevice(string text) =>
        ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number) && number != 0
            ? new DeviceId(number)
            : throw CliException.Usage($"'{SafeText.OneLine(text)}' is no device: its number is expected, as it is listed");

    /// <summary>Prints all devices of a user.</summary>
    public static async Task PrintAllAsync(Invocation invocation, FastChatClient client, UserId user, CancellationToken cancellation)
    {
        DeviceId after = default;
        bool complete = false;
        while (!complete)
        {
            DevicePage page = await client.ListDevicesAsync(after, user: user, cancellationToken: cancellation).ConfigureAwait(false);
            foreach (DeviceInfo device in page.Devices)
            {
                Print(invocation, device);
                after = device.Device;
            }

            complete = page.IsComplete || page.Devices.Count == 0;
        }
    }

    private static async Task<int> ListAsync(Invocation invocation, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            await PrintAllAsync(invocation, client, default, cancellation).ConfigureAwait(false);
        }

        return ExitCodes.Done;
    }

    private static async Task<int> NameAsync(Invocation invocation, string name, DeviceId device, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            await client.NameDeviceAsync(name, device, cancellation).ConfigureAwait(false);
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("device", (device.Value == 0 ? client.Device : device).ToString());
            json.WriteString("name", name);
            invocation.Json.End();
        }

        return ExitCodes.Done;
    }

    private static async Task<int> EndAsync(Invocation invocation, DeviceId device, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            if (device == client.Device)
            {
                throw CliException.Usage("that is this device: fastchat logout");
            }

            await client.EndDeviceAsync(device, cancellationToken: cancellation).ConfigureAwait(false);
            Say(invocation, 1);
        }

        return ExitCodes.Done;
    }

    private static async Task<int> EndOthersAsync(Invocation invocation, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            Say(invocation, await client.EndOtherDevicesAsync(cancellation).ConfigureAwait(false));
        }

        return ExitCodes.Done;
    }

    private static async Task<int> LogoutAsync(Invocation invocation, CancellationToken cancellation)
    {
        Credential known = invocation.Credentials.Find(invocation.Server, invocation.User) ?? throw new CliException($"nobody is signed in to {invocation.Server}");
        bool isThere = true;
        try
        {
            await EndThisAsync(invocation, cancellation).ConfigureAwait(false);
        }
        catch (CliException dead) when (dead.InnerException is ConnectionException { Code: CloseCode.TokenInvalid or CloseCode.TokenExpired or CloseCode.SignedOut })
        {
            // The broker knows nothing of this sign-in any more: what lies here is of no use to anybody.
            isThere = false;
        }

        using (await invocation.Credentials.LockAsync(invocation.Server, cancellation).ConfigureAwait(false))
        {
            invocation.Credentials.Forget(invocation.Server, known.User);
        }

        Say(invocation, isThere ? 1UL : 0);
        return ExitCodes.Done;
    }

    private static async Task EndThisAsync(Invocation invocation, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            try
            {
                await client.EndDeviceAsync(client.Device, cancellationToken: cancellation).ConfigureAwait(false);
            }
            catch (ConnectionException ended) when (ended.Code == CloseCode.SignedOut)
            {
                // The close may come ahead of the answer, and says the same.
            }
        }
    }

    private static async Task<int> ChangePasswordAsync(Invocation invocation, string? oldFile, string? newFile, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            string old = Password.Obtain(client.UserName, oldFile, Environment.GetEnvironmentVariable("FASTCHAT_PASSWORD"), confirm: false);
            string next = Password.Obtain($"{client.UserName}, the new one", newFile, Environment.GetEnvironmentVariable("FASTCHAT_NEW_PASSWORD"), confirm: true);
            Say(invocation, await client.ChangePasswordAsync(old, next, cancellation).ConfigureAwait(false));
        }

        return ExitCodes.Done;
    }

    private static void Say(Invocation invocation, ulong ended)
    {
        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteNumber("ended", ended);
        invocation.Json.End();
    }

    private static void Print(Invocation invocation, DeviceInfo device)
    {
        string seen = Timestamps.Format((long)device.LastSeenMicros);
        if (invocation.IsHuman)
        {
            string mark = device.IsCurrent ? "this one" : device.IsOnline ? "online" : string.Empty;
            invocation.PrintHuman($"{device.Device}  {seen}  {device.SignedIn,-8}  {mark,-8}  {SafeText.OneLine(device.Name)}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("device", device.Device.ToString());
        json.WriteString("name", device.Name);
        json.WriteString("created_at", Timestamps.Format((long)device.CreatedAtMicros));
        json.WriteString("last_seen", seen);
        json.WriteString("signed_in", device.SignedIn);
        json.WriteBoolean("current", device.IsCurrent);
        json.WriteBoolean("online", device.IsOnline);
        invocation.Json.End();
    }
}
