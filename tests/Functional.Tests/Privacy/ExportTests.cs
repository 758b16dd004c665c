using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>The archive of a person's data has what is theirs from everywhere, of others only ids, and nothing that signs in; it can be checked, and nobody else gets it.</summary>
public sealed class ExportTests
{
    [Test]
    public async Task An_archive_has_all_that_is_ones_own_and_nobody_elses_words()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient eve = await broker.ClientAsync("eve");
        ConversationId left = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [eve.User])).Conversation;
        ConversationId lobby = (await ada.ResolveConversationAsync("lobby", create: true)).Conversation;
        ulong adas = (await ada.PublishTextAsync(left, "the words of ada")).Sequence;
        await eve.PublishTextAsync(left, "my answer", new PublishOptions { Attributes = new MessageAttributes { ReplyTo = adas } });
        await eve.ReactAsync(left, adas, "👍");
        await eve.ForwardAsync(left, adas, lobby);
        ulong mine = (await eve.PublishTextAsync(lobby, "in public")).Sequence;
        await eve.EditAsync(lobby, mine, "in public, edited");
        await eve.RemoveMemberAsync(left);
        await eve.SetProfileAsync(new ProfileChange { DisplayName = "Eve the first" });
        await eve.BlockAsync(ada.User);
        await eve.ScheduleTextAsync(lobby, "later", DateTimeOffset.UtcNow.AddDays(1));
        byte[] picture = RandomNumberGenerator.GetBytes(200_000);
        MessageAttachment attached = (await eve.UploadAsync(new MemoryStream(picture), "picture.png", "image/png")).Attachment;
        await eve.PublishTextAsync(lobby, "look", new PublishOptions { Attributes = new MessageAttributes { Attachments = [attached] } });

        ExportStatus status = await eve.BeginExportAsync();
        Assert.That(status.State, Is.EqualTo("running").Or.EqualTo("ready"));
        await using (FastChatClient again = await broker.DeviceAsync("eve"))
        {
            for (int i = 0; i < 200 && status.State == "running"; i++)
            {
                await Task.Delay(50);
                status = await again.GetExportAsync();
            }
        }

        Assert.That((status.State, status.Failure), Is.EqualTo(("ready", (string?)null)));
        MemoryStream file = new();
        await eve.DownloadExportAsync(status, file);
        using ZipArchive archive = new(file, ZipArchiveMode.Read);
        Dictionary<string, byte[]> parts = archive.Entries.ToDictionary(entry => entry.FullName, Read);
        using JsonDocument manifest = JsonDocument.Parse(parts["manifest.json"]);
        foreach (JsonElement part in manifest.RootElement.GetProperty("parts").EnumerateArray())
        {
            byte[] bytes = parts[part.GetProperty("name").GetString()!];
            Assert.That((part.GetProperty("bytes").GetInt64(), part.GetProperty("sha256").GetString()), Is.EqualTo((bytes.LongLength, Convert.ToHexStringLower(SHA256.HashData(bytes)))));
        }

        Assert.That(manifest.RootElement.GetProperty("parts").GetArrayLength(), Is.EqualTo(parts.Count - 1));
        Assert.That(parts[$"attachments/{attached.Id}"], Is.EqualTo(picture));
        string all = string.Join('\n', parts.Where(part => !part.Key.StartsWith("attachments/", StringComparison.Ordinal)).Select(part => Encoding.UTF8.GetString(part.Value)));
        Assert.That(all, Does.Contain("my answer").And.Contain("in public, edited").And.Contain("Eve the first").And.Contain("later").And.Contain("picture.png"));
        Assert.That(all, Does.Not.Contain("the words of ada").And.Not.Contain("argon2").And.Not.Contain("fc1_"));
        JsonElement[] records = [.. Encoding.UTF8.GetString(parts["records.jsonl"]).TrimEnd('\n').Split('\n').Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.That(records, Has.Length.EqualTo((int)status.Records));
        Assert.That(records.Count(record => record.GetProperty("kind").GetInt32() == (int)MessageKind.MemberRemoved), Is.EqualTo(1), "that she left");
        Assert.That(records.Single(record => record.TryGetProperty("forwarded_from", out _)).GetProperty("forwarded_from").GetProperty("sequence").GetUInt64(), Is.EqualTo(adas));

        await eve.DiscardExportAsync();
        Assert.That(Directory.GetFiles(Path.Combine(broker.Process.DataDirectory, "exports")), Is.Empty);
    }

    [Test]
    public async Task An_export_is_ones_own_or_an_operators()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using SignedInPeer eve = await broker.RegisterAsync();
        await using SignedInPeer mallory = await broker.RegisterAsync();
        await using SignedInPeer admin = await broker.SignInAsync(broker.ReadOperatorToken());
        ControlMap of = new ControlMap().SetId("user", eve.Welcome.User.Value);
        foreach (FrameType type in new[] { FrameType.ExportPerson, FrameType.GetExport, FrameType.ErasePerson })
        {
            await BadInput.ExpectErrorAsync(mallory, await mallory.AskAsync(type, of), ErrorCode.Forbidden);
        }

        await BadInput.ExpectErrorAsync(eve, await eve.AskAsync(FrameType.GetExport, new ControlMap()), ErrorCode.NoSuchExport);
        await BadInput.ExpectErrorAsync(admin, await admin.AskAsync(FrameType.ErasePerson, new ControlMap().SetId("user", admin.Welcome.User.Value).Set("begin", true)), ErrorCode.Forbidden);
        ControlMap reply = (await admin.AskAsync(FrameType.ExportPerson, new ControlMap().SetId("user", eve.Welcome.User.Value).Set("begin", true))).ToMap();
        Assert.That(reply.Text("state", 64), Is.EqualTo("running").Or.EqualTo("ready"));
        for (int i = 0; i < 200 && reply.Text("state", 64) == "running"; i++)
        {
            await Task.Delay(50);
            reply = (await admin.AskAsync(FrameType.ExportPerson, of)).ToMap();
        }

        Assert.That((await admin.AskAsync(FrameType.GetExport, of)).ToMap().Bytes("bytes", 65_536), Has.Length.EqualTo((int)reply.Number("size", 0)));
        for (int i = 0; i < 3; i++)
        {
            await mallory.AskAsync(FrameType.ExportPerson, new ControlMap().Set("begin", true));
            await mallory.AskAsync(FrameType.ExportPerson, new ControlMap().Set("discard", true));
        }

        await BadInput.ExpectErrorAsync(mallory, await mallory.AskAsync(FrameType.ExportPerson, new ControlMap().Set("begin", true)), ErrorCode.RateLimited);
    }

    [Test]
    public async Task Who_is_told_that_it_failed_is_told_no_path()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using SignedInPeer eve = await broker.RegisterAsync();

        // A file where the directory of exports would be.
        await File.WriteAllTextAsync(Path.Combine(broker.Process.DataDirectory, "exports"), string.Empty);
        ControlMap reply = (await eve.AskAsync(FrameType.ExportPerson, new ControlMap().Set("begin", true))).ToMap();
        for (int i = 0; i < 200 && reply.Text("state", 64) == "running"; i++)
        {
            await Task.Delay(50);
            reply = (await eve.AskAsync(FrameType.ExportPerson, new ControlMap())).ToMap();
        }

        Assert.That(reply.Text("state", 64), Is.EqualTo("failed"));
        Assert.That(reply.Text("reason", 512), Is.Not.Empty.And.Not.Contains("/"));
        Assert.That(broker.Process.StandardError, Does.Contain("[1082]").And.Contain("exports"), "the operator is told");
    }

    private static byte[] Read(ZipArchiveEntry entry)
    {
        using Stream stream = entry.Open();
        MemoryStream bytes = new();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
