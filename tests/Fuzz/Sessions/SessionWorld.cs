using System.Collections.Concurrent;

using FastChat.Broker.Conversations;
using FastChat.Broker.Hosting;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

using Microsoft.Extensions.Logging;

namespace FastChat.Fuzz.Sessions;

/// <summary>
/// A broker in this process: its real parts over a log in memory, with three accounts, a public conversation and a group. Everything has the ids that the vectors use, so that the frames of tests/vectors mean
/// something here. Entries are written before the broker begins, in the form in which it writes them itself.
/// </summary>
internal sealed class SessionWorld : IDisposable
{
    /// <summary>Parties.</summary>
    public const int Parties = 3;

    private const string TokenBase = "fct_0123456789abcdefghijklmnopqrstuvwxyzABC";

    public static readonly ConversationId Public = new(new UInt128(0xC0C1_C2C3_C4C5_C6C7, 0xC8C9_CACB_CCCD_CECF));

    public static readonly ConversationId Group = new(new UInt128(0xC0C1_D2D3_D4D5_D6D7, 0xD8D9_DADB_DCDD_DEDF));

    private static readonly string[] Names = ["ada", "bob", "eve"];

    private readonly DefectLog _log = new();

    public SessionWorld()
    {
        InMemoryConversationLog store = new();
        CommitBatch batch = new(store.Epoch);
        for (int i = 0; i < Parties; i++)
        {
            // The third one may import: with the right, other ways through the code are open.
            AccountRecord account = new(Names[i], false, i == 2 ? AccountRights.Import : AccountRights.None, 1, null)
            {
                // A password that nobody knows.
                Scram = new ScramVerifier(ProtocolLimits.ScramIterationsMin, new byte[ScramSalts.Size], new byte[ScramKeys.Size], new byte[ScramKeys.Size]).ToText(),
            };
            batch.Put(Table.State, IdentityKeys.Name(StateKeys.UserNames, Names[i]), ControlMap.IdBytes(UserOf(i).Value));
            batch.Put(Table.State, IdentityKeys.Account(UserOf(i)), account.ToBytes());
            batch.Put(Table.State, IdentityKeys.Device(UserOf(i), new DeviceId((ulong)i + 1)), new StoredDevice(SignInWay.Token, 1, string.Empty).ToBytes());
            batch.Put(Table.State, IdentityKeys.Token(TokenOf(i)), new TokenRecord(UserOf(i), new DeviceId((ulong)i + 1), 1, 0).ToBytes());
        }

        Add(batch, Public, new ConversationMeta(ConversationKind.Public, UserOf(0), 1, "lobby", "Lobby"), 0);
        Add(batch, Group, new ConversationMeta(ConversationKind.Group, UserOf(0), 1, null, null), 0, 1);
        store.Commit([batch]);
        Broker = BrokerParts.Over(store, new BrokerOptions { Shards = 4, Loops = 1, ConnectionsMax = 64, ConversationsInMemoryMax = 64, Passwords = PasswordMechanisms.Both, ScramIterations = ProtocolLimits.ScramIterationsMin }, _log, Surroundings.Real);
    }

    /// <summary>The broker.</summary>
    public BrokerParts Broker { get; }

    /// <summary>What was seen of each record, by whom ever: one place in the log never has two contents.</summary>
    public Dictionary<(ConversationId Conversation, uint Epoch, ulong Sequence), byte[]> Seen { get; } = [];

    /// <summary>A party's user.</summary>
    public static UserId UserOf(int party) => new(new UInt128(0xA0A1_A2A3_A4A5_A6A7, 0xA8A9_AAAB_ACAD_AEAF) + (UInt128)party);

    /// <summary>A party's token; the first one's is the vectors'.</summary>
    public static string TokenOf(int party) => TokenBase + (char)('D' + party);

    /// <summary>A Hello that signs a party in.</summary>
    public static byte[] HelloOf(int party)
    {
        System.Buffers.ArrayBufferWriter<byte> frame = new();
        FrameWriter.Write(frame, FrameType.Hello, 0, new Hello { Client = "fuzz", Token = TokenOf(party) }.ToMap());
        return frame.WrittenSpan.ToArray();
    }

    /// <summary>What the broker calls its own defects must not happen, whatever a client sends.</summary>
    public void CheckNoDefect()
    {
        if (_log.Defects.TryDequeue(out string? defect))
        {
            throw new FuzzFailureException(defect);
        }

        Property.Holds(Broker.Failure is null, "the store failed");
    }

    public void Dispose() => Broker.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private static void Add(CommitBatch batch, ConversationId id, ConversationMeta meta, params int[] members)
    {
        batch.Put(Table.State, ConversationKeys.Meta(id), meta.ToBytes());
        if (meta.Name is not null)
        {
            batch.Put(Table.State, ConversationKeys.Name(meta.Name), ControlMap.IdBytes(id.Value));
        }

        foreach (int member in members)
        {
            byte[] membership = new Membership(member == 0 ? MemberRole.Owner : MemberRole.Member, 0).ToBytes();
            batch.Put(Table.State, ConversationKeys.Member(id, UserOf(member)), membership);
            batch.Put(Table.State, ConversationKeys.ListEntry(UserOf(member), id), membership);
        }
    }

    /// <summary>Keeps what is logged as a warning or worse. The broker warns of nothing that clients do.</summary>
    private sealed class DefectLog : ILogger
    {
        public ConcurrentQueue<string> Defects { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Defects.Enqueue($"event {eventId.Id}: {exception}");
    }
}
