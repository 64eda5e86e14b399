using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using OpsConsole.Web.Hosting;

namespace OpsConsole.Web.Identity;

/// <summary>Programs get 401 and 403 as problem details and are never redirected; people are led to the page that helps.</summary>
public sealed class AccessResults(RefusedTries refusals) : IAuthorizationMiddlewareResultHandler
{
    private static readonly string[] Programs = ["/api", "/hubs", "/openapi", "/metrics", "/_blazor"];

    public static bool IsForPrograms(PathString path) => Programs.Any(p => path.StartsWithSegments(p));

    public async Task HandleAsync(RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult)
    {
        if (authorizeResult.Succeeded)
        {
            await next(context);
            return;
        }
        var mustChange = authorizeResult.AuthorizationFailure?.FailureReasons.Any(r => r.Message == PermissionHandler.PasswordReason) == true;
        if (!IsForPrograms(context.Request.Path))
        {
            var here = Uri.EscapeDataString(context.Request.Path + context.Request.QueryString);
            context.Response.Redirect(authorizeResult.Challenged ? $"/signin?returnUrl={here}" : mustChange ? "/account/password" : "/denied");
            return;
        }
        if (authorizeResult.Challenged)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            await Problems.NotSignedIn().ExecuteAsync(context);
            return;
        }
        if (mustChange)
        {
            await Problems.WriteAsync(context, 403, "The one-time password must be changed first", "Use PUT /api/v1/me/password.", ("mustChangePassword", true));
            return;
        }
        var scope = authorizeResult.AuthorizationFailure?.FailureReasons.Any(r => r.Message == PermissionHandler.ScopeReason) == true;
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
            await refusals.RecordAsync(context, scope ? RefusedTries.Scope : RefusedTries.Role);
        await Problems.WriteAsync(context, 403, "Not allowed", scope
            ? "The token's scopes do not cover this call; make a token with a wider scope."
            : "Your roles do not allow this; ask an administrator for the role it needs.");
    }
}
