using System.Text;

using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.People;
using FastChat.Broker.Presence;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>Values of small state and bodies of the broker's own commands.</summary>
internal static class StoredValueTargets
{
    private static readonly ConversationMeta Meta = new(ConversationKind.Group, new UserId(5), 1_700_000_000_000_000, "lobby", "The lobby – für alle");

    private static readonly byte[] Ones = Enumerable.Repeat((byte)1, 32).ToArray();

    public static IReadOnlyList<Func<IFuzzTarget>> All { get; } =
    [
        static () => new StoredValueTarget(
            "stored-account",
            [new AccountRecord("ada", false, AccountRights.Import, 17, "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA").ToBytes(), new AccountRecord("Zoë", true, AccountRights.None, 0, null) { IsSuspended = true }.ToBytes()],
            static bytes => AccountRecord.Parse(bytes) is var account && IsShort(account.Name) ? account.ToBytes() : null),
        static () => new StoredValueTarget(
            "stored-token",
            [
                new TokenRecord(new UserId(5), new DeviceId(6), 7, 8).ToBytes(),
                new TokenRecord(new UserId(5), new DeviceId(6), 7, 8) { Kind = TokenKind.Access, Generation = 3 }.ToBytes(),
                new TokenRecord(new UserId(5), new DeviceId(6), 7, 0) { Kind = TokenKind.Long }.ToBytes(),
            ],
            static bytes => TokenRecord.TryParse(bytes, out TokenRecord token) ? token.ToBytes() : null),
        static () => new StoredValueTarget(
            "stored-device",
            [
                new StoredDevice(SignInWay.Password, 17, "the phone – blue") { EndsMicros = 99, TokensSinceMicros = 18, Family = Ones, LongToken = Ones }.ToBytes(),
                new StoredDevice(SignInWay.Token, 1, string.Empty).ToBytes(),
                BitConverter.GetBytes(1_700_000_000_000_000L),
            ],
            static bytes => StoredDevice.TryParse(bytes, out StoredDevice? device) && IsShort(device.Name) ? device.ToBytes() : null),
        static () => new StoredValueTarget(
            "stored-family",
            [new StoredFamily(new UserId(5), new DeviceId(6), 7, 8) { IsUsed = true, Current = Ones, Previous = Ones, Salt = Ones, Access = Ones, PreviousAccess = Ones }.ToBytes()],
            static bytes => StoredFamily.TryParse(bytes, out StoredFamily? family) ? family.ToBytes() : null),
        static () => new StoredValueTarget(
            "stored-conversation",
            [Meta.ToBytes(), new ConversationMeta(ConversationKind.Public, default, 0, null, null).ToBytes()],
            static bytes => ConversationMeta.Parse(bytes) is var meta && IsWritable(meta) ? meta.ToBytes() : null),
        static () => new StoredValueTarget(
            "command-create",
            [new CreateConversationCommand(new ConversationId(9), Meta, true, [new UserId(1), new UserId(2)]).ToBytes()],
            static bytes => CreateConversationCommand.Parse(bytes) is var command && IsWritable(command.Meta) ? command.ToBytes() : null),
        static () => new StoredValueTarget(
            "command-members",
            [new ChangeMembersCommand(new ConversationId(9), MemberRole.Owner, [new UserId(1), new UserId(2)]).ToBytes()],
            static bytes => ChangeMembersCommand.Parse(bytes).ToBytes()),
        static () => new StoredValueTarget(
            "command-state",
            [new StateWriteCommand([new StateEntry([1, 2], [3]), new StateEntry([4], null), new StateEntry([5], [], true), StateEntry.Holds([6], [7]), StateEntry.Holds([8], null)]).ToBytes()],
            static bytes => StateWriteCommand.Parse(bytes).ToBytes()),
        static () => new StoredValueTarget(
            "stored-profile",
            [
                new StoredProfile(7, "Ada – Gräfin", "pictures/7", "en-GB", new ProfileFields([new("team", "engines"), new("", "")])).ToBytes(),
                new StoredProfile(1, null, null, null, ProfileFields.Empty).ToBytes(),
            ],
            static bytes => StoredProfile.TryParse(bytes, out StoredProfile? profile) ? profile.ToBytes() : null),
        static () => new StoredValueTarget(
            "stored-service",
            [new StoredService(ServiceRights.Publish | ServiceRights.Read, 3, 17, new UserId(5), new byte[32]).ToBytes(), new StoredService(ServiceRights.Import, null, 0, default, new byte[32]).ToBytes()],
            static bytes => StoredService.Parse(bytes)?.ToBytes()),
        static () => new StoredValueTarget(
            "stored-identity",
            [new StoredIdentity("https://issuer.example", "person – 1") { SinceMicros = 17 }.ToBytes(), new StoredIdentity(string.Empty, "dns:bridge.example").ToBytes()],
            static bytes => StoredIdentity.TryParse(bytes, out StoredIdentity? identity) && !identity.Issuer.Contains('\uFFFD', StringComparison.Ordinal) && !identity.Subject.Contains('\uFFFD', StringComparison.Ordinal) ? identity.ToBytes() : null),
        static () => new StoredValueTarget(
            "stored-identity-pointer",
            [StoredIdentity.Pointer(new UserId(5)), StoredIdentity.Pointer(default)],
            static bytes => StoredIdentity.TryParsePointer(bytes, out UserId user) ? StoredIdentity.Pointer(user) : null),
        static () => new StoredValueTarget(
            "stored-block",
            [new StoredBlock(17).ToBytes()],
            static bytes => StoredBlock.TryParse(bytes, out StoredBlock block) ? block.ToBytes() : null),
        static () => new StoredValueTarget(
            "command-person",
            [
                new PersonCommand.SetProfile(new ProfileChange { DisplayName = "Ada", Fields = new ProfileFields([new("team", "engines")]), IfVersion = 3 }).ToBytes(),
                new PersonCommand.SetBlock(new UserId(5), true).ToBytes(),
            ],
            static bytes => PersonCommand.TryParse(bytes, out PersonCommand? command) ? command.ToBytes() : null),
        static () => new StoredValueTarget(
            "stored-annotation",
            [
                new Annotation { Edits = [3, 9], Reactions = [new ReactionCount("👍", 7), new ReactionCount("x", 1)], Replies = 1, InThread = 2, DeletedBy = 4, PinnedBy = 5 }.ToBytes(),
                new Annotation { Replies = 1 }.ToBytes(),
            ],
            static bytes => Annotation.Parse(bytes) is { } annotation && annotation.Reactions.All(one => IsShort(one.Reaction)) ? annotation.ToBytes() : null),
        static () => new StoredValueTarget(
            "stored-presence",
            [new PresenceRecord(Availability.Away, 17, "über Mittag weg", 18).ToBytes(), new PresenceRecord(Availability.Online, 0, string.Empty, 0).ToBytes()],
            static bytes => PresenceRecord.TryParse(bytes, out PresenceRecord? record) ? record.ToBytes() : null),
        static () => new StoredValueTarget(
            "stored-membership",
            [new Membership(MemberRole.Owner, 1).ToBytes(), new Membership(MemberRole.Member, 2, 3, 4).ToBytes()],
            static bytes => Membership.TryParse(bytes, out Membership membership) ? membership.ToBytes() : null),
        static () => new StoredValueTarget(
            "stored-link",
            [new JoinLink(MemberRole.Reader, 3, 17, 18, new UserId(5)).ToBytes()],
            static bytes => JoinLink.Parse(bytes)?.ToBytes()),
        static () => new StoredValueTarget(
            "stored-cursor",
            [new ReadCursor(3, 2, 1).ToBytes()],
            static bytes => bytes.Length == ReadCursor.Size ? ReadCursor.Parse(bytes).ToBytes() : null),
        static () => new StoredValueTarget(
            "command-cursor",
            [new MoveCursorCommand(new ConversationId(9), 1, 2, 3, true).ToBytes()],
            static bytes => MoveCursorCommand.Parse(bytes).ToBytes()),
        static () => new StoredValueTarget(
            "command-member",
            [new ChangeMemberCommand(new ConversationId(9), new UserId(5), MemberChange.Mute, MemberRole.None, 17).ToBytes()],
            static bytes => ChangeMemberCommand.Parse(bytes).ToBytes()),
    ];

