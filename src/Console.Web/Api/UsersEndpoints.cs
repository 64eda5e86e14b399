using OpsConsole.Core.Approvals;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

public sealed record UserRequest(string? Email, string? DisplayName, IReadOnlyList<string>? Roles);

public sealed record RolesRequest(IReadOnlyList<string>? Roles, string? Reason);

public sealed record ReasonRequest(string? Reason);

public sealed record NewUserView(Guid Id, string Email, IReadOnlyList<string> Roles, string OneTimePassword);

public static class UsersEndpoints
{
    public static void MapUsers(this RouteGroupBuilder api)
    {
        var users = api.MapGroup("/users").WithTags("Users").RequireAuthorization(Policies.ManageUsers);
        users.MapGet("", async (UserDirectory directory, CancellationToken cancel) => new Page<UserView>(await directory.ListAsync(cancel))).WithSummary("All users");
        users.MapGet("/{id:guid}", async (Guid id, UserDirectory directory) =>
            await directory.FindAsync(id) ?? throw new KeyNotFoundException($"There is no user {id}.")).WithSummary("One user");
        users.MapPost("", async (UserRequest request, HttpContext context, UserDirectory directory, CancellationToken cancel) =>
        {
            var (user, password) = await directory.CreateAsync(request.Email?.Trim(), request.DisplayName, request.Roles, Act(context), cancel);
            return TypedResults.Created($"/api/v1/users/{user.Id}", new NewUserView(user.Id, user.Email, user.Roles, password));
        }).WithSummary("Make a user; the one-time password is shown once");
        users.MapPut("/{id:guid}/roles", (Guid id, RolesRequest request, HttpContext context, UserDirectory directory, CancellationToken cancel) =>
            directory.SetRolesAsync(id, request.Roles, Act(context, request.Reason), cancel)).WithSummary("Set a user's roles");
        users.MapPost("/{id:guid}/disable", (Guid id, ReasonRequest? request, HttpContext context, UserDirectory directory, CancellationToken cancel) =>
            directory.SetDisabledAsync(id, true, Act(context, request?.Reason), cancel)).WithSummary("Disable a user: sessions end, tokens stop");
        users.MapPost("/{id:guid}/enable", (Guid id, ReasonRequest? request, HttpContext context, UserDirectory directory, CancellationToken cancel) =>
            directory.SetDisabledAsync(id, false, Act(context, request?.Reason), cancel)).WithSummary("Enable a user again");
        users.MapPost("/{id:guid}/unlock", (Guid id, ReasonRequest? request, HttpContext context, UserDirectory directory, CancellationToken cancel) =>
            directory.UnlockAsync(id, Act(context, request?.Reason), cancel)).WithSummary("End a lockout");
        users.MapPost("/{id:guid}/reset", async (Guid id, ReasonRequest? request, HttpContext context, UserDirectory directory, CancellationToken cancel) =>
        {
            var (user, password) = await directory.ResetAsync(id, Act(context, request?.Reason), cancel);
            return TypedResults.Ok(new NewUserView(user.Id, user.Email, user.Roles, password));
        }).WithSummary("New one-time password; second factor and tokens are gone");

        var tokens = api.MapGroup("/tokens").WithTags("Users").RequireAuthorization(Policies.ManageUsers);
        tokens.MapGet("", async (TokenLedger ledger, CancellationToken cancel) => new Page<TokenView>(await ledger.ListAsync(null, cancel))).WithSummary("Everybody's API tokens");
        tokens.MapDelete("/{id:guid}", async (Guid id, HttpContext context, TokenLedger ledger, CancellationToken cancel) =>
            await ledger.RevokeAsync(id, null, context.User.Email(), context.From(), cancel)
                ? Results.NoContent() : Problems.Result(404, "Not found", "No live token has this id.")).WithSummary("Revoke anybody's token");
    }

    private static AdminAct Act(HttpContext context, string? reason = null) => new(context.User.UserId(), context.User.Email(), context.From(), reason);
}
