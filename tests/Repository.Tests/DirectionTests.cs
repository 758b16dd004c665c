using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using System.Xml.Linq;

using FastChat.TestSupport;

namespace FastChat.Repository.Tests;

/// <summary>Who may know whom: projects, folders of the broker, and what storage sees of the protocol.</summary>
public sealed class DirectionTests
{
    // Protocol ← Storage ← Broker; Protocol ← Client ← Cli (which also starts the broker); Protocol ← History ← Cli.
    private static readonly Dictionary<string, string[]> MayKnow = new()
    {
        ["Protocol"] = [],
        ["Mls"] = [],
        ["Storage"] = ["Protocol"],
        ["Broker"] = ["Protocol", "Storage"],
        ["Client"] = ["Protocol"],
        ["History"] = ["Protocol"],
        ["Cli"] = ["Protocol", "Storage", "Broker", "Client", "History", "Mls"],
    };

    // Left may not know right.
    private static readonly string[] BrokerLine = ["Sessions", "Routing", "Handlers", "Connections", "Hosting"];

    private static IEnumerable<string> Projects() => SourceTree.Files.Where(file => Regex.IsMatch(file, "^src/.*\\.csproj$"));

    [TestCaseSource(nameof(Projects))]
    public void A_project_knows_only_what_it_may(string project)
    {
        string name = NameOf(project);
        Assert.That(MayKnow, Contains.Key(name), "say in this test whom the new project may know");
        string[] known = References(project, "ProjectReference").Select(NameOf).ToArray();
        Assert.That(known.Except(MayKnow[name]), Is.Empty);
        Assert.That(Usings(name).Except([.. MayKnow[name], name, "Shared"]), Is.Empty, "namespaces in its sources");
    }

    [Test]
    public void The_protocol_needs_MessagePack_and_nothing_else() =>
        Assert.That(References("src/Protocol/FastChat.Protocol.csproj", "PackageReference"), Is.EqualTo(new[] { "MessagePack" }));

    [Test]
    public void Every_project_is_in_the_solution()
    {
        string solution = SourceTree.Read("FastChat.sln").Replace('\\', '/');
        string[] projects = SourceTree.Files.Where(file => file.EndsWith(".csproj", StringComparison.Ordinal)).ToArray();
        Assert.That(projects.Where(project => !solution.Contains($"\"{project}\"", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void Shared_sources_know_nobody()
    {
        foreach (string file in SourceTree.Sources("Shared/"))
        {
            Assert.That(SourceTree.ReadCode(file), Does.Not.Match(@"\busing FastChat\."), file);
        }
    }

    [Test]
    public void Folders_of_the_broker_know_only_what_stands_left_of_them()
    {
        string[] folders = BrokerLine.Where(folder => SourceTree.Sources($"Broker/{folder}/").Any()).ToArray();
        Assert.That(folders, Is.Not.Empty, "none of the folders this rule is about exists: was the broker rebuilt?");
        List<string> violations = [];
        for (int i = 0; i < BrokerLine.Length; i++)
        {
            string right = string.Join('|', BrokerLine[(i + 1)..]);
            foreach (string file in right.Length == 0 ? [] : SourceTree.Sources($"Broker/{BrokerLine[i]}/"))
            {
                violations.AddRange(Regex.Matches(SourceTree.ReadCode(file), $@"\bBroker\.(?:{right})\b").Select(match => $"{file}: {match.Value}"));
            }
        }

        Assert.That(violations.Distinct(), Is.Empty);
    }

    [Test]
    public void The_transport_is_known_by_hosting_and_the_doors_alone_and_knows_no_frames()
    {
        string[] own = SourceTree.Sources("Broker/Transport/").ToArray();
        Assert.That(own, Is.Not.Empty);
        IEnumerable<string> others = SourceTree.Sources("Broker/").Except(own).Where(file => !Regex.IsMatch(file, "^src/Broker/(?:Hosting|Doors)/"));
        Assert.That(others.Where(file => Regex.IsMatch(SourceTree.ReadCode(file), @"\bBroker\.Transport\b")), Is.Empty);
        Assert.That(own.Where(file => Regex.IsMatch(SourceTree.ReadCode(file), @"\b(?:Broker\.(?!Transport|Sessions|Diagnostics)\w+|FastChat\.(?:Protocol|Storage))\b")), Is.Empty);
    }

    [Test]
    public void Namespaces_follow_the_folders()
    {
        List<string> violations = [];
        foreach (string file in SourceTree.Sources())
        {
            string[] parts = file.Split('/');
            Match declared = Regex.Match(SourceTree.ReadCode(file), @"^namespace ([\w.]+);", RegexOptions.Multiline);
            string expected = (parts[1], parts.Length > 3) switch
            {
                ("Broker", true) => $"FastChat.Broker.{parts[2]}",
                _ => $"FastChat.{parts[1]}",
            };
            bool placed = parts[1] is "Protocol" or "Storage" or "Broker"
                ? declared.Groups[1].Value == expected
                : declared.Groups[1].Value == expected || declared.Groups[1].Value.StartsWith(expected + ".", StringComparison.Ordinal);
            if (declared.Success && !placed)
            {
                violations.Add($"{file}: {declared.Groups[1].Value}");
            }
        }

        Assert.That(violations, Is.Empty);
    }

    [Test]
    public void Storage_sees_primitives_and_records_but_no_frames()
    {
        HashSet<string> allowed = SourceTree.Sources("Protocol/")
            .Where(file => Regex.IsMatch(file, "^src/Protocol/(Primitives/|Encoding/|MessageRecord.cs|ProtocolLimits.cs)"))
            .SelectMany(file => Regex.Matches(SourceTree.ReadCode(file), @"\b(?:class|struct|enum|record) (?:struct )?(\w+)").Select(match => match.Groups[1].Value))
            .ToHashSet();
        string[] used = ProtocolTypesIn("Storage");
        Assert.That(used, Does.Contain("MessageRecord"), "the assembly was read");
        Assert.That(used.Except(allowed), Is.Empty);
    }

    /// <summary>The protocol's types that a compiled project names: read from metadata, so that neither a comment nor a method called Fetch counts.</summary>
    private static string[] ProtocolTypesIn(string project)
    {
        string configuration = AppContext.BaseDirectory.Contains("/Debug/", StringComparison.Ordinal) ? "Debug" : "Release";
        string path = RepositoryRoot.PathOf("src", project, "bin", configuration, "net10.0", $"FastChat.{project}.dll");
        Assert.That(path, Does.Exist);
        using PEReader file = new(File.OpenRead(path));
        MetadataReader metadata = file.GetMetadataReader();
        return metadata.TypeReferences.Select(metadata.GetTypeReference)
            .Where(type => metadata.GetString(type.Namespace) == "FastChat.Protocol")
            .Select(type => metadata.GetString(type.Name))
            .ToArray();
    }

    private static IEnumerable<string> Usings(string project) => SourceTree.Sources($"{project}/")
        .SelectMany(file => Regex.Matches(SourceTree.ReadCode(file), @"^using (?:static )?FastChat\.(\w+)", RegexOptions.Multiline))
        .Select(match => match.Groups[1].Value)
        .Distinct();

    private static string[] References(string project, string kind) => XDocument.Parse(SourceTree.Read(project)).Descendants(kind)
        .Select(element => element.Attribute("Include")!.Value.Replace('\\', '/'))
        .ToArray();

    private static string NameOf(string project) => Path.GetFileNameWithoutExtension(project)["FastChat.".Length..];
}
