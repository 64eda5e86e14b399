namespace OpsConsole.Web.Hosting;

/// <summary>Unsafe API calls that ride on a cookie (or make one) must come from the console's own pages: another site can neither set
/// <c>X-OpsConsole</c> nor forge <c>Origin</c> and <c>Sec-Fetch-Site</c>. Calls with a bearer token need none of this.</summary>
public sealed class CrossSiteGuard(RequestDelegate next)
{
    public const string Header = "X-OpsConsole";

    public Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method)
            || !request.Path.StartsWithSegments("/api") || request.Headers.Authorization.Count > 0 || IsOwn(request) || IsNobodys(context))
            return next(context);
        return Problems.WriteAsync(context, 403, "Refused: the call may come from another site",
            $"Send the header {Header}: 1, or call from the console's own pages, or use a bearer token.");
    }

    /// <summary>Rides on no cookie and can make none: it will hear that it is not signed in.</summary>
    private static bool IsNobodys(HttpContext context) =>
        context.Request.Headers.Cookie.Count == 0 && context.GetEndpoint()?.Metadata.GetMetadata<Microsoft.AspNetCore.Authorization.IAllowAnonymous>() is null;

    private static bool IsOwn(HttpRequest request)
    {
        if (request.Headers[Header] == "1" || request.Headers["Sec-Fetch-Site"] == "same-origin")
            return true;
        var origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && origin == $"{request.Scheme}://{request.Host}";
    }
}
