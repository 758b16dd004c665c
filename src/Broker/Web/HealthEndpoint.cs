using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace FastChat.Broker.Web;

/// <summary><c>/healthz</c>: 200 while publishes can be acknowledged, 503 once the store has failed; the reason stays in the operator's log.</summary>
internal sealed class HealthEndpoint(Func<Exception?> failure)
{
    /// <summary>Adds the endpoint.</summary>
    public void Map(WebApplication application) => application.Map("/healthz", branch => branch.Run(context =>
    {
        bool isHealthy = failure() is null;
        context.Response.StatusCode = isHealthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return context.Response.WriteAsync(isHealthy ? "ok\n" : "the store failed\n");
    }));
}
