using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

using FastChat.Broker.Transport;

using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;

namespace FastChat.Broker.Tests;

/// <summary>The transport between the kernel and the pipes: real sockets, one I/O thread and several.</summary>
[TestFixture(1)]
[TestFixture(3)]
public sealed class TransportTests(int threads)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private EpollTransport _transport = null!;
    private IConnectionListener _listener = null!;

    [SetUp]
    public async Task ListenAsync()
    {
        Assume.That(EpollTransport.IsSupported, "the transport is Linux's");
        _transport = new EpollTransport(threads, NullLogger.Instance);
        _listener = await _transport.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _listener.DisposeAsync();
        _transport.Dispose();
    }

    [Test]
    public async Task Bytes_come_in_order_however_they_are_split()
    {
        (Socket client, ConnectionContext server) = await ConnectAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(300_000);
        Task sending = Task.Run(() =>
        {
            for (int i = 0, size = 1; i < sent.Length; i += size, size = (size * 7 % 9001) + 1)
            {
                client.Send(sent.AsSpan(i, Math.Min(size, sent.Length - i)));
            }

            client.Shutdown(SocketShutdown.Send);
        });

        MemoryStream received = new();
        await CopyAsync(server.Transport.Input, received, takeAtMost: 1000);
        await sending;
        Assert.That(received.ToArray(), Is.EqualTo(sent));
        await EndAsync(client, server);
    }

    [Test]
    public async Task What_was_looked_at_and_not_taken_stays_and_only_more_ends_the_next_read()
    {
        (Socket client, ConnectionContext server) = await ConnectAsync();
        PipeReader input = server.Transport.Input;
        client.Send("abc"u8);
        ReadResult first = await ReadAsync(input);
        input.AdvanceTo(first.Buffer.GetPosition(1), first.Buffer.End);

        ValueTask<ReadResult> pending = input.ReadAsync();
        Assert.That(pending.IsCompleted, Is.False);
        client.Send("d"u8);
        ReadResult second = await pending.AsTask().WaitAsync(Patience);
        Assert.That(second.Buffer.ToArray(), Is.EqualTo("bcd"u8.ToArray()));

        input.AdvanceTo(second.Buffer.GetPosition(1), second.Buffer.GetPosition(2));
        ReadResult third = await input.ReadAsync();
        Assert.That(third.Buffer.ToArray(), Is.EqualTo("cd"u8.ToArray()), "not everything was looked at");
        input.AdvanceTo(third.Buffer.End);
        await EndAsync(client, server);
    }

    [Test]
    public async Task A_large_frame_is_held_until_it_is_whole([Values(70_000, 500_000)] int size)
    {
        (Socket client, ConnectionContext server) = await ConnectAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(size);
        Task sending = Task.Run(() => client.Send(sent));
        PipeReader input = server.Transport.Input;
        ReadResult result = await ReadAsync(input);
        while (result.Buffer.Length < size)
        {
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            result = await ReadAsync(input);
        }

        Assert.That(result.Buffer.ToArray(), Is.EqualTo(sent));
        await sending;
        await EndAsync(client, server);
    }

    [Test]
    public async Task A_reader_that_takes_nothing_is_bounded()
    {
        (Socket client, ConnectionContext server) = await ConnectAsync();
        Task sending = Task.Run(() => Assert.Catch<SocketException>(() =>
        {
            while (true)
            {
                client.Send(new byte[64 * 1024]);
            }
        }));

        PipeReader input = server.Transport.Input;
        IOException? failure = null;
        long held = 0;
        while (failure is null)
        {
            try
            {
                ReadResult result = await ReadAsync(input);
                held = result.Buffer.Length;
                input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            }
            catch (IOException end)
            {
                failure = end;
            }
        }

        Assert.That(held, Is.InRange(1024 * 1024, 4 * 1024 * 1024));
        await server.DisposeAsync();
        await sending;
        client.Dispose();
    }

    [Test]
    public async Task Bytes_and_the_end_that_come_together_are_both_seen([Values(0, 1, 50)] int pauseMs)
    {
        for (int i = 0; i < 50; i++)
        {
            (Socket client, ConnectionContext server) = await ConnectAsync();
            client.Send("last words"u8);
            await Task.Delay(i % 2 * pauseMs);
            client.Shutdown(SocketShutdown.Send);
            MemoryStream received = new();
            await CopyAsync(server.Transport.Input, received, takeAtMost: int.MaxValue);
            Assert.That(received.ToArray(), Is.EqualTo("last words"u8.ToArray()));
            await EndAsync(client, server);
        }
    }

    [Test]
    public async Task A_reset_ends_the_reader_and_completes_the_writer()
    {
        (Socket client, ConnectionContext server) = await ConnectAsync();
        Task<ReadResult> reading = server.Transport.Input.ReadAsync().AsTask();
        client.LingerState = new LingerOption(true, 0);
        client.Dispose();
        ReadResult result = await reading.WaitAsync(Patience);
        Assert.That((result.IsCompleted, result.Buffer.Length), Is.EqualTo((true, 0)));

        server.Transport.Output.Write("into the void"u8);
        Assert.That((await server.Transport.Output.FlushAsync()).IsCompleted);
        await server.DisposeAsync();
    }

    [Test]
    public async Task A_cancelled_read_says_so_and_loses_nothing()
    {
        (Socket client, ConnectionContext server) = await ConnectAsync();
        PipeReader input = server.Transport.Input;
        Task<ReadResult> reading = input.ReadAsync().AsTask();
        input.CancelPendingRead();
        ReadResult result = await reading.WaitAsync(Patience);
        Assert.That(result.IsCanceled);
        input.AdvanceTo(result.Buffer.End);

        using CancellationTokenSource pause = new(TimeSpan.FromMilliseconds(20));
        await Assert.ThatAsync(async () => await input.ReadAsync(pause.Token), Throws.InstanceOf<OperationCanceledException>());
        client.Send("still here"u8);
        Assert.That((await ReadAsync(input)).Buffer.ToArray(), Is.EqualTo("still here"u8.ToArray()));
        await EndAsync(client, server);
    }

    [Test]
    public async Task A_flush_waits_for_a_slow_peer_and_everything_arrives()
    {
        (Socket client, ConnectionContext server) = await ConnectAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(24 * 1024 * 1024);
        PipeWriter output = server.Transport.Output;
        output.Write(sent.AsSpan(0, sent.Length / 2));
        Task<FlushResult> flushing = output.FlushAsync().AsTask();
        await Task.Delay(100);
        Assert.That(flushing.IsCompleted, Is.False, "twelve megabytes are more than sockets hold");

        Task<byte[]> receiving = Task.Run(() => ReceiveAll(client, sent.Length));
        await flushing.WaitAsync(Patience);
        for (int i = sent.Length / 2, size = 1; i < sent.Length; i += size, size = (size * 31 % 200_003) + 1)
        {
            size = Math.Min(size, sent.Length - i);
            sent.AsSpan(i, size).CopyTo(output.GetSpan(size));
            output.Advance(size);
            await output.FlushAsync().AsTask().WaitAsync(Patience);
        }

        Assert.That(SHA256.HashData(await receiving.WaitAsync(Patience)), Is.EqualTo(SHA256.HashData(sent)));
        await EndAsync(client, server);
    }

    [Test]
    public async Task Abort_ends_whoever_waits()
    {
        (Socket client, ConnectionContext server) = await ConnectAsync();
        server.Transport.Output.Write(new byte[16 * 1024 * 1024]);
        Task<FlushResult> flushing = server.Transport.Output.FlushAsync().AsTask();
        Task<ReadResult> reading = server.Transport.Input.ReadAsync().AsTask();
        CancellationToken closed = server.ConnectionClosed;
        server.Abort(new ConnectionAbortedException());
        Assert.That((await flushing.WaitAsync(Patience)).IsCompleted);
        Assert.That((await reading.WaitAsync(Patience)).IsCompleted);
        Assert.That(closed.IsCancellationRequested);
        await EndAsync(client, server);
        server.Abort(new ConnectionAbortedException("late, and of no consequence"));
    }

    [Test]
    public async Task A_cancelled_flush_keeps_what_was_not_sent()
    {
        (Socket client, ConnectionContext server) = await ConnectAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(16 * 1024 * 1024);
        PipeWriter output = server.Transport.Output;
        output.Write(sent);
        Task<FlushResult> flushing = output.FlushAsync().AsTask();
        output.CancelPendingFlush();
        Assert.That((await flushing.WaitAsync(Patience)).IsCanceled);
        Assert.That(output.UnflushedBytes, Is.InRange(1, sent.Length));

        Task<byte[]> receiving = Task.Run(() => ReceiveAll(client, sent.Length));
        await output.FlushAsync().AsTask().WaitAsync(Patience);
        Assert.That(await receiving.WaitAsync(Patience), Is.EqualTo(sent));
        await EndAsync(client, server);
    }

    [Test]
    public async Task Completing_the_output_ends_the_stream_behind_what_was_flushed()
    {
        (Socket client, ConnectionContext server) = await ConnectAsync();
        server.Transport.Output.Write("goodbye"u8);
        await server.Transport.Output.FlushAsync();
        await server.Transport.Output.CompleteAsync();
        Assert.That(await Task.Run(() => ReceiveAll(client, int.MaxValue)).WaitAsync(Patience), Is.EqualTo("goodbye"u8.ToArray()));
        await EndAsync(client, server);
    }

    [Test]
    public async Task Who_always_has_more_to_say_does_not_keep_others_waiting()
    {
        (Socket loud, ConnectionContext loudServer) = await ConnectAsync();
        using CancellationTokenSource enough = new();
        Task shouting = Task.Run(() =>
        {
            byte[] much = new byte[256 * 1024];
            while (!enough.IsCancellationRequested)
            {
                loud.Send(much);
            }

            loud.Shutdown(SocketShutdown.Send);
        });
        Task hearing = CopyAsync(loudServer.Transport.Input, Stream.Null, takeAtMost: int.MaxValue);

        (Socket quiet, ConnectionContext quietServer) = await ConnectAsync();
        Task echoing = EchoAsync(quietServer);
        byte[] answer = new byte[4];
        for (int i = 0; i < 500; i++)
        {
            quiet.Send("word"u8);
            Assert.That(await quiet.ReceiveAsync(answer).WaitAsync(Patience), Is.EqualTo(4));
        }

        Assert.That(hearing.IsCompleted, Is.False);
        await enough.CancelAsync();
        await shouting;
        await hearing.WaitAsync(Patience);
        quiet.Dispose();
        await echoing.WaitAsync(Patience);
        await quietServer.DisposeAsync();
        await EndAsync(loud, loudServer);
    }

    [Test]
    public async Task Connections_that_come_and_go_never_hear_one_another()
    {
        Task serving = Task.Run(async () =>
        {
            List<Task> echoes = [];
            while (await _listener.AcceptAsync() is { } connection)
            {
                echoes.Add(EchoThenDisposeAsync(connection));
            }

            await Task.WhenAll(echoes);
        });
        await Parallel.ForEachAsync(Enumerable.Range(0, 1500), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (number, cancellation) =>
        {
            using Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await client.ConnectAsync(_listener.EndPoint, cancellation);
            byte[] word = BitConverter.GetBytes(number);
            byte[] answer = new byte[4];
            for (int i = 0; i < 5; i++)
            {
                await client.SendAsync(word, cancellation);
                int count = 0;
                while (count < 4)
                {
                    int received = await client.ReceiveAsync(answer.AsMemory(count), cancellation).AsTask().WaitAsync(Patience, cancellation);
                    Assert.That(received, Is.GreaterThan(0));
                    count += received;
                }

                Assert.That(answer, Is.EqualTo(word));
            }

            if (number % 3 == 0)
            {
                client.LingerState = new LingerOption(true, 0);
            }
        });

        await _listener.UnbindAsync();
        await serving.WaitAsync(Patience);
    }

    [Test]
    public async Task Unbinding_ends_the_accepter()
    {
        Task<ConnectionContext?> accepting = _listener.AcceptAsync().AsTask();
        await _listener.UnbindAsync();
        Assert.That(await accepting.WaitAsync(Patience), Is.Null);
    }

    [Test]
    public async Task A_connection_knows_both_ends([Values("127.0.0.1", "::1")] string address)
    {
        await using IConnectionListener listener = await _transport.BindAsync(new IPEndPoint(IPAddress.Parse(address), 0));
        using Socket client = new(listener.EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.EndPoint);
        await using ConnectionContext server = (await listener.AcceptAsync())!;
        Assert.That(server.RemoteEndPoint, Is.EqualTo(client.LocalEndPoint));
        Assert.That(server.LocalEndPoint, Is.EqualTo(client.RemoteEndPoint));
    }

    [Test]
    public async Task A_Unix_domain_socket_carries_bytes_and_has_no_address()
    {
        string path = Path.Combine(Path.GetTempPath(), $"fastchat-{Guid.NewGuid():N}.sock");
        await using IConnectionListener listener = await _transport.BindAsync(new UnixDomainSocketEndPoint(path));
        using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(path));
        await using ConnectionContext server = (await listener.AcceptAsync())!;
        client.Send("local"u8);
        Assert.That((await ReadAsync(server.Transport.Input)).Buffer.ToArray(), Is.EqualTo("local"u8.ToArray()));
        Assert.That(server.RemoteEndPoint, Is.Null);
        File.Delete(path);
    }

    [Test]
    public void An_address_in_use_is_said_in_Kestrels_words() =>
        Assert.That(async () => await _transport.BindAsync(_listener.EndPoint), Throws.InstanceOf<AddressInUseException>());

    private static Task<ReadResult> ReadAsync(PipeReader input) => input.ReadAsync().AsTask().WaitAsync(Patience);

    private static async Task CopyAsync(PipeReader input, Stream target, int takeAtMost)
    {
        while (true)
        {
            ReadResult result = await input.ReadAsync().ConfigureAwait(false);
            ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(takeAtMost, result.Buffer.Length));
            target.Write(taken.ToArray());
            input.AdvanceTo(taken.End);
            if (result.IsCompleted && taken.Length == result.Buffer.Length)
            {
                return;
            }
        }
    }

    private static byte[] ReceiveAll(Socket socket, int most)
    {
        using MemoryStream all = new();
        byte[] part = new byte[32 * 1024];
        while (all.Length < most && socket.Receive(part) is > 0 and var count)
        {
            all.Write(part, 0, count);
        }

        return all.ToArray();
    }

    private static async Task EchoAsync(ConnectionContext connection)
    {
        try
        {
            while (true)
            {
                ReadResult result = await connection.Transport.Input.ReadAsync().ConfigureAwait(false);
                connection.Transport.Output.Write(result.Buffer.ToArray());
                connection.Transport.Input.AdvanceTo(result.Buffer.End);
                FlushResult flushed = await connection.Transport.Output.FlushAsync().ConfigureAwait(false);
                if (result.IsCompleted || flushed.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (Exception end) when (end is IOException or InvalidOperationException)
        {
            // The client reset the connection, or the test has ended it.
        }
    }

    private static async Task EchoThenDisposeAsync(ConnectionContext connection)
    {
        await EchoAsync(connection).ConfigureAwait(false);
        await connection.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task EndAsync(Socket client, ConnectionContext server)
    {
        client.Dispose();
        await server.DisposeAsync();
    }

    private async Task<(Socket Client, ConnectionContext Server)> ConnectAsync()
    {
        Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(_listener.EndPoint);
        return (client, (await _listener.AcceptAsync().AsTask().WaitAsync(Patience))!);
    }
}
