using System.Security.Claims;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Audit;

namespace OpsConsole.Web.Identity;

public enum SignInVerdict { SignedIn, Refused, CodeNeeded }

/// <param name="User">Who signed in; null unless <see cref="SignInVerdict.SignedIn"/>.</param>
public sealed record SignInOutcome(SignInVerdict Verdict, ConsoleUser? User);

/// <summary>Password and code. Every refusal looks the same from outside, so that neither accounts nor lockouts can be probed;
/// the audit log has the reason.</summary>
public sealed class SignIn(
    IdentityDb db, UserManager<ConsoleUser> users, SignInManager<ConsoleUser> session, SecondFactor secondFactor,
    IPasswordHasher<ConsoleUser> hasher, IAuditLog audit, TimeProvider clock)
{
    /// <summary>Verified when there is no such user, so that the answer takes as long.</summary>
    private static readonly ConsoleUser Nobody = new();
    private static readonly Lazy<string> NobodysHash = new(() => new PasswordHasher<ConsoleUser>().HashPassword(Nobody, Secrets.ApiToken()));

    /// <summary>Tries for one user run one after another (row lock), so that parallel guesses cannot slip past the lockout.</summary>
    public async Task<SignInOutcome> WithPasswordAsync(string email, string password, string? code, string? from, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var normalized = users.NormalizeEmail(email);
        await db.Database.ExecuteSqlAsync($"""SELECT 1 FROM identity."user" WHERE "NormalizedEmail" = {normalized} FOR UPDATE""", cancel);
        var outcome = await TryAsync(email, password, code, from, cancel);
        await transaction.CommitAsync(cancel);
        return outcome;
    }

    private async Task<SignInOutcome> TryAsync(string email, string password, string? code, string? from, CancellationToken cancel)
    {
        var user = await users.FindByEmailAsync(email);
        if (user is null)
        {
            hasher.VerifyHashedPassword(Nobody, NobodysHash.Value, password);
            return await RefuseAsync(email, "unknown", "no such user", from, cancel);
        }
        if (user.Disabled || await users.IsLockedOutAsync(user))
        {
            hasher.VerifyHashedPassword(Nobody, NobodysHash.Value, password);
            return await RefuseAsync(email, $"user:{user.Id}", user.Disabled ? "disabled" : "locked", from, cancel);
        }
        if (!await users.CheckPasswordAsync(user, password))
            return await CountAsync(user, "wrong password", from, cancel);
        if (user.MustChangePassword && user.OneTimePasswordExpiresAt <= clock.GetUtcNow())
            return await RefuseAsync(email, $"user:{user.Id}", "one-time password expired", from, cancel);
        if (user.TwoFactorEnabled)
        {
            if (string.IsNullOrWhiteSpace(code))
                return new SignInOutcome(SignInVerdict.CodeNeeded, null);
            var verdict = await secondFactor.VerifyAsync(user, code, cancel);
            if (verdict != CodeVerdict.Accepted)
                return await CountAsync(user, verdict == CodeVerdict.Used ? "code used before" : "wrong code", from, cancel);
        }

        await audit.AppendAsync(new AuditDraft(user.Email!, "session.signIn", $"user:{user.Id}", From: from,
            After: new { method = user.TwoFactorEnabled ? "password+totp" : "password" }), cancel);
        await users.ResetAccessFailedCountAsync(user);
        user.LastSignInAt = clock.GetUtcNow();
        await users.UpdateAsync(user);
        await session.SignInWithClaimsAsync(user, isPersistent: false, [new Claim("amr", "pwd"), .. user.TwoFactorEnabled ? [new Claim("amr", "otp")] : Array.Empty<Claim>()]);
        return new SignInOutcome(SignInVerdict.SignedIn, user);
    }

    public async Task OutAsync(ClaimsPrincipal caller, string? from, CancellationToken cancel)
    {
        await audit.AppendAsync(new AuditDraft(caller.Email(), "session.signOut", $"user:{caller.UserId()}", From: from), cancel);
        await session.SignOutAsync();
    }

    private async Task<SignInOutcome> CountAsync(ConsoleUser user, string why, string? from, CancellationToken cancel)
    {
        await users.AccessFailedAsync(user);
        if (await users.IsLockedOutAsync(user))
            await audit.AppendAsync(new AuditDraft(user.Email!, "session.lockedOut", $"user:{user.Id}", From: from, After: new { until = user.LockoutEnd }), cancel);
        return await RefuseAsync(user.Email!, $"user:{user.Id}", why, from, cancel);
    }

    private async Task<SignInOutcome> RefuseAsync(string email, string target, string why, string? from, CancellationToken cancel)
    {
        await audit.AppendAsync(new AuditDraft(email, "session.refused", target, From: from, After: new { why }), cancel);
        return new SignInOutcome(SignInVerdict.Refused, null);
    }
}
