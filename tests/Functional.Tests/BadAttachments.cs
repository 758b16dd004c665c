using System.Security.Cryptography;

namespace FastChat.Functional.Tests;

/// <summary>Rows about attachments: sizes, places, hashes, and other people's contents.</summary>
internal static class BadAttachments
{
    private static readonly byte[] Content = [1, 2, 3];
    private static readonly AttachmentId Id = AttachmentId.Of(Content);
    private static readonly AttachmentId Unknown = new(1, 2);

    /// <summary>The rows.</summary>
    public static IReadOnlyList<BadInput> Rows { get; } =
    [
        .. new[] { FrameType.BeginUpload, FrameType.PutChunk, FrameType.FinishUpload, FrameType.GetAttachment, FrameType.CancelUpload }
            .SelectMany(type => BadHello.Maps.Select(map => BadInput.Refused($"{type}: {map.Name}", type, _ => map.Body, ErrorCode.BadRequest))),
        .. new[] { FrameType.BeginUpload, FrameType.PutChunk, FrameType.FinishUpload, FrameType.GetAttachment, FrameType.CancelUpload }
            .Select(type => BadInput.Refused($"{type}: a hash of 31 bytes", type, _ => new ControlMap().Set("hash", new byte[31]).Set("size", 1L), ErrorCode.BadRequest)),

        BadInput.Refused("an upload of no size", FrameType.BeginUpload, _ => Hash(Id), ErrorCode.BadRequest),
        BadInput.Refused("an upload with a size and a message", FrameType.BeginUpload, stage => Hash(Id).Set("size", 3L).SetId("conversation", stage.Room.Value), ErrorCode.BadRequest),
        BadInput.Refused("an upload over the limit", FrameType.BeginUpload, _ => Hash(Id).Set("size", (100L << 20) + 1), ErrorCode.AttachmentTooLarge),
        BadInput.Refused("an upload of 2⁶⁴−1 bytes", FrameType.BeginUpload, _ => Hash(Id).Set("size", ulong.MaxValue), ErrorCode.AttachmentTooLarge),
        BadInput.Refused("a claim to what is in no message", FrameType.BeginUpload, stage => Hash(Id).SetId("conversation", stage.Room.Value).Set("sequence", 1L << 40), ErrorCode.NoSuchMessage),
        BadInput.Refused("a claim in no conversation", FrameType.BeginUpload, _ => Hash(Id).SetId("conversation", 77).Set("sequence", 1L), ErrorCode.NoSuchConversation),
        BadInput.Refused("a chunk of no upload", FrameType.PutChunk, _ => Chunk(Unknown, 0, Content), ErrorCode.NoSuchAttachment),
        BadInput.Refused("a chunk off its place", FrameType.PutChunk, _ => Chunk(Id, 1, Content), ErrorCode.BadRequest),
        BadInput.Refused("a chunk without its crc", FrameType.PutChunk, _ => Hash(Id).Set("offset", 0L).Set("bytes", Content), ErrorCode.WrongContent),
        BadInput.Refused("a chunk with another crc", FrameType.PutChunk, _ => Chunk(Id, 0, Content).Set("crc", 1L), ErrorCode.WrongContent),
        BadInput.Refused("a chunk of 65,537 bytes", FrameType.PutChunk, _ => Chunk(Id, 0, new byte[65_537]), ErrorCode.BadRequest),
        BadInput.Refused("an end of no upload", FrameType.FinishUpload, _ => Hash(Unknown), ErrorCode.NoSuchAttachment),
        BadInput.Refused("a range in no conversation", FrameType.GetAttachment, _ => Hash(Id).SetId("conversation", 77).Set("sequence", 1L), ErrorCode.NoSuchConversation),
        BadInput.Refused("a range of no message", FrameType.GetAttachment, stage => Hash(Id).SetId("conversation", stage.Room.Value).Set("sequence", 0L), ErrorCode.NoSuchMessage),
        BadInput.Refused("a range of 65,537 bytes", FrameType.GetAttachment, stage => Hash(Id).SetId("conversation", stage.Room.Value).Set("sequence", 1L).Set("length", 65_537L), ErrorCode.BadRequest),
        BadInput.Refused("a range of nothing", FrameType.GetAttachment, stage => Hash(Id).SetId("conversation", stage.Room.Value).Set("sequence", 1L).Set("length", 0L), ErrorCode.BadRequest),

        .. Messages.Select(row => BadInput.Refused($"a message with {row.Name}", FrameType.Publish, stage => Bodies.Publish(stage.Room, row.Body, row.Kind, default), row.Code)),

        new("another content than its hash", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            Expect(await client.AskAsync(FrameType.BeginUpload, Hash(Id).Set("size", 3L)));
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.FinishUpload, Hash(Id)), ErrorCode.Conflict);
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.PutChunk, Chunk(Id, 0, [1, 2])), ErrorCode.BadRequest);
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.PutChunk, Chunk(Id, 65_536, [1, 2, 3])), ErrorCode.BadRequest);
            Expect(await client.AskAsync(FrameType.PutChunk, Chunk(Id, 0, [3, 2, 1])));
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.FinishUpload, Hash(Id)), ErrorCode.WrongContent);
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.FinishUpload, Hash(Id)), ErrorCode.NoSuchAttachment);
        }),
        new("more uploads at a time than are allowed", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            AttachmentId[] ids = [.. Enumerable.Range(0, 17).Select(_ => AttachmentId.Read(RandomNumberGenerator.GetBytes(AttachmentId.Size)))];
            foreach (AttachmentId id in ids[..16])
            {
                Expect(await client.AskAsync(FrameType.BeginUpload, Hash(id).Set("size", 3L)));
            }

            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.BeginUpload, Hash(ids[16]).Set("size", 3L)), ErrorCode.TooMany);
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.PutChunk, Chunk(ids[16], 0, Content)), ErrorCode.NoSuchAttachment);
            foreach (AttachmentId id in ids[..16])
            {
                Expect(await client.AskAsync(FrameType.CancelUpload, Hash(id)));
            }
        }),
        new("more bytes than the quota has", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            AttachmentId[] ids = [.. Enumerable.Range(0, 11).Select(_ => AttachmentId.Read(RandomNumberGenerator.GetBytes(AttachmentId.Size)))];
            foreach (AttachmentId id in ids[..10])
            {
                Expect(await client.AskAsync(FrameType.BeginUpload, Hash(id).Set("size", 100L << 20)));
            }

            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.BeginUpload, Hash(ids[10]).Set("size", 100L << 20)), ErrorCode.QuotaExceeded);
            foreach (AttachmentId id in ids[..10])
            {
                Expect(await client.AskAsync(FrameType.CancelUpload, Hash(id)));
            }
        }),
    ];

    private static IEnumerable<(string Name, MessageKind Kind, byte[] Body, ErrorCode Code)> Messages =>
    [
        ("an attachment that was not uploaded", MessageKind.Rich, Rich(Raw(Unknown, 3, "a"u8)), ErrorCode.NoSuchAttachment),
        ("an attachment without a name", MessageKind.Rich, Rich(Raw(Id, 3, [])), ErrorCode.BadRequest),
        ("an attachment whose name has a control character", MessageKind.Rich, Rich(Raw(Id, 3, "a\nb"u8)), ErrorCode.BadRequest),
        ("an attachment whose name is no UTF-8", MessageKind.Rich, Rich(Raw(Id, 3, [0xFF])), ErrorCode.BadRequest),
        ("an attachment whose media type has a space", MessageKind.Rich, Rich(Raw(Id, 3, "a"u8, "text plain"u8)), ErrorCode.BadRequest),
        ("an attachment that is cut off", MessageKind.Rich, Rich(Raw(Id, 3, "a"u8)[..43]), ErrorCode.BadRequest),
        ("the same attachment twice", MessageKind.Rich, Rich(Raw(Id, 3, "a"u8), Raw(Id, 3, "b"u8)), ErrorCode.BadRequest),
        ("eleven attachments", MessageKind.Rich, Rich([.. Enumerable.Range(1, 11).Select(number => Raw(new AttachmentId(1, (UInt128)number), 3, "a"u8))]), ErrorCode.BadRequest),
        ("an edit that attaches", MessageKind.Edit, new EditBody { Target = 1, Kind = MessageKind.Rich, Content = Rich(Raw(Id, 3, "a"u8)) }.ToBytes(), ErrorCode.BadRequest),
    ];

    private static ControlMap Hash(AttachmentId id) => new ControlMap().Set("hash", id.ToBytes());

    private static ControlMap Chunk(AttachmentId id, ulong offset, byte[] bytes) => Hash(id).Set("offset", offset).Set("crc", Crc32C.Compute(bytes)).Set("bytes", bytes);

    private static byte[] Raw(AttachmentId id, ulong size, ReadOnlySpan<byte> name, ReadOnlySpan<byte> mediaType = default) =>
        [.. id.ToBytes(), .. BitConverter.GetBytes(size), (byte)name.Length, 0, 0, 0, .. name, .. mediaType];

    private static byte[] Rich(params byte[][] attachments) => new RichBody
    {
        Kind = MessageKind.Text,
        Attributes = attachments.SelectMany(value => (byte[])[7, 0, (byte)value.Length, (byte)(value.Length >> 8), .. value]).ToArray(),
        Content = "x"u8,
    }.ToBytes();

    private static void Expect(ReceivedFrame answer) => Assert.That(answer.Type, Is.EqualTo(FrameType.Reply), answer.Type == FrameType.Error ? answer.ToFailure().Reason : answer.ToString());
}
