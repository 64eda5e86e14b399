using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing.Template;
using OpsConsole.Web.Hosting;

namespace OpsConsole.Web.Api;

/// <summary>Answers what no endpoint takes. Routing passes over endpoints of another method or content type without a word; here the caller
/// hears which of the two it was.</summary>
internal static class UnknownCalls
{
    private const string Json = "application/json";

    public static IResult Answer(HttpContext context, EndpointDataSource endpoints)
    {
        var meant = endpoints.Endpoints.OfType<RouteEndpoint>().Where(e => e.Order != int.MaxValue && IsAt(context.Request.Path, e)).ToList();
        if (meant.Count == 0)
            return Problems.Result(404, "Not found", "The API has no such call; /openapi/v1.json lists them.");
        if (context.User.Identity?.IsAuthenticated != true)
            return Problems.NotSignedIn();

        var called = meant.FindAll(e => Methods(e).Contains(context.Request.Method, StringComparer.OrdinalIgnoreCase));
        if (called.Count == 0)
        {
            var methods = string.Join(", ", meant.SelectMany(Methods).Distinct().Order(StringComparer.Ordinal));
            context.Response.Headers.Allow = methods;
            return Problems.Result(405, "Another method is needed", $"This call takes {methods}, not {context.Request.Method}.");
        }
        if (!context.Request.HasJsonContentType() && called.Exists(e => e.Metadata.GetMetadata<IAcceptsMetadata>() is not null))
            return NotJson();
        return Problems.Result(404, "Not found", "There is nothing under this address; are its ids whole?");
    }

    /// <summary>For a body without content type, or with one that is not JSON.</summary>
    public static IResult NotJson() => Problems.Result(415, "The body is not said to be JSON", $"Send a JSON body with the header Content-Type: {Json}.");

    private static bool IsAt(PathString path, RouteEndpoint endpoint) =>
        new TemplateMatcher(new RouteTemplate(endpoint.RoutePattern), []).TryMatch(path, []);

    private static IReadOnlyList<string> Methods(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? [];
}
