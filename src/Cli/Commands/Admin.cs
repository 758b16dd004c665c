using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>admin service create|list|keys|revoke</c>: the accounts of programs; beside it what <see cref="AdminUsers"/> makes. Signs in as the operator of the broker on this machine, unless an account is named.</summary>
internal static class Admin
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Command admin = new("admin", "Manage a broker, as its operator")
        {
            new Command("service", "The accounts of programs: bots, bridges, back ends") { BuildCreate(), BuildList(), BuildKeys(), BuildRevoke() },
            AuditVerb.Build(),
            PrivacyVerbs.BuildAdminExport(),
            PrivacyVerbs.BuildAdminErase(),
            Set.BuildAdminRetention(),
            EraseConversation.BuildAdmin(),
            BrokerVerbs.BuildStats(),
            BrokerVerbs.BuildDrain(),
            LimitsVerb.Build(),
        };
        foreach (Command verb in AdminUsers.BuildAll())
        {
            admin.Add(verb);
        }

        return admin;
    }

    /// <summary>Where the operator's token is.</summary>
    public static Option<string?> DataOption() => new("--data") { Description = "The broker's data directory, which holds the operator's token; that of the running broker otherwise" };

    private static Command BuildCreate()
    {
        Argument<string> name = new("NAME") { Description = "A name as accounts have it" };
        Option<string[]> rights = new("--right") { Description = "publish, import or read; once for each", Required = true };
        Option<string[]> conversations = new("--in") { Description = "A conversation that it is confined to; once for each" };
        Option<string?> key = new("--key") { Description = "It signs in with assertions under the public key in this file (JWK or PEM), instead of a token", HelpName = "FILE" };
        Option<string?> certificate = new("--certificate") { Description = "It signs in with the certificate of this name, dns:NAME or uri:URI, instead of a token", HelpName = "NAME" };
        Option<string?> data = DataOption();
        Command command = new("create", "Make an account and print its token, which is not told again") { name, rights, conversations, key, certificate, data };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => CreateAsync(
            invocation, parsed.GetRequiredValue(name), parsed.GetRequiredValue(rights), parsed.GetValue(conversations) ?? [], parsed.GetValue(key), parsed.GetValue(certificate), parsed.GetValue(data), token))(parsed, cancellation));
        return command;
    }

    private static Command BuildKeys()
    {
        Argument<string> name = new("NAME") { Description = "Whose keys" };
        Option<string?> add = new("--add") { Description = "Add the public key in this file (JWK or PEM)", HelpName = "FILE" };
        Option<string?> remove = new("--remove") { Description = "Take away the key of this thumbprint, and close the account's connections", HelpName = "THUMBPRINT" };
        Option<string?> data = DataOption();
        Command command = new("keys", "Change the public keys that an account signs in with") { name, add, remove, data };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => ChangeKeysAsync(
            invocation, parsed.GetRequiredValue(name), parsed.GetValue(add), parsed.GetValue(remove), parsed.GetValue(data), token))(parsed, cancellation));
        return command;
    }

    private static Command BuildList()
    {
        Option<string?> data = DataOption();
        Command command = new("list", "List the accounts of programs") { data };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => ListAsync(invocation, parsed.GetValue(data), token))(parsed, cancellation));
        return command;
    }

    private static Command BuildRevoke()
    {
        Argument<string> name = new("NAME") { Description = "Whose account ends" };
        Option<string?> data = DataOption();
        Command command = new("revoke", "End an account and close its connections") { name, data };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RevokeAsync(
            invocation, parsed.GetRequiredValue(name), parsed.GetValue(data), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> CreateAsync(
        Invocation invocation, string name, string[] rightNames, string[] conversations, string? keyFile, string? certificate, string? data, CancellationToken cancellation)
    {
        if (keyFile is not null && certificate is not null)
        {
            throw CliException.Usage("--key or --certificate, not both");
        }

        ServiceRights rights = ServiceInfo.ParseRights(rightNames) ?? throw CliException.Usage("--right: publish, import or read");
        string? key = keyFile is null ? null : ReadKey(keyFile);
        FastChatClient client = await ConnectAsync(invocation, data, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            List<ConversationId> scope = [];
            foreach (string conversation in conversations)
            {
                scope.Add((await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false)).Conversation);
            }

            ServiceCreated made = await client.CreateServiceAsync(name, rights, scope.Count == 0 ? null : scope, key, certificate, cancellation).ConfigureAwait(false);
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("user", made.User.ToString());
            json.WriteString("name", name);
            if (made.Token is not null)
            {
                json.WriteString("token", made.Token);
            }

            if (made.Key is not null)
            {
                json.WriteString("key", made.Key);
            }

            invocation.Json.End();
        }

        return ExitCodes.Done;
    }

    private static async Task<int> ChangeKeysAsync(Invocation invocation, string name, string? addFile, string? remove, string? data, CancellationToken cancellation)
    {
        if (addFile is null && remove is null)
        {
            throw CliException.Usage("--add FILE, --remove THUMBPRINT, or both");
        }

        string? add = addFile is null ? null : ReadKey(addFile);
        FastChatClient client = await ConnectAsync(invocation, data, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            UserId user = (await Users.ResolveAsync(client, [name], cancellation).ConfigureAwait(false))[0];
            IReadOnlyList<string> keys = await client.ChangeServiceKeysAsync(user, add, remove, cancellation).ConfigureAwait(false);
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("user", user.ToString());
            WriteKeys(json, keys);
            invocation.Json.End();
        }

        return ExitCodes.Done;
    }

    private static void WriteKeys(Utf8JsonWriter json, IReadOnlyList<string> keys)
    {
        json.WriteStartArray("keys");
        foreach (string key in keys)
        {
            json.WriteStringValue(key);
        }

        json.WriteEndArray();
    }

    private static string ReadKey(string path)
    {
        try
        {
            string text = File.ReadAllText(path);
            return System.Text.Encoding.UTF8.GetByteCount(text) <= ProtocolLimits.PublicKeySizeMax ? text : throw CliException.Usage($"{path} is too long for a public key");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CliException(failure.Message, inner: failure);
        }
    }

    private static async Task<int> ListAsync(Invocation invocation, string? data, CancellationToken cancellation)
    {
        FastChatClient client = await ConnectAsync(invocation, data, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            UserId after = default;
            bool complete = false;
            while (!complete)
            {
                ServicePage page = await client.ListServicesAsync(after, cancellationToken: cancellation).ConfigureAwait(false);
                foreach (ServiceInfo service in page.Services)
                {
                    Print(invocation, service);
                    after = service.User;
                }

                complete = page.IsComplete || page.Services.Count == 0;
            }
        }

        return ExitCodes.Done;
    }

    private static async Task<int> RevokeAsync(Invocation invocation, string name, string? data, CancellationToken cancellation)
    {
        FastChatClient client = await ConnectAsync(invocation, data, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            UserId user = (await Users.ResolveAsync(client, [name], cancellation).ConfigureAwait(false))[0];
            await client.RevokeServiceAsync(user, cancellation).ConfigureAwait(false);
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("user", user.ToString());
            json.WriteBoolean("revoked", true);
            invocation.Json.End();
        }

        return ExitCodes.Done;
    }

    /// <summary>Connects as the operator, or as the account that was named.</summary>
    public static Task<FastChatClient> ConnectAsync(Invocation invocation, string? data, CancellationToken cancellation)
    {
        string? token = (invocation.User is null && invocation.AssertionFile is null) || data is not null
            ? RunningServer.FindOperatorToken(invocation.Server, data, Environment.GetEnvironmentVariable)
            : null;
        return token is null
            ? invocation.ConnectAsync(cancellation)
            : invocation.ConnectAsync(new ClientOptions { Token = token, Reconnect = new ReconnectPolicy { AttemptsMax = 1 } }, null, cancellation);
    }

    private static void Print(Invocation invocation, ServiceInfo service)
    {
        string created = Timestamps.Format((long)service.CreatedAtMicros);
        string[] rights = ServiceInfo.NamesOf(service.Rights);
        if (invocation.IsHuman)
        {
            invocation.PrintHuman($"{service.User}  {created}  {string.Join(',', rights)}{(service.Conversations is { } count ? $" in {count}" : string.Empty)}  {SafeText.OneLine(service.Name)}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("user", service.User.ToString());
        json.WriteString("name", service.Name);
        json.WriteStartArray("rights");
        foreach (string right in rights)
        {
            json.WriteStringValue(right);
        }

        json.WriteEndArray();
        if (service.Conversations is { } conversations)
        {
            json.WriteNumber("conversations", conversations);
        }
        else
        {
            json.WriteNull("conversations");
        }

        json.WriteString("created_at", created);
        WriteKeys(json, service.Keys);
        if (service.Certificate is { } certificate)
        {
            json.WriteString("certificate", certificate);
        }
        else
        {
            json.WriteNull("certificate");
        }

        invocation.Json.End();
    }
}
