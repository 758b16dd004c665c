using FastChat.Bench.Compare.Systems.Ejabberd;
using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Compare.Systems.Limit;
using FastChat.Bench.Compare.Systems.Mosquitto;
using FastChat.Bench.Compare.Systems.Nats;
using FastChat.Bench.Compare.Systems.RabbitMq;
using FastChat.Bench.Compare.Systems.Redis;
using FastChat.Bench.Compare.Systems.SignalR;

namespace FastChat.Bench.Compare;

/// <summary>Every system the harness knows, by its name on the command line.</summary>
public static class SystemCatalog
{
    private static readonly Dictionary<string, Func<SystemUnderTest>> s_systems = new(StringComparer.Ordinal)
    {
        ["fastchat"] = () => new FastChatSystem(),
        ["fastchat-encrypted"] = () => new FastChatSystem { IsEncrypting = true },
        ["fastchat-unlimited"] = () => new FastChatSystem { IsLimited = false },
        ["limit"] = () => new LimitSystem(),
        ["redis"] = () => new RedisSystem(),
        ["nats"] = () => new NatsSystem(isLog: true),
        ["nats-core"] = () => new NatsSystem(isLog: false),
        ["mosquitto"] = () => new MosquittoSystem(),
        ["signalr"] = () => new SignalRSystem(),
        ["rabbitmq"] = () => new RabbitMqSystem(),
        ["ejabberd"] = () => new EjabberdSystem(),
    };

    /// <summary>The names, in the order of the report.</summary>
    public static IEnumerable<string> Names => s_systems.Keys;

    /// <summary>Makes a system; null when there is none of that name.</summary>
    public static SystemUnderTest? Make(string name) => s_systems.TryGetValue(name, out Func<SystemUnderTest>? make) ? make() : null;
}
