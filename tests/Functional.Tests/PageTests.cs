using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace FastChat.Functional.Tests;

/// <summary>The web page as the real process serves it: what is given out, in which encoding, with which policies, and what is never given out.</summary>
public sealed class PageTests
{
    private const string Script = "console.log('a script that is long enough to be worth compressing, worth compressing, worth compressing');\n";

    private TestBroker _broker = null!;
    private TemporaryDirectory _page = null!;
    private HttpClient _client = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _page = new TemporaryDirectory("page");
        await WriteAsync("index.html", "<!doctype html><title>chat</title>");
        await WriteAsync("admin.html", "<!doctype html><title>admin</title>");
        await WriteAsync("assets/app-4f2a.js", Script);
        await File.WriteAllBytesAsync(_page.PathOf("assets/app-4f2a.js.br"), Compress(static stream => new BrotliStream(stream, CompressionLevel.SmallestSize)));
        await File.WriteAllBytesAsync(_page.PathOf("assets/app-4f2a.js.gz"), Compress(static stream => new GZipStream(stream, CompressionLevel.SmallestSize)));
        await WriteAsync("notes.md", "not part of a page");
        await WriteAsync(".secret.html", "hidden");
        File.CreateSymbolicLink(_page.PathOf("linked.txt"), "/etc/hostname");
        Directory.CreateSymbolicLink(_page.PathOf("linked"), "/etc");
        _broker = await TestBroker.StartAsync(new JsonObject { ["web_directory"] = _page.Path });
        _client = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = DecompressionMethods.None }) { BaseAddress = _broker.Process.Http };
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _client.Dispose();
        await _broker.DisposeAsync();
        _page.Dispose();
    }

    [TestCase("/", "<title>chat</title>")]
    [TestCase("/?a=b", "<title>chat</title>")]
    [TestCase("/admin", "<title>admin</title>")]
    public async Task Documents_have_policies_and_are_asked_for_again(string path, string part)
    {
        using HttpResponseMessage answer = await _client.GetAsync(path);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await answer.Content.ReadAsStringAsync(), Does.Contain(part));
        Assert.That(answer.Content.Headers.ContentType!.ToString(), Is.EqualTo("text/html; charset=utf-8"));
        Assert.That(HeaderOf(answer, "Cache-Control"), Is.EqualTo("no-cache"));
        Assert.That(HeaderOf(answer, "X-Content-Type-Options"), Is.EqualTo("nosniff"));
        Assert.That(HeaderOf(answer, "Referrer-Policy"), Is.EqualTo("no-referrer"));
        Assert.That(HeaderOf(answer, "X-Frame-Options"), Is.EqualTo("DENY"));
        Assert.That(HeaderOf(answer, "Permissions-Policy"), Does.Contain("camera=()"));
        Assert.That(HeaderOf(answer, "Server"), Is.Empty);
        string[] policy = HeaderOf(answer, "Content-Security-Policy").Split("; ");
        string host = _broker.Process.Http.Authority;
        Assert.That(policy, Is.SupersetOf((string[])["default-src 'none'", "script-src 'self'", "style-src 'self'", $"connect-src 'self' ws://{host} wss://{host}", "frame-ancestors 'none'", "base-uri 'none'"]));
        Assert.That(string.Join(' ', policy), Does.Not.Contain("unsafe").And.Not.Contain(" * "));
    }

    [Test]
    public async Task What_has_a_hash_in_its_name_is_kept_for_ever()
    {
        using HttpResponseMessage answer = await _client.GetAsync("/assets/app-4f2a.js");
        Assert.That(HeaderOf(answer, "Cache-Control"), Is.EqualTo("public, max-age=31536000, immutable"));
        Assert.That(answer.Content.Headers.ContentType!.ToString(), Is.EqualTo("text/javascript; charset=utf-8"));
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo(Script));
    }

    [TestCase("br, gzip", "br")]
    [TestCase("gzip", "gzip")]
    [TestCase("gzip, br;q=0", "gzip")]
    [TestCase("*", "br")]
    [TestCase("*;q=0", "")]
    [TestCase("br;q=0, *", "gzip")]
    [TestCase("identity", "")]
    [TestCase("BR", "br")]
    [TestCase("zstd, ;;q=x", "")]
    [TestCase("", "")]
    public async Task The_encoding_is_one_that_the_client_takes(string accepted, string encoding)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/assets/app-4f2a.js");
        request.Headers.TryAddWithoutValidation("Accept-Encoding", accepted);
        using HttpResponseMessage answer = await _client.SendAsync(request);
        Assert.That(string.Join(',', answer.Content.Headers.ContentEncoding), Is.EqualTo(encoding));
        Assert.That(HeaderOf(answer, "Vary"), Is.EqualTo("Accept-Encoding"));
        Stream body = await answer.Content.ReadAsStreamAsync();
        await using Stream plain = encoding switch
        {
            "br" => new BrotliStream(body, CompressionMode.Decompress),
            "gzip" => new GZipStream(body, CompressionMode.Decompress),
            _ => body,
        };
        using StreamReader reader = new(plain);
        Assert.That(await reader.ReadToEndAsync(), Is.EqualTo(Script));
    }

    [TestCase("br")]
    [TestCase("gzip")]
    [TestCase("identity")]
    public async Task Who_has_it_already_gets_304_for_the_same_encoding_only(string encoding)
    {
        string tag = await TagOfAsync(encoding);
        Assert.That(await StatusAsync(encoding, tag), Is.EqualTo(HttpStatusCode.NotModified));
        Assert.That(await StatusAsync(encoding, $"\"x\", W/{tag}"), Is.EqualTo(HttpStatusCode.NotModified));
        Assert.That(await StatusAsync(encoding, "*"), Is.EqualTo(HttpStatusCode.NotModified));
        Assert.That(await StatusAsync(encoding, "\"x\""), Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await StatusAsync(encoding, "nonsense"), Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await StatusAsync(encoding == "br" ? "gzip" : "br", tag), Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task HEAD_says_what_GET_would_and_sends_nothing()
    {
        string answer = await ExchangeAsync("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.That(answer, Does.StartWith("HTTP/1.1 200").And.Contain("Content-Length: 34").And.EndWith("\r\n\r\n"));
    }

    [TestCase("POST")]
    [TestCase("PUT")]
    [TestCase("DELETE")]
    [TestCase("OPTIONS")]
    [TestCase("PROPFIND")]
    public async Task Other_methods_are_refused(string method)
    {
        using HttpRequestMessage request = new(new HttpMethod(method), "/");
        using HttpResponseMessage answer = await _client.SendAsync(request);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.MethodNotAllowed));
        Assert.That(answer.Content.Headers.Allow, Is.EquivalentTo((string[])["GET", "HEAD"]));
    }

    [TestCase("/../../../../etc/passwd")]
    [TestCase("/assets/../../data/operator.token")]
    [TestCase("/..%2f..%2fetc%2fpasswd")]
    [TestCase("/%2e%2e/%2e%2e/etc/passwd")]
    [TestCase("/assets/..%5c..%5cindex.html")]
    [TestCase("//etc/passwd")]
    [TestCase("/assets/")]
    [TestCase("/assets")]
    [TestCase("/index.html%00.js")]
    [TestCase("/assets/app-4f2a.js.br")]
    [TestCase("/notes.md")]
    [TestCase("/.secret.html")]
    [TestCase("/.secret")]
    [TestCase("/linked.txt")]
    [TestCase("/linked/hostname")]
    [TestCase("/ASSETS/app-4f2a.js")]
    [TestCase("/operator.token")]
    public async Task What_is_not_of_the_page_is_not_there(string path)
    {
        string answer = await ExchangeAsync($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.That(answer, Does.StartWith("HTTP/1.1 404").Or.StartWith("HTTP/1.1 400"), path);
        Assert.That(answer, Does.Not.Contain("root:").And.Not.Contain("hidden"));
    }

    [TestCase("evil.example; script-src *")]
    [TestCase("a b")]
    [TestCase("x'y")]
    public async Task A_host_that_is_none_does_not_get_into_the_policy(string host)
    {
        string answer = await ExchangeAsync($"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        Assert.That(answer, Does.Not.Contain("script-src *").And.Not.Contain(host));
    }

    [Test]
    public async Task The_page_may_open_a_WebSocket_and_another_origin_may_not()
    {
        Uri address = new UriBuilder(_broker.Process.Http) { Scheme = "ws", Path = "/ws" }.Uri;
        using ClientWebSocket own = new();
        own.Options.AddSubProtocol("fastchat.v1");
        own.Options.SetRequestHeader("Origin", $"http://{_broker.Process.Http.Authority}");
        await own.ConnectAsync(address, CancellationToken.None);
        Assert.That(own.State, Is.EqualTo(WebSocketState.Open));

        using ClientWebSocket other = new();
        other.Options.SetRequestHeader("Origin", "http://elsewhere.example");
        await Assert.ThatAsync(() => other.ConnectAsync(address, CancellationToken.None), Throws.InstanceOf<WebSocketException>());
    }

    [Test]
    public async Task Health_is_where_it_was() => Assert.That(await _broker.GetHealthAsync(), Is.EqualTo(200));

    [Test]
    public async Task A_page_that_is_built_later_appears_and_a_new_build_replaces_it()
    {
        using TemporaryDirectory place = new("page-later");
        string directory = place.PathOf("dist");
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["web_directory"] = directory });
        using HttpClient client = new() { BaseAddress = broker.Process.Http };
        Assert.That(await client.GetStringAsync("/"), Does.Contain("not built yet"));

        foreach (string content in (string[])["the first build", "the second build, in its place"])
        {
            string next = place.PathOf("next");
            Directory.CreateDirectory(next);
            await File.WriteAllTextAsync(Path.Combine(next, "index.html"), content);
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }

            Directory.Move(next, directory);
            await WaitForAsync(async () => await client.GetStringAsync("/") == content, content);
        }

        // A directory that holds far too much is not taken, and what was there before goes on being served.
        await File.WriteAllBytesAsync(Path.Combine(directory, "large.txt"), new byte[33 << 20]);
        await File.WriteAllTextAsync(Path.Combine(directory, "index.html"), "too much");
        await WaitForAsync(() => Task.FromResult(broker.Process.StandardError.Contains("that is no page", StringComparison.Ordinal)), "the refusal in the log");
        Assert.That(await client.GetStringAsync("/"), Is.EqualTo("the second build, in its place"));
    }

    [Test]
    public async Task Without_the_page_nothing_is_there_but_the_endpoints()
    {
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["web"] = false });
        using HttpClient client = new() { BaseAddress = broker.Process.Http };
        using HttpResponseMessage answer = await client.GetAsync("/");
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(await broker.GetHealthAsync(), Is.EqualTo(200));
    }

    private static string HeaderOf(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out IEnumerable<string>? values) || answer.Content.Headers.TryGetValues(name, out values) ? string.Join(", ", values) : string.Empty;

    private static async Task WaitForAsync(Func<Task<bool>> condition, string what)
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            if (await condition())
            {
                return;
            }

            await Task.Delay(100);
        }

        Assert.Fail($"not within ten seconds: {what}");
    }

    private static byte[] Compress(Func<Stream, Stream> wrap)
    {
        using MemoryStream result = new();
        using (Stream stream = wrap(result))
        {
            stream.Write(Encoding.UTF8.GetBytes(Script));
        }

        return result.ToArray();
    }

    private async Task WriteAsync(string name, string content)
    {
        string path = _page.PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, content);
    }

    private async Task<string> TagOfAsync(string encoding)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/assets/app-4f2a.js");
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue(encoding));
        using HttpResponseMessage answer = await _client.SendAsync(request);
        return answer.Headers.ETag!.ToString();
    }

    private async Task<HttpStatusCode> StatusAsync(string encoding, string tags)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/assets/app-4f2a.js");
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue(encoding));
        request.Headers.TryAddWithoutValidation("If-None-Match", tags);
        using HttpResponseMessage answer = await _client.SendAsync(request);
        return answer.StatusCode;
    }

    /// <summary>Sends bytes as they are and reads until the broker closes: what no HTTP library would send.</summary>
    private async Task<string> ExchangeAsync(string request)
    {
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, _broker.Process.Http.Port);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        using StreamReader reader = new(stream, Encoding.ASCII);
        return await reader.ReadToEndAsync();
    }
}
