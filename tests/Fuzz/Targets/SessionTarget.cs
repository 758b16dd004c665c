using FastChat.Fuzz.Sessions;
using FastChat.Protocol;
using FastChat.TestSupport;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// Three clients of one broker at the same time, two over bytes and one, if the input says so, over a WebSocket: frames in any order, of any content, cut at any byte. Every connection ends, soon, in answers or in
/// a Close that says why; never in a defect, which the broker would log; and what came is what <see cref="AnswerCheck"/> demands.
/// <code>
/// input: [0] bits 0–2: party i signs in with its token first · bit 3: party 2 is a WebSocket · then steps: [0] bits 0–1 party, 2–7 size of the pieces (0 = all) · frame
/// </code>
/// Threads of the broker's own run beside this one, so that what happens is not a function of the input alone: no guidance, and a violation that depends on their order comes back only sometimes.
/// </summary>
internal sealed class SessionTarget : IFuzzTarget
{
    private const byte AllSignIn = 7;
    private const byte WithWebSocket = 8;
    private static readonly TimeSpan EndMax = TimeSpan.FromSeconds(20);

    private SessionWorld? _world;

    public string Name => "session";

    public int SizeMax => 2048;

    /// <summary>Small: each block has a broker and a log of its own.</summary>
    public int BlockSize => 2048;

    public bool IsGuided => false;

    public IReadOnlyList<byte[]> Words { get; } =
    [
        ControlMap.IdBytes(SessionWorld.Public.Value), ControlMap.IdBytes(SessionWorld.Group.Value), ControlMap.IdBytes(SessionWorld.UserOf(1).Value), ControlMap.IdBytes(SessionWorld.UserOf(2).Value),
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [4, 0, 0, 7, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 5, 0, 0, 0, 0], [0, 0, 0, 3, 9, 0, 0, 0], [16, 0, 0, 0x14, 8, 0, 0, 0],
    ];

    public IEnumerable<byte[]> Seeds()
    {
        byte[][] frames =
        [
            .. VectorSeeds.Frames().Where(frame => frame.Length is >= FrameHeader.Size and < 300 && FrameTypes.IsFromClient(FrameHeader.Read(frame).Type) && FrameHeader.Read(frame).Type != FrameType.Hello),
        ];
        for (int i = 0; i < frames.Length; i++)
        {
            byte[][] others = [.. Enumerable.Range(0, 7).Select(k => frames[(i + (k * k * 5)) % frames.Length])];
            byte mode = i % 3 == 0 ? (byte)(AllSignIn | WithWebSocket) : AllSignIn;
            yield return [mode, .. others.SelectMany((frame, k) => (byte[])[(byte)((k % 3) | ((i * 7) << 2)), .. frame])];
            yield return [mode, 0, .. frames[i], 1, .. frames[i], 2, .. frames[i]];
        }

        foreach (byte[] hello in VectorSeeds.Frames().Where(frame => frame.Length >= FrameHeader.Size && FrameHeader.Read(frame).Type == FrameType.Hello).Take(6))
        {
            yield return [0, 0, .. hello, 1, .. hello, 8, .. frames[3]];
        }

        foreach (Vector exchange in VectorFile.Read("scram").Where(vector => vector.Frames.Count > 0))
        {
            // Hello and Proof of each, the second behind another's challenge.
            yield return [0, 0, .. exchange.Frames[0].Bytes, 1, .. exchange.Frames[0].Bytes, 0, .. exchange.Frames[2].Bytes, 1, .. frames[5]];
        }
    }

    /// <summary>On this thread: what was sent and what came. The broker's own threads are not counted here; tests/Allocation.Tests does that.</summary>
    public long AllocationCap(int inputSize) => 8 << 20;

    /// <summary>Gives requests numbers that count up, and steps to other parties: most mutations keep what the broker would refuse at once from the rest.</summary>
    public int Shape(Span<byte> buffer, int size, ref FuzzRandom random)
    {
        bool numbers = !random.OneIn(4);
        byte request = 1;
        for (int at = 1; at + 1 + FrameHeader.Size <= size; request++)
        {
            FrameHeader header = FrameHeader.Read(buffer[(at + 1)..]);
            if (random.OneIn(2))
            {
                buffer[at] = (byte)random.Next();
            }

            int body = Math.Min(header.Length, size - at - 1 - FrameHeader.Size);
            if (numbers)
            {
                bool isRequest = header.Type is FrameType.Publish or FrameType.Subscribe or FrameType.Unsubscribe or FrameType.Fetch or FrameType.Ping || header.Type >= FrameType.CreateConversation;
                new FrameHeader(body, header.Type, isRequest ? request : 0u).Write(buffer[(at + 1)..]);
            }

            at += 1 + FrameHeader.Size + body;
        }

        return size;
    }

    public void BeginBlock()
    {
        _world?.Dispose();
        _world = new SessionWorld();
    }

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        if (input.IsEmpty)
        {
            return outcome.Value;
        }

        SessionWorld world = _world ??= new SessionWorld();
        bool hasWebSocket = (input[0] & WithWebSocket) != 0;
        using WebSocketParty? socket = hasWebSocket ? new WebSocketParty(world.Broker.Connections) : null;
        Party[] parties = [new PipeParty(world.Broker.Connections), new PipeParty(world.Broker.Connections), socket ?? (Party)new PipeParty(world.Broker.Connections)];
        Task playing = PlayAsync(parties, input.ToArray());
        bool hasEnded = Task.WhenAll([playing, .. parties.Select(party => party.Ended)]).Wait(EndMax);
        world.CheckNoDefect();
        Property.Holds(hasEnded, "a connection whose client has gone does not end");

        AnswerCheck check = new(world);
        foreach (Party party in parties)
        {
            check.Check(party, ref outcome);
        }

        return outcome.Value;
    }

    public void Dispose() => _world?.Dispose();

    private static async Task PlayAsync(Party[] parties, byte[] input)
    {
        for (int i = 0; i < parties.Length; i++)
        {
            if ((input[0] & (1 << i)) != 0)
            {
                await parties[i].SendAsync(SessionWorld.HelloOf(i));
            }
        }

        int at = 1;
        while (at < input.Length)
        {
            Party party = parties[(input[at] & 3) % parties.Length];
            int pieceSize = input[at] >> 2;
            at++;
            int size = input.Length - at;
            size = size < FrameHeader.Size ? size : Math.Min(size, FrameHeader.Size + FrameHeader.Read(input.AsSpan(at)).Length);
            for (int sent = 0; sent < size;)
            {
                int piece = pieceSize == 0 ? size : Math.Min(pieceSize, size - sent);
                await party.SendAsync(input.AsMemory(at + sent, piece));
                sent += piece;
            }

            at += size;
        }

        foreach (Party party in parties)
        {
            await party.EndAsync();
        }
    }
}