    private static bool IsWritable(ConversationMeta meta) => IsShort(meta.Name ?? string.Empty) && Encoding.UTF8.GetByteCount(meta.Title ?? string.Empty) <= ushort.MaxValue;

    /// <summary>Ill-formed bytes of a name become three each; names that the broker writes are far shorter than what the size byte can say.</summary>
    private static bool IsShort(string name) => Encoding.UTF8.GetByteCount(name) <= byte.MaxValue;
}

/// <summary>
/// A value that the broker writes for itself. Nobody else's bytes come here: the store's checksums stand before them. So bytes that are too short may end in an exception that says so, but in no other one,
/// and what is read is the same after it was written and read again.
/// </summary>
/// <param name="roundTrip">Reads and writes again; null when what was read is nothing that is ever written.</param>
internal sealed class StoredValueTarget(string name, byte[][] seeds, StoredValueTarget.ReadAndWrite roundTrip) : IFuzzTarget
{
    public delegate byte[]? ReadAndWrite(ReadOnlySpan<byte> bytes);

    public string Name => name;

    public int SizeMax => 512;

    public IReadOnlyList<byte[]> Words { get; } = [[0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF], [0x00, 0x00, 0x00, 0x80], new byte[16], [0xC3, 0xA9], [0xED, 0xA0, 0x80]];

    public IEnumerable<byte[]> Seeds() => seeds;

    public long AllocationCap(int inputSize) => 16 * 1024 + (64 * inputSize);

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        outcome.AddSize(input.Length);
        byte[]? once;
        try
        {
            once = roundTrip(input);
        }
        catch (Exception cut) when (cut is ArgumentOutOfRangeException or IndexOutOfRangeException or OverflowException)
        {
            outcome.Add(cut.GetType().Name);
            return outcome.Value;
        }

        outcome.Add(once is not null);
        if (once is not null)
        {
            byte[]? twice = roundTrip(once);
            Property.Holds(twice is not null && once.AsSpan().SequenceEqual(twice), "reading and writing once more changes the bytes");
            outcome.AddSize(once.Length);
        }

        return outcome.Value;
    }

    public void Dispose()
    {
    }
}
