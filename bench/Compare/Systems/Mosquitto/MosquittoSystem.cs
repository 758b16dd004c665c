using System.Globalization;
using System.Security.Cryptography;
using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Mosquitto;

/// <summary>Mosquitto, a lean MQTT broker in C: a peer for delivery and idle sessions. Clients sign in from a password file, as with the other systems.</summary>
public sealed class MosquittoSystem() : InstalledServer("mosquitto", "-h")
{
    internal const string User = "bench";
    internal const string Password = "bench";

    /// <inheritdoc/>
    public override string Name => "mosquitto";

    /// <inheritdoc/>
    public override string Caveat(Scenario scenario) => "stores nothing";

    /// <inheritdoc/>
    public override string? WhyNot(Scenario scenario) => scenario switch
    {
        Scenario.FanOut or Scenario.Rooms or Scenario.Idle or Scenario.Storm => null,
        Scenario.Corpus => "has no users and rooms to replay into",
        Scenario.CatchUp => "keeps no history",
        _ => "cannot sync per message",
    };

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index) => new MosquittoWire(events, index);

    // What mosquitto_passwd writes: PBKDF2 with SHA-512, 101 rounds. The salt has twelve bytes, no other length is read; it is fixed, the password being no secret.
    private static string PasswordLine()
    {
        byte[] salt = Encoding.ASCII.GetBytes("fastchatsalt");
        byte[] hash = Rfc2898DeriveBytes.Pbkdf2(Password, salt, 101, HashAlgorithmName.SHA512, 64);
        return $"{User}:$7$101${Convert.ToBase64String(salt)}${Convert.ToBase64String(hash)}\n";
    }

    // Started by root it would become a user that cannot read the directory: it stays who it is. 0 lifts the limits of queues.
    protected override string Configure(string directory, WorkPlan plan)
    {
        string passwords = Path.Combine(directory, "passwords");
        File.WriteAllText(passwords, PasswordLine());
        return string.Create(CultureInfo.InvariantCulture, $"""
            user {Environment.UserName}
            listener {Endpoint.Port} 127.0.0.1
            password_file {passwords}
            allow_anonymous false
            persistence false
            max_inflight_messages 0
            max_queued_messages 0
            set_tcp_nodelay true
            log_dest stderr
            log_type error
            log_type warning
            connection_messages false

            """);
    }
}
