using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using OpsConsole.Core.Approvals;

namespace OpsConsole.Web.Identity;

/// <summary>One per entry of <see cref="Policies.RolesFor"/>; pages and API name the same policies.</summary>
public sealed record Permission(string Policy, IReadOnlyList<string> Roles) : IAuthorizationRequirement;

public sealed class PermissionHandler : AuthorizationHandler<Permission>
{
    public const string PasswordReason = "A one-time password must be changed first.";
    public const string ScopeReason = "The token's scopes do not cover this.";

    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, Permission requirement)
    {
        if (context.User.HasClaim(c => c.Type == Caller.MustChangePassword) && requirement.Policy != Policies.OwnAccount)
            context.Fail(new AuthorizationFailureReason(this, PasswordReason));
        else if (context.User.IsToken() && !TokenScopes.Allow(context.User.FindAll(Caller.Scope).Select(c => c.Value), requirement.Policy))
            context.Fail(new AuthorizationFailureReason(this, ScopeReason));
        else if (requirement.Roles.Any(role => context.User.HasClaim(ClaimTypes.Role, role)))
            context.Succeed(requirement);
        return Task.CompletedTask;
    }
}
