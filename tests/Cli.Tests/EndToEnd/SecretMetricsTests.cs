using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using System.Text.Json;

using FastChat.Broker.Hosting;
using FastChat.Client;
using FastChat.Protocol;
using FastChat.TestSupport;

namespace FastChat.Cli.Tests;

/// <summary>Secrets that were planted as password, token and message are in no metric of the broker (attack 67), which runs in this process so that every instrument can be listened to.</summary>
internal sealed class SecretMetricsTests
{
    private const string Password = "canary-password-7f3a90";
    private const string WrongPassword = "canary-wrong-51c2aa";
    private const string Body = "canary-body-e2b84d";

    [Test]
    public async Task NoSecretIsInAMetric()
    {
        using TemporaryDirectory directory = new("secrets");
        ConcurrentDictionary<string, bool> seen = [];
        using MeterListener listener = new() { InstrumentPublished = static (instrument, self) => self.EnableMeasurementEvents(instrument) };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Collect(seen, instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Collect(seen, instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Collect(seen, instrument, value, tags));
        listener.Start();

        using CancellationTokenSource stop = new();
        using FirstLine ready = new();
        BrokerOptions options = new() { Data = directory.PathOf("data"), Listen = "127.0.0.1:0", Http = "127.0.0.1:0" };
        Task running = Task.Run(() => BrokerHost.RunAsync(options, ready, stop.Token));
        ClientEndpoint address;
        using (JsonDocument line = JsonDocument.Parse(await ready.GetAsync()))
        {
            address = ClientEndpoint.Parse(line.RootElement.GetProperty("tcp").GetString()!);
        }

        string token = await PlayAsync(address);
        listener.RecordObservableInstruments();
        await stop.CancelAsync();
        await running;

        Assert.That(seen.Keys, Has.Some.StartsWith("fastchat.published").And.Some.Contains("BadCredentials"), "the metrics were read");
        foreach (string secret in (string[])[Password, WrongPassword, Body, token])
        {
            Assert.That(seen.Keys, Has.None.Contains(secret));
        }
    }

    /// <summary>Secrets where a client may put one, right and wrong; returns the token that was given.</summary>
    private static async Task<string> PlayAsync(ClientEndpoint address)
    {
        ReconnectPolicy once = new() { AttemptsMax = 1 };
        ClientOptions right = new() { Endpoint = address, Name = "bea", Password = Password, Reconnect = once };
        string token;
        FastChatClient client = await FastChatClient.ConnectAsync(right with { Register = true });
        await using (client)
        {
            token = client.Token!;
            ConversationInfo room = await client.ResolveConversationAsync("canaries", create: true);
            await client.PublishTextAsync(room.Conversation, Body);
            Assert.That(async () => await client.PublishAsync(room.Conversation, (MessageKind)200, Encoding.UTF8.GetBytes(Body)), Throws.InstanceOf<ClientException>());
        }

        Assert.That(async () => await FastChatClient.ConnectAsync(right with { Password = WrongPassword }), Throws.InstanceOf<ClientException>());
        Assert.That(async () => await FastChatClient.ConnectAsync(new ClientOptions { Endpoint = address, Token = "fc1_" + WrongPassword, Reconnect = once }), Throws.InstanceOf<ClientException>());
        return token;
    }

    private static void Collect<T>(ConcurrentDictionary<string, bool> seen, Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        StringBuilder text = new($"{instrument.Name} {instrument.Meter.Name} {instrument.Description} {value}");
        foreach (KeyValuePair<string, object?> tag in tags)
        {
            text.Append(' ').Append(tag.Key).Append('=').Append(tag.Value);
        }

        seen[text.ToString()] = true;
    }

    /// <summary>Where the broker says that it is ready.</summary>
    private sealed class FirstLine : StringWriter
    {
        private readonly TaskCompletionSource<string> _line = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<string> GetAsync() => _line.Task.WaitAsync(TimeSpan.FromSeconds(30));

        public override Task WriteLineAsync(string? value)
        {
            _line.TrySetResult(value!);
            return Task.CompletedTask;
        }
    }
}
