using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace FastChat.Broker.Web;

/// <summary><c>/healthz</c>: 200 while publishes can be acknowledged, 503 while the disk has no room and once the store has failed; the reason stays in the operator's log.</summary>
internal sealed class HealthEndpoint(Func<Exception?> failure, Func<bool> isFull)
{
    private const string Well = "ok";

    /// <summary>Adds the endpoint.</summary>
    public void Map(WebApplication application) => application.Map("/healthz", branch => branch.Run(context =>
    {
        string state = failure() is not null ? "the store failed" : isFull() ? "the disk has no room" : Well;
        context.Response.StatusCode = state == Well ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return context.Response.WriteAsync($"{state}\n");
    }));
}
