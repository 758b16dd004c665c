using System.IO.Pipelines;

namespace FastChat.Simulation.Tests;

/// <summary>The simulated network keeps what TCP promises, and no more.</summary>
internal sealed class NetworkTests
{
    private const long Second = 1_000_000_000;

    private SimulatedWorld _world = null!;
    private SimulatedNetwork _network = null!;
    private SimulatedProcess _client = null!;
    private SimulatedProcess _broker = null!;
    private SimulatedLink _link = null!;
    private IDuplexPipe? _brokerEnd;
    private Stream? _clientEnd;

    private void Connect(ulong seed)
    {
        (_brokerEnd, _clientEnd) = (null, null);
        _world = new SimulatedWorld(seed);
        _network = new SimulatedNetwork(_world);
        _client = new SimulatedProcess(_world, "client");
        _broker = new SimulatedProcess(_world, "broker");
        _link = new SimulatedLink("10.0.0.1", TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(20));
        _network.Listen(_broker, (_, pipe, _) => _brokerEnd = pipe);
        _client.Begin(async () => _clientEnd = await _network.DialAsync(_client, _link, CancellationToken.None));
        _world.Run(Second, () => _brokerEnd is not null && _clientEnd is not null);
    }

    [Test]
    public void Bytes_keep_their_order_however_they_are_cut([Range(1, 20)] int seed)
    {
        Connect((ulong)seed);
        byte[] sent = new byte[300_000];
        new Chance(7).Fill(sent);
        byte[] up = [];
        byte[] down = [];
        _client.Begin(async () =>
        {
            for (int at = 0; at < sent.Length; at += 30_000)
            {
                await _clientEnd!.WriteAsync(sent.AsMemory(at, 30_000));
            }
        });
        _client.Begin(async () => down = await ReadAsync(_clientEnd!, sent.Length));
        _broker.Begin(async () => up = await ReadAsync(_brokerEnd!.Input, sent.Length));
        _broker.Begin(async () => await _brokerEnd!.Output.WriteAsync(sent));
        _world.Run(600 * Second, () => up.Length > 0 && down.Length > 0);
        Assert.That(_world.Defects, Is.Empty);
        Assert.That(up, Is.EqualTo(sent));
        Assert.That(down, Is.EqualTo(sent));
    }

    [Test]
    public void Who_does_not_read_stops_the_one_who_writes()
    {
        Connect(1);
        int written = 0;
        _broker.Begin(async () =>
        {
            while (true)
            {
                await _brokerEnd!.Output.WriteAsync(new byte[10_000]);
                written += 10_000;
            }
        });
        _world.Run(60 * Second, () => false);
        Assert.That(written, Is.InRange(100_000, 400_000), "what the buffers of both sides hold");
    }

    [Test]
    public void A_silent_link_holds_what_is_under_way_and_brings_it_later()
    {
        Connect(2);
        int got = 0;
        _broker.Begin(async () => got = (await ReadAsync(_brokerEnd!.Input, 100)).Length);
        _network.Wires.Post(() => _link.SetSilent(toBroker: true, isSilent: true));
        _client.Begin(async () =>
        {
            await Task.Delay(TimeSpan.FromSeconds(1), _client.Clock);
            await _clientEnd!.WriteAsync(new byte[100]);
        });
        _world.Run(60 * Second, () => false);
        Assert.That(got, Is.Zero);
        _network.Wires.Post(() => _link.SetSilent(toBroker: true, isSilent: false));
        _world.Run(120 * Second, () => false);
        Assert.That(got, Is.EqualTo(100));
    }

    [Test]
    public void A_reset_is_seen_by_both_sides()
    {
        Connect(3);
        Exception? client = null;
        Exception? broker = null;
        _client.Begin(async () => client = await FailureOfAsync(async () => await _clientEnd!.ReadExactlyAsync(new byte[1])));
        _broker.Begin(async () => broker = await FailureOfAsync(async () => await _brokerEnd!.Input.ReadAsync()));
        _network.Wires.Post(() => _network.Connections[0].Reset());
        _world.Run(2 * Second, () => false);
        Assert.That(client, Is.InstanceOf<IOException>());
        Assert.That(broker, Is.InstanceOf<IOException>());
        Assert.That(_network.Connections, Is.Empty);
    }

    [Test]
    public void Nobody_listens_after_the_end()
    {
        Connect(4);
        _network.StopListening();
        Exception? refused = null;
        _client.Begin(async () => refused = await FailureOfAsync(async () => await _network.DialAsync(_client, _link, CancellationToken.None)));
        _world.Run(2 * Second, () => false);
        Assert.That(refused, Is.InstanceOf<IOException>());
    }

    private static async Task<Exception?> FailureOfAsync(Func<Task> work)
    {
        try
        {
            await work();
            return null;
        }
        catch (Exception failure)
        {
            return failure;
        }
    }

    private static async Task<byte[]> ReadAsync(Stream stream, int size)
    {
        byte[] bytes = new byte[size];
        for (int read = 0; read < size;)
        {
            read += await stream.ReadAsync(bytes.AsMemory(read, Math.Min(1000, size - read)));
        }

        return bytes;
    }

    private static async Task<byte[]> ReadAsync(PipeReader input, int size)
    {
        MemoryStream bytes = new();
        while (bytes.Length < size)
        {
            ReadResult result = await input.ReadAsync();
            foreach (ReadOnlyMemory<byte> piece in result.Buffer)
            {
                bytes.Write(piece.Span);
            }

            input.AdvanceTo(result.Buffer.End);
        }

        return bytes.ToArray();
    }
}
