using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Campaigns;

/// <summary>
/// What a campaign's broker is run with beside the campaign's own: <c>--with tls,encryption,limits</c>. What faults do to a message must not depend on the way it came or on what lies on the disk. Certificate and master key are made once for a campaign and lie beside the
/// store, so that an interrupted one goes on with them.
/// </summary>
internal sealed class Variants(IReadOnlyList<string> names, string directory)
{
    private const string Tls = "tls", Encryption = "encryption", Limits = "limits";

    /// <summary>The words that there are.</summary>
    public static IReadOnlyList<string> All { get; } = [Tls, Encryption, Limits];

    private string CertificateFile => Path.Combine(directory, "server.pem");

    private string MasterKeyFile => Path.Combine(directory, "master.key");

    /// <summary>The process with the settings that they take, in one file with those that it has.</summary>
    public BrokerProcessOptions Apply(BrokerProcessOptions process)
    {
        if (names.Count == 0)
        {
            return process;
        }

        Directory.CreateDirectory(directory);
        List<string> arguments = [.. process.Arguments];
        int config = arguments.IndexOf("--config");
        JsonObject settings = config < 0 ? [] : (JsonObject)JsonNode.Parse(File.ReadAllText(arguments[config + 1]))!;
        if (config >= 0)
        {
            arguments.RemoveRange(config, 2);
        }

        foreach (string name in names)
        {
            Add(name, settings);
        }

        string file = Path.Combine(directory, "settings.json");
        File.WriteAllText(file, settings.ToJsonString());
        return process with { Arguments = [.. arguments, "--config", file] };
    }

    /// <summary>How a client reaches it.</summary>
    public ClientOptions Reach(BrokerProcess broker) => names.Contains(Tls)
        ? new ClientOptions { Endpoint = ClientEndpoint.Parse($"tls://{broker.TlsTcp}"), Tls = new ClientTlsOptions { Expected = X509CertificateLoader.LoadCertificateFromFile(CertificateFile) } }
        : new ClientOptions { Endpoint = ClientEndpoint.Parse(broker.Tcp.ToString()) };

    private void Add(string name, JsonObject settings)
    {
        switch (name)
        {
            case Tls:
                if (!File.Exists(CertificateFile))
                {
                    using TestAuthority authority = new();
                    using X509Certificate2 made = authority.IssueServer();
                    TestAuthority.Write(made, directory);
                }

                (settings["tls_certificate"], settings["tls_key"]) = (CertificateFile, Path.ChangeExtension(CertificateFile, "key"));
                break;
            case Encryption:
                if (!File.Exists(MasterKeyFile))
                {
                    FileStreamOptions own = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
                    if (!OperatingSystem.IsWindows())
                    {
                        own.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                    }

                    using FileStream file = new(MasterKeyFile, own);
                    file.Write(System.Text.Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(64)));
                }

                settings["encryption_key_file"] = MasterKeyFile;
                break;
            default:
                // Far below what eight people in a hurry do, so that publishes are refused and sent again all the time, in order; and for this machine as well.
                (settings["limit_trusted"], settings["limit_burst_seconds"]) = (new JsonArray(), 0.5);
                (settings["limit_publishes_per_second"], settings["limit_conversation_publishes_per_second"]) = (200, 600);
                (settings["limit_publish_bytes_per_second"], settings["limit_connection_bytes_per_second"]) = (200_000, 400_000);
                settings["limit_connects_per_second"] = 50;
                break;
        }
    }
}
