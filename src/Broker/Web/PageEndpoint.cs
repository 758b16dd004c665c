using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace FastChat.Broker.Web;

/// <summary>
/// Everything of the HTTP server that is no other endpoint: the page's files. Whatever is there is for everybody, so nothing is decided here but the form: encoding, what a cache may keep, and what a browser may do with it.
/// </summary>
internal sealed class PageEndpoint(PageSource source)
{
    private const string Anything = "*";

    /// <summary>Powers that a chat does not need, whatever is ever injected into it.</summary>
    private const string Permissions =
        "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=()";

    /// <summary>Adds it, behind all others.</summary>
    public void Map(WebApplication application) => application.Run(AnswerAsync);

    private Task AnswerAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        HttpResponse response = context.Response;

        // Also on refusals: a 404 is a document of this origin as well.
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        bool isHead = HttpMethods.IsHead(request.Method);
        if (!isHead && !HttpMethods.IsGet(request.Method))
        {
            response.Headers.Allow = "GET, HEAD";
            return RefuseAsync(response, StatusCodes.Status405MethodNotAllowed, "GET and HEAD are understood here\n");
        }

        if (source.Current.Find(request.Path.Value ?? "/") is not { } file)
        {
            return RefuseAsync(response, StatusCodes.Status404NotFound, "there is nothing here\n");
        }

        PageFile.Encoded encoded = Choose(file, request.Headers.AcceptEncoding);
        response.Headers.ETag = encoded.Tag;
        response.Headers.CacheControl = file.IsImmutable ? "public, max-age=31536000, immutable" : "no-cache";
        response.Headers.Vary = HeaderNames.AcceptEncoding;
        if (file.IsDocument)
        {
            response.Headers.ContentSecurityPolicy = PolicyFor(request.Host.Value);
            response.Headers["Permissions-Policy"] = Permissions;
            response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
            response.Headers.XFrameOptions = "DENY";
        }

        if (IsKnown(request.Headers.IfNoneMatch, encoded.Tag))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        response.ContentType = file.ContentType;
        response.ContentLength = encoded.Bytes.Length;
        response.Headers.ContentEncoding = encoded.Name;
        return isHead ? Task.CompletedTask : response.Body.WriteAsync(encoded.Bytes, context.RequestAborted).AsTask();
    }

    private static Task RefuseAsync(HttpResponse response, int status, string text)
    {
        response.StatusCode = status;
        response.ContentType = "text/plain; charset=utf-8";
        response.ContentLength = text.Length;
        response.Headers.CacheControl = "no-store";

        // The server drops the body of an answer to HEAD by itself.
        return response.WriteAsync(text);
    }

    /// <summary>
    /// Nothing is allowed but what the page is made of: its own scripts and styles, pictures that it has made of downloads (blob:), and the broker. <c>'self'</c> does not cover WebSockets in older browsers, therefore the host twice.
    /// Strings never become markup or code in it (Trusted Types).
    /// </summary>
    private static string PolicyFor(string? host)
    {
        // What a client calls the host goes into a header of the answer: nothing but a name and a port may.
        string sockets = host is { Length: > 0 } && host.AsSpan().IndexOfAnyExcept(s_hostCharacters) < 0 ? $" ws://{host} wss://{host}" : string.Empty;
        return $"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src blob:; font-src 'self'; manifest-src 'self'; connect-src 'self'{sockets}; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
    }

    private static readonly System.Buffers.SearchValues<char> s_hostCharacters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]");

    /// <summary>The smallest that the client takes; the file as it is when it says nothing that can be understood (RFC 9110 §12.5.3).</summary>
    private static PageFile.Encoded Choose(PageFile file, StringValues accepted)
    {
        if (!StringWithQualityHeaderValue.TryParseList(accepted.ToArray()!, out IList<StringWithQualityHeaderValue>? list))
        {
            return file.Plain;
        }

        PageFile.Encoded? best = null;
        foreach (PageFile.Encoded? candidate in (PageFile.Encoded?[])[file.Brotli, file.Gzip])
        {
            if (candidate is not null && Takes(list, candidate.Name!) && (best is null || candidate.Bytes.Length < best.Bytes.Length))
            {
                best = candidate;
            }
        }

        return best ?? file.Plain;
    }

    private static bool Takes(IList<StringWithQualityHeaderValue> list, string encoding)
    {
        StringWithQualityHeaderValue? named = list.FirstOrDefault(entry => entry.Value.Equals(encoding, StringComparison.OrdinalIgnoreCase))
            ?? list.FirstOrDefault(static entry => entry.Value.Equals(Anything, StringComparison.Ordinal));
        return named is not null && named.Quality is not 0;
    }

    /// <summary>True when the client has these very bytes. An unreadable list says nothing.</summary>
    private static bool IsKnown(StringValues tags, string tag) =>
        tags.Count > 0
        && EntityTagHeaderValue.TryParseList(tags.ToArray()!, out IList<EntityTagHeaderValue>? list)
        && list.Any(known => known.Tag.Equals(Anything, StringComparison.Ordinal) || known.Tag.Equals(tag, StringComparison.Ordinal));
}
