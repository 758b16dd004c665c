using System.Security.Cryptography;

using FastChat.Client;

namespace FastChat.Simulation;

/// <content>What people say later, what they do not want to see any more, and what they attach.</content>
internal sealed partial class Acts
{
    private const int AttachmentSizeMax = 150_000;

    private async Task LaterAsync()
    {
        switch (chance.Below(10))
        {
            case < 3:
                if (SomeRoom() is { } room)
                {
                    await posts.ScheduleAsync(client, process, room.Id, Text(), town.Now + chance.Span(TimeSpan.Zero, TimeSpan.FromSeconds(60)));
                    if (chance.OneIn(3))
                    {
                        await posts.UnscheduleAsync(client);
                    }
                }

                break;

            case < 5:
                await posts.UnscheduleAsync(client);
                break;

            case < 7:
                if (SomeRoom() is { } shown)
                {
                    ulong[] sequences = [SomeRecord(shown), SomeRecord(shown)];
                    await TryAsync("hide", () => client.HideAsync(shown.Id, sequences, isHidden: !chance.OneIn(4)));
                }

                break;

            case < 9:
                if (SomeRoom() is { } target)
                {
                    await TryAsync("attach", () => AttachAsync(target));
                }

                break;

            default:
                if (town.Attached.Count > 0)
                {
                    (Room place, ulong sequence, MessageAttachment attachment) = chance.Of(town.Attached);
                    await TryAsync("download", () => DownloadAsync(place, sequence, attachment));
                }

                break;
        }
    }

    /// <summary>The same few contents come again and again, from different people.</summary>
    private async Task AttachAsync(Room room)
    {
        byte[] content = new byte[chance.Between(0, AttachmentSizeMax)];
        if (chance.OneIn(2))
        {
            content = new byte[70_000];
            content[0] = (byte)chance.Below(3);
        }
        else
        {
            chance.Fill(content);
        }

        using MemoryStream stream = new(content);
        AttachmentUpload upload = await client.UploadAsync(stream, "picture.png", "image/png");
        byte[] body = new RichBody { Kind = MessageKind.Text, Attributes = new MessageAttributes { Attachments = [upload.Attachment] }.ToBytes(), Content = Text() }.ToBytes();
        if (await SendAsync("attachment", room, MessageKind.Rich, body) is { } placed)
        {
            town.Attached.Add((room, placed.Sequence, upload.Attachment));
        }
    }

    private async Task DownloadAsync(Room room, ulong sequence, MessageAttachment attachment)
    {
        using MemoryStream stream = new();
        await client.DownloadAsync(room.Id, sequence, attachment, stream);
        AttachmentId hash = AttachmentId.Read(SHA256.HashData(stream.ToArray()));
        if (hash != attachment.Id)
        {
            throw new InvalidOperationException($"{self.Name} downloaded {hash} instead of {attachment.Id}");
        }
    }
}
