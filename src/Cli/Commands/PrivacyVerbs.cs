using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// <c>export FILE</c>, <c>erase-account</c>, <c>admin export NAME FILE</c> and <c>admin erase NAME</c>: everything that is a person's, in one archive, or gone. The archive is made by the broker; who hangs up meanwhile asks again and
/// finds it. A file appears under its name when all of it has come and its hash was checked.
/// </summary>
internal static class PrivacyVerbs
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(300);

    /// <summary><c>export FILE [--force]</c>.</summary>
    public static Command BuildExport()
    {
        Argument<string> file = new("FILE") { Description = "The ZIP file that is made" };
        Option<bool> force = new("--force") { Description = "Replace a file that exists" };
        Command command = new("export", "Save everything that is yours: account, messages, memberships, attachments") { file, force };
        command.SetAction((parsed, cancellation) => Invocation.Action(async (invocation, token) =>
        {
            FastChatClient client = await invocation.ConnectAsync(token).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                return await ExportAsync(invocation, client, default, parsed.GetRequiredValue(file), parsed.GetValue(force), token).ConfigureAwait(false);
            }
        })(parsed, cancellation));
        return command;
    }

    /// <summary><c>erase-account --yes</c>.</summary>
    public static Command BuildErase()
    {
        Option<bool> yes = new("--yes") { Description = "Yes, erase everything; there is no way back" };
        Option<string?> passwordFile = new("--password-file") { Description = "A file that holds the password; FASTCHAT_PASSWORD or the terminal otherwise", HelpName = "FILE" };
        Command command = new("erase-account", "Erase your account and everything that you wrote; asks for the password again") { yes, passwordFile };
        command.SetAction((parsed, cancellation) => Invocation.Action(async (invocation, token) =>
        {
            if (!parsed.GetValue(yes))
            {
                throw CliException.Usage("there is no way back: --yes says that you mean it");
            }

            FastChatClient client = await invocation.ConnectAsync(token).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                string password = Password.Obtain(invocation.User ?? "your account", parsed.GetValue(passwordFile), Environment.GetEnvironmentVariable("FASTCHAT_PASSWORD"), confirm: false);
                try
                {
                    Print(invocation, client.User, await client.EraseAccountAsync(password, token).ConfigureAwait(false));
                }
                catch (ConnectionException ended) when (ended.Code == CloseCode.TokenInvalid)
                {
                    // The close was faster than the answer, and says the same: nobody is signed in to that account any more.
                    Utf8JsonWriter json = invocation.Json.Begin();
                    json.WriteString("user", client.User.ToString());
                    json.WriteString("state", "running");
                    invocation.Json.End();
                }
            }

            return ExitCodes.Done;
        })(parsed, cancellation));
        return command;
    }

    /// <summary><c>admin export NAME FILE [--force]</c>.</summary>
    public static Command BuildAdminExport()
    {
        Argument<string> name = new("NAME") { Description = "Whose data" };
        Argument<string> file = new("FILE") { Description = "The ZIP file that is made" };
        Option<bool> force = new("--force") { Description = "Replace a file that exists" };
        Option<string?> data = Admin.DataOption();
        Command command = new("export", "Save everything that is a person's") { name, file, force, data };
        command.SetAction((parsed, cancellation) => Invocation.Action(async (invocation, token) =>
        {
            FastChatClient client = await Admin.ConnectAsync(invocation, parsed.GetValue(data), token).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                UserId user = (await Users.ResolveAsync(client, [parsed.GetRequiredValue(name)], token).ConfigureAwait(false))[0];
                return await ExportAsync(invocation, client, user, parsed.GetRequiredValue(file), parsed.GetValue(force), token).ConfigureAwait(false);
            }
        })(parsed, cancellation));
        return command;
    }

    /// <summary><c>admin erase NAME|ID [--yes] [--wait]</c>.</summary>
    public static Command BuildAdminErase()
    {
        Argument<string> name = new("NAME") { Description = "Who; the id of somebody whose erasure has begun, because the name is gone by then" };
        Option<bool> yes = new("--yes") { Description = "Yes, erase everything; without it, say how it goes" };
        Option<bool> wait = new("--wait") { Description = "Return when it is done" };
        Option<string?> data = Admin.DataOption();
        Command command = new("erase", "Erase a person and everything that they wrote") { name, yes, wait, data };
        command.SetAction((parsed, cancellation) => Invocation.Action(async (invocation, token) =>
        {
            FastChatClient client = await Admin.ConnectAsync(invocation, parsed.GetValue(data), token).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                string who = parsed.GetRequiredValue(name);
                UserId user = UserId.TryParse(who, out UserId id) ? id : (await Users.ResolveAsync(client, [who], token).ConfigureAwait(false))[0];
                ErasureStatus status = parsed.GetValue(yes)
                    ? await client.EraseUserAsync(user, token).ConfigureAwait(false)
                    : await client.GetErasureAsync(user, token).ConfigureAwait(false);
                while (parsed.GetValue(wait) && status.State == "running")
                {
                    await Task.Delay(s_poll, token).ConfigureAwait(false);
                    status = await client.GetErasureAsync(user, token).ConfigureAwait(false);
                }

                Print(invocation, user, status);
            }

            return ExitCodes.Done;
        })(parsed, cancellation));
        return command;
    }

    private static async Task<int> ExportAsync(Invocation invocation, FastChatClient client, UserId user, string path, bool force, CancellationToken cancellation)
    {
        if (!force && Path.Exists(path))
        {
            throw new CliException($"{SafeText.OneLine(path)} exists; --force replaces it");
        }

        ExportStatus export = await client.BeginExportAsync(user, cancellation).ConfigureAwait(false);
        while (export.State == "running")
        {
            await Task.Delay(s_poll, cancellation).ConfigureAwait(false);
            export = await client.GetExportAsync(user, cancellation).ConfigureAwait(false);
        }

        if (export.State != "ready")
        {
            throw new CliException($"the export did not come about: {SafeText.OneLine(export.Failure ?? export.State)}");
        }

        string part = $"{path}.part";
        try
        {
            // Never through a link that lies there under the name: what is left of an earlier attempt goes first.
            File.Delete(part);
            FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.Asynchronous };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            FileStream file = new(part, options);
            await using (file.ConfigureAwait(false))
            {
                await client.DownloadExportAsync(export, file, user, cancellation).ConfigureAwait(false);
            }

            File.Move(part, path, overwrite: force);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            File.Delete(part);
            throw new CliException($"{SafeText.OneLine(path)}: {SafeText.OneLine(failure.Message)}", inner: failure);
        }

        await client.DiscardExportAsync(user, cancellation).ConfigureAwait(false);
        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("file", path);
        json.WriteNumber("bytes", export.Size);
        json.WriteNumber("records", export.Records);
        json.WriteString("sha256", Convert.ToHexStringLower(export.Hash ?? []));
        invocation.Json.End();
        return ExitCodes.Done;
    }

    private static void Print(Invocation invocation, UserId user, ErasureStatus status)
    {
        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("user", user.ToString());
        json.WriteString("state", status.State);
        json.WriteNumber("erased", status.Erased);
        json.WriteBoolean("reaches_backups", status.ReachesBackups);
        invocation.Json.End();
        if (status.State != "none" && !status.ReachesBackups)
        {
            Invocation.Note("Backups that were taken before still have everything: delete them, or erase again in what is restored from one.");
        }
    }
}
