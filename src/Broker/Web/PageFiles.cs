using System.Collections.Frozen;
using System.Security.Cryptography;

namespace FastChat.Broker.Web;

/// <summary>
/// The files of the built page, by the path at which each is served. All of them are read once, and nothing but what stands in this list is ever given out: a request's path is looked up, never made into the path of a file, so it
/// cannot lead anywhere. Immutable; any thread.
/// </summary>
internal sealed class PageFiles
{
    /// <summary>More files than that are no page of a chat, but a directory given by mistake.</summary>
    public const int CountMax = 1024;

    /// <summary>They stay in memory: more bytes than that are not taken.</summary>
    public const long BytesMax = 32 << 20;

    /// <summary>The document at <c>/</c>. It is written last: while it is missing, there is no page.</summary>
    public const string Index = "index.html";

    private const string BrotliSuffix = ".br";
    private const string GzipSuffix = ".gz";

    /// <summary>Files below here carry a hash of their content in their names.</summary>
    private const string Hashed = "/assets/";

    private static readonly FrozenDictionary<string, string> s_contentTypes = new Dictionary<string, string>
    {
        [".html"] = "text/html; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".json"] = "application/json",
        [".webmanifest"] = "application/manifest+json",
        [".svg"] = "image/svg+xml",
        [".png"] = "image/png",
        [".jpg"] = "image/jpeg",
        [".webp"] = "image/webp",
        [".ico"] = "image/x-icon",
        [".woff2"] = "font/woff2",
        [".wasm"] = "application/wasm",
        [".txt"] = "text/plain; charset=utf-8",
    }.ToFrozenDictionary();

    private readonly FrozenDictionary<string, PageFile> _byPath;

    private PageFiles(Dictionary<string, PageFile> byPath) => _byPath = byPath.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>How many there are.</summary>
    public int Count => _byPath.Count;

    /// <summary>The file at <paramref name="path"/>; null when there is none.</summary>
    public PageFile? Find(string path) => _byPath.GetValueOrDefault(path);

    /// <summary>One document at <c>/</c> and nothing else.</summary>
    public static PageFiles OfDocument(ReadOnlySpan<byte> html) =>
        new(new Dictionary<string, PageFile> { ["/"] = new(s_contentTypes[".html"], IsImmutable: false, Encode(null, html.ToArray()), Brotli: null, Gzip: null) });

    /// <summary>Reads a directory.</summary>
    /// <exception cref="IOException">It cannot be read, or holds more than a page does.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static PageFiles Read(string directory)
    {
        Dictionary<string, byte[]> contents = [];
        long bytes = 0;

        // Links are not followed: what they point to was never meant to be given out. Neither are files whose names begin with a dot.
        EnumerationOptions everything = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Hidden, IgnoreInaccessible = false };
        foreach (FileInfo file in new DirectoryInfo(directory).EnumerateFiles("*", everything))
        {
            bytes += file.Length;
            if (contents.Count == CountMax || bytes > BytesMax)
            {
                throw new IOException($"{directory} holds more than {CountMax} files or {BytesMax >> 20} MiB: that is no page");
            }

            contents.Add("/" + Path.GetRelativePath(directory, file.FullName).Replace(Path.DirectorySeparatorChar, '/'), File.ReadAllBytes(file.FullName));
        }

        Dictionary<string, PageFile> byPath = [];
        foreach ((string name, byte[] content) in contents)
        {
            // What is of no kind that a page is made of is not served; so are the compressed ones, which belong to another file.
            if (s_contentTypes.TryGetValue(Path.GetExtension(name), out string? type))
            {
                byPath.Add(PathOf(name), new PageFile(
                    type, name.StartsWith(Hashed, StringComparison.Ordinal), Encode(null, content), EncodeSibling("br", name + BrotliSuffix), EncodeSibling("gzip", name + GzipSuffix)));
            }
        }

        return new PageFiles(byPath);

        PageFile.Encoded? EncodeSibling(string encoding, string name) => contents.TryGetValue(name, out byte[]? compressed) ? Encode(encoding, compressed) : null;
    }

    /// <summary>Documents are served without their ending: <c>/index.html</c> as <c>/</c>, <c>/admin.html</c> as <c>/admin</c>.</summary>
    private static string PathOf(string name) =>
        name == $"/{Index}" ? "/" : name.EndsWith(".html", StringComparison.Ordinal) ? name[..^".html".Length] : name;

    private static PageFile.Encoded Encode(string? encoding, byte[] bytes) =>
        new(encoding, bytes, $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 16))}\"");
}
