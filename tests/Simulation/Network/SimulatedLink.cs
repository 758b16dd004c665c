namespace FastChat.Simulation;

/// <summary>The way between one client's machine and the broker's. It has a latency of its own, and can fall silent in either direction: what is on its way then arrives when it speaks again.</summary>
internal sealed class SimulatedLink(string name, TimeSpan latency, TimeSpan jitter)
{
    private readonly bool[] _isSilent = new bool[2];
    private readonly List<Wire> _wires = [];

    /// <summary>The client's address.</summary>
    public string Name { get; } = name;

    /// <summary>How long a packet takes.</summary>
    public TimeSpan Latency(Chance chance) => latency + (jitter * (chance.Below(1000) / 1000.0));

    /// <summary>True while nothing passes in that direction.</summary>
    public bool IsSilent(bool toBroker) => _isSilent[toBroker ? 1 : 0];

    /// <summary>Lets nothing pass any more, or everything again. Called by the network's process.</summary>
    public void SetSilent(bool toBroker, bool isSilent)
    {
        _isSilent[toBroker ? 1 : 0] = isSilent;
        if (!isSilent)
        {
            foreach (Wire wire in _wires.ToArray())
            {
                wire.GoOn();
            }
        }
    }

    /// <summary>A wire runs over this link.</summary>
    public void Add(Wire wire) => _wires.Add(wire);

    /// <summary>It does not any more.</summary>
    public void Remove(Wire wire) => _wires.Remove(wire);
}
