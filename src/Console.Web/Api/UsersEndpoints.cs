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
        users.MapPost("", (UserRequest request, HttpContext context, Acting acting, UserDirectory directory) => acting.AsAsync(context, async person =>
        {
            var (user, password) = await directory.CreateAsync(request.Email?.Trim(), request.DisplayName, request.Roles, AdminAct.Of(person), context.RequestAborted);
            return TypedResults.Created($"/api/v1/users/{user.Id}", new NewUserView(user.Id, user.Email, user.Roles, password));
        })).WithSummary("Make a user; the one-time password is shown once").Produces<NewUserView>(201);
        users.MapPut("/{id:guid}/roles", (Guid id, RolesRequest request, HttpContext context, Acting acting, UserDirectory directory) => acting.AsAsync(context, async person =>
            TypedResults.Ok(await directory.SetRolesAsync(id, request.Roles, AdminAct.Of(person, request.Reason), context.RequestAborted))))
            .WithSummary("Set a user's roles").Produces<UserView>();
        Change(users, "disable", "Disable a user: sessions end, tokens stop", (directory, id, act, cancel) => directory.SetDisabledAsync(id, true, act, cancel));
        Change(users, "enable", "Enable a user again", (directory, id, act, cancel) => directory.SetDisabledAsync(id, false, act, cancel));
        Change(users, "unlock", "End a lockout", (directory, id, act, cancel) => directory.UnlockAsync(id, act, cancel));
        users.MapPost("/{id:guid}/reset", (Guid id, ReasonRequest? request, HttpContext context, Acting acting, UserDirectory directory) => acting.AsAsync(context, async person =>
        {
            var (user, password) = await directory.ResetAsync(id, AdminAct.Of(person, request?.Reason), context.RequestAborted);
            return TypedResults.Ok(new NewUserView(user.Id, user.Email, user.Roles, password));
        })).WithSummary("New one-time password; second factor and tokens are gone").Produces<NewUserView>();

        var tokens = api.MapGroup("/tokens").WithTags("Users").RequireAuthorization(Policies.ManageUsers);
        tokens.MapGet("", async (TokenLedger ledger, CancellationToken cancel) => new Page<TokenView>(await ledger.ListAsync(null, cancel))).WithSummary("Everybody's API tokens");
        tokens.MapDelete("/{id:guid}", async (Guid id, HttpContext context, TokenLedger ledger, CancellationToken cancel) =>
            await ledger.RevokeAsync(id, null, context.User.Email(), context.From(), cancel)
                ? Results.NoContent() : Problems.Result(404, "Not found", "No live token has this id.")).WithSummary("Revoke anybody's token");
    }

    private static void Change(RouteGroupBuilder users, string verb, string summary, Func<UserDirectory, Guid, AdminAct, CancellationToken, Task<UserView>> change) =>
        users.MapPost($"/{{id:guid}}/{verb}", (Guid id, ReasonRequest? request, HttpContext context, Acting acting, UserDirectory directory) => acting.AsAsync(context, async person =>
            TypedResults.Ok(await change(directory, id, AdminAct.Of(person, request?.Reason), context.RequestAborted)))).WithSummary(summary).Produces<UserView>();
}
