namespace FastChat.Bench.Report.Results;

/// <summary>Systems as people write them.</summary>
internal static class SystemName
{
    /// <summary>A name as people write it.</summary>
    public static string Full(string system) => system switch
    {
        LoadResult.Ours => "FastChat",
        LoadResult.Limit => "limit (the machine)",
        "redis" => "Redis",
        "nats" => "NATS JetStream",
        "nats-core" => "NATS core",
        "rabbitmq" => "RabbitMQ",
        "mosquitto" => "Mosquitto",
        "signalr" => "SignalR",
        _ => system,
    };

    /// <summary>A short one for beside a plot.</summary>
    public static string Short(string system) => system switch
    {
        LoadResult.Limit => "limit",
        "nats" => "JetStream",
        _ => Full(system) is { Length: <= 14 } title ? title : system[..13] + "…",
    };
}
