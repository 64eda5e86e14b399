using System.Security.Claims;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace OpsConsole.Web.Identity;

/// <summary>What a session knows of its user; written again whenever the security stamp is checked.</summary>
public sealed class ConsoleClaims(UserManager<ConsoleUser> users, RoleManager<ConsoleRole> roles, IOptions<IdentityOptions> options)
    : UserClaimsPrincipalFactory<ConsoleUser, ConsoleRole>(users, roles, options)
{
    protected override async Task<ClaimsIdentity> GenerateClaimsAsync(ConsoleUser user)
    {
        var identity = await base.GenerateClaimsAsync(user);
        identity.AddClaim(new Claim(Caller.DisplayName, user.DisplayName));
        if (user.MustChangePassword)
            identity.AddClaim(new Claim(Caller.MustChangePassword, "true"));
        if (user.TwoFactorEnabled)
            identity.AddClaim(new Claim(Caller.Enrolled, "true"));
        return identity;
    }
}
