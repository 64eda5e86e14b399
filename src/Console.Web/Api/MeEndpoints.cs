using Microsoft.AspNetCore.Identity;
using OpsConsole.Core.Approvals;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

public sealed record MeView(Guid Id, string Email, string DisplayName, IReadOnlyList<string> Roles, IReadOnlyList<string> Permissions, bool MustChangePassword, bool TotpEnabled);

public sealed record PasswordRequest(string? CurrentPassword, string? NewPassword);

public sealed record CodeRequest(string? Code);

public sealed record TotpView(string Secret, string Uri);

public sealed record TokenRequest(string? Name, int? ExpiresInDays, IReadOnlyList<string>? Scopes);

public sealed record NewTokenView(Guid Id, string Token, string Name, IReadOnlyList<string> Scopes, DateTimeOffset ExpiresAt);

public static class MeEndpoints
{
    public static void MapMe(this RouteGroupBuilder api)
    {
        var me = api.MapGroup("/me").WithTags("Account");
        me.MapGet("", MeAsync).RequireAuthorization(Policies.OwnAccount).WithSummary("Who am I, and what may I do");
        me.MapPut("/password", PasswordAsync).RequireAuthorization(Policies.OwnAccount).WithSummary("Change the password; ends the other sessions");
        me.MapPost("/totp", BeginTotpAsync).RequireAuthorization(Policies.ManageAccount).WithSummary("Begin to enrol an authenticator app").Produces<TotpView>();
        me.MapPost("/totp/confirm", ConfirmTotpAsync).RequireAuthorization(Policies.ManageAccount).WithSummary("Finish with the first code");
        me.MapGet("/tokens", async (HttpContext context, TokenLedger tokens, CancellationToken cancel) =>
            TypedResults.Ok(new Page<TokenView>(await tokens.ListAsync(context.User.UserId(), cancel)))).RequireAuthorization(Policies.ManageAccount).WithSummary("My API tokens");
        me.MapPost("/tokens", CreateTokenAsync).RequireAuthorization(Policies.ManageAccount).WithSummary("Make an API token; it is shown once");
        me.MapDelete("/tokens/{id:guid}", async (Guid id, HttpContext context, TokenLedger tokens, CancellationToken cancel) =>
            await tokens.RevokeAsync(id, context.User.UserId(), context.User.Email(), context.From(), cancel)
                ? Results.NoContent() : Problems.Result(404, "Not found", "None of your live tokens has this id."))
            .RequireAuthorization(Policies.ManageAccount).WithSummary("Revoke one of my tokens");
    }

    private static async Task<MeView> MeAsync(HttpContext context, UserDirectory directory)
    {
        var user = await directory.FindAsync(context.User.UserId()) ?? throw new KeyNotFoundException("The user is gone.");
        var permissions = Policies.RolesFor.Where(p => p.Value.Intersect(user.Roles).Any()).Select(p => p.Key).ToList();
        return new MeView(user.Id, user.Email, user.DisplayName, user.Roles, permissions, user.MustChangePassword, user.TotpEnabled);
    }

    private static async Task<IResult> PasswordAsync(PasswordRequest request, HttpContext context, UserManager<ConsoleUser> users, Accounts accounts, CancellationToken cancel)
    {
        await accounts.ChangePasswordAsync(await UserAsync(context, users), request.CurrentPassword ?? "", request.NewPassword ?? "", context.From(), cancel);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> BeginTotpAsync(HttpContext context, UserManager<ConsoleUser> users, SecondFactor secondFactor, StepUp stepUp, CancellationToken cancel)
    {
        var user = await UserAsync(context, users);
        if (await stepUp.RefusalWhenEnrolledAsync(context, cancel) is { } refusal)
            return refusal;
        var (secret, uri) = await secondFactor.BeginAsync(user, cancel);
        return TypedResults.Ok(new TotpView(secret, uri));
    }

    private static async Task<IResult> ConfirmTotpAsync(CodeRequest request, HttpContext context, UserManager<ConsoleUser> users, SecondFactor secondFactor, CancellationToken cancel) =>
        await secondFactor.ConfirmAsync(await UserAsync(context, users), request.Code ?? "", context.From(), cancel) switch
        {
            CodeVerdict.Accepted => Results.NoContent(),
            CodeVerdict.Used => Problems.Result(403, "The code was used before", "Wait for the next code of the app, at most 30 s.", ("codeUsed", true)),
            CodeVerdict.NotEnrolled => throw new RuleException("code", "Begin with POST /api/v1/me/totp."),
            _ => throw new RuleException("code", "This code does not match; check that the app's clock is right and type the current six digits."),
        };

    private static async Task<IResult> CreateTokenAsync(TokenRequest request, HttpContext context, TokenLedger tokens, CancellationToken cancel)
    {
        var (record, token) = await tokens.CreateAsync(context.User.UserId(), context.User.Email(), request.Name, request.ExpiresInDays, request.Scopes, context.From(), cancel);
        return TypedResults.Created($"/api/v1/me/tokens/{record.Id}", new NewTokenView(record.Id, token, record.Name, record.Scopes, record.ExpiresAt));
    }

    private static async Task<ConsoleUser> UserAsync(HttpContext context, UserManager<ConsoleUser> users) =>
        await users.FindByIdAsync(context.User.UserId().ToString()) ?? throw new KeyNotFoundException("The user is gone.");
}
