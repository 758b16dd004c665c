using System.IO.Compression;
using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>People whom an identity provider vouches for: what is kept of that is in their archive, and goes with them; and their client does not bring them back.</summary>
public sealed class IdentityProviderPeopleTests
{
    private const string Subject = "f3a1c2-the-subject";

    [Test]
    public async Task Who_they_are_elsewhere_is_exported_and_erased_and_they_do_not_come_back()
    {
        using TestSigner signer = TestSigner.OfEd25519("1");
        using TemporaryDirectory files = new("issuer");
        await File.WriteAllTextAsync(files.PathOf("keys.json"), TestSigner.SetOf(signer));
        JsonObject issuer = new() { ["issuer"] = "corp", ["audience"] = "chat", ["keys"] = files.PathOf("keys.json"), ["register"] = true };
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["issuers"] = new JsonArray(issuer) });
        ClientOptions options = new()
        {
            Endpoint = ClientEndpoint.Parse(broker.Process.Tcp.ToString()),
            Assertion = _ => ValueTask.FromResult(Token()),
            Reconnect = new ReconnectPolicy { RetryFirstConnect = true },
        };
        UserId gone;
        await using (FastChatClient ada = await FastChatClient.ConnectAsync(options))
        {
            gone = ada.User;
            Assert.That(ada.UserName, Is.EqualTo("ada"));
            await ada.BeginExportAsync();
            ExportStatus export = await ada.GetExportAsync();
            while (export.State == "running")
            {
                await Task.Delay(50);
                export = await ada.GetExportAsync();
            }

            using MemoryStream archive = new();
            await ada.DownloadExportAsync(export, archive);
            using ZipArchive zip = new(archive, ZipArchiveMode.Read);
            using StreamReader account = new(zip.Entries.Single(entry => entry.Name.StartsWith("account", StringComparison.Ordinal)).Open());
            Assert.That(await account.ReadToEndAsync(), Does.Contain(Subject).And.Contain("corp"));
        }

        await using (FastChatClient root = await FastChatClient.ConnectAsync(options with { Assertion = null, Token = broker.ReadOperatorToken() }))
        {
            ErasureStatus status = await root.EraseUserAsync(gone);
            while (status.State == "running")
            {
                await Task.Delay(50);
                status = await root.GetErasureAsync(gone);
            }
        }

        ConnectionException refused = (await Assert.ThrowsAsync<ConnectionException>(() => FastChatClient.ConnectAsync(options)))!;
        Assert.That(refused.Code, Is.EqualTo(CloseCode.AssertionRefused));
        await broker.StopAndVerifyAsync();
        byte[] subject = System.Text.Encoding.UTF8.GetBytes(Subject);
        foreach (string file in Directory.EnumerateFiles(broker.Process.DataDirectory, "*", SearchOption.AllDirectories))
        {
            Assert.That((await File.ReadAllBytesAsync(file)).AsSpan().IndexOf(subject), Is.EqualTo(-1), file);
        }

        string Token()
        {
            long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
            return signer.Sign(new JsonObject { ["iss"] = "corp", ["sub"] = Subject, ["aud"] = "chat", ["iat"] = now, ["exp"] = now + 60, ["preferred_username"] = "ada" });
        }
    }
}
