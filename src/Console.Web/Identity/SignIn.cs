using System.Security.Claims;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Audit;

namespace OpsConsole.Web.Identity;

public enum SignInVerdict { SignedIn, Refused, CodeNeeded }

/// <param name="User">Who signed in; null unless <see cref="SignInVerdict.SignedIn"/>.</param>
/// <param name="Ticket">With <see cref="SignInVerdict.CodeNeeded"/>: proof that the password was right, good for five minutes.</param>
public sealed record SignInOutcome(SignInVerdict Verdict, ConsoleUser? User, string? Ticket = null);

/// <summary>Password and code. Every refusal looks the same from outside, so that neither accounts nor lockouts can be probed;
/// the audit log has the reason.</summary>
public sealed class SignIn(
    IdentityDb db, UserManager<ConsoleUser> users, SignInManager<ConsoleUser> session, SecondFactor secondFactor,
    IPasswordHasher<ConsoleUser> hasher, IDataProtectionProvider protection, IAuditLog audit, TimeProvider clock)
{
    private static readonly TimeSpan TicketLife = TimeSpan.FromMinutes(5);
    private readonly ITimeLimitedDataProtector tickets = protection.CreateProtector("OpsConsole.SecondStep").ToTimeLimitedDataProtector();

    /// <summary>Verified when there is no such user, so that the answer takes as long.</summary>
    private static readonly ConsoleUser Nobody = new();
    private static readonly Lazy<string> NobodysHash = new(() => new PasswordHasher<ConsoleUser>().HashPassword(Nobody, Secrets.ApiToken()));

    /// <summary>Both in one step, or the first of two when <paramref name="code"/> is missing.</summary>
    public Task<SignInOutcome> WithPasswordAsync(string email, string password, string? code, string? from, CancellationToken cancel) =>
        OneByOneAsync(email, () => TryAsync(email, password, code, from, cancel), cancel);

    /// <summary>The second step of two.</summary>
    public async Task<SignInOutcome> WithCodeAsync(string ticket, string code, string? from, CancellationToken cancel)
    {
        var (id, stamp) = Open(ticket);
        var user = id is null ? null : await users.FindByIdAsync(id);
        if (user is null || user.SecurityStamp != stamp)
            return new SignInOutcome(SignInVerdict.Refused, null);
        return await OneByOneAsync(user.Email!, async () =>
        {
            await db.Entry(user).ReloadAsync(cancel);
            return user.Disabled || await users.IsLockedOutAsync(user)
                ? await RefuseAsync(user.Email!, $"user:{user.Id}", user.Disabled ? "disabled" : "locked", from, cancel)
                : await CodeAsync(user, code, from, cancel);
        }, cancel);
    }

    private Task<SignInOutcome> OneByOneAsync(string email, Func<Task<SignInOutcome>> attempt, CancellationToken cancel) => db.OneByOneAsync(users.NormalizeEmail(email), attempt, cancel);

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
        if (!user.TwoFactorEnabled)
            return await InAsync(user, from, cancel);
        return string.IsNullOrWhiteSpace(code)
            ? new SignInOutcome(SignInVerdict.CodeNeeded, null, tickets.Protect($"{user.Id}|{user.SecurityStamp}", TicketLife))
            : await CodeAsync(user, code, from, cancel);
    }

    private async Task<SignInOutcome> CodeAsync(ConsoleUser user, string code, string? from, CancellationToken cancel)
    {
        var verdict = await secondFactor.VerifyAsync(user, code, cancel);
        return verdict == CodeVerdict.Accepted
            ? await InAsync(user, from, cancel)
            : await CountAsync(user, verdict == CodeVerdict.Used ? "code used before" : "wrong code", from, cancel);
    }

    /// <summary>For somebody whom a passkey or the single sign-on has named; the account may still be disabled or locked.</summary>
    public async Task<SignInOutcome> AsAsync(ConsoleUser user, string method, string[] amr, string? from, CancellationToken cancel) =>
        user.Disabled || await users.IsLockedOutAsync(user)
            ? await RefuseAsync(user.Email!, $"user:{user.Id}", user.Disabled ? "disabled" : "locked", from, cancel)
            : await InAsync(user, method, amr, from, cancel);

    public Task<SignInOutcome> RefusedAsync(string who, string why, string? from, CancellationToken cancel) => RefuseAsync(who, "unknown", why, from, cancel);

    private Task<SignInOutcome> InAsync(ConsoleUser user, string? from, CancellationToken cancel) =>
        InAsync(user, user.TwoFactorEnabled ? "password+totp" : "password", user.TwoFactorEnabled ? ["pwd", "otp"] : ["pwd"], from, cancel);

    private async Task<SignInOutcome> InAsync(ConsoleUser user, string method, string[] amr, string? from, CancellationToken cancel)
    {
        await audit.AppendAsync(new AuditDraft(user.Email!, "session.signIn", $"user:{user.Id}", From: from, After: new { method }), cancel);
        await users.ResetAccessFailedCountAsync(user);
        user.LastSignInAt = clock.GetUtcNow();
        await users.UpdateAsync(user);
        await session.SignInWithClaimsAsync(user, isPersistent: false, amr.Select(a => new Claim("amr", a)));
        return new SignInOutcome(SignInVerdict.SignedIn, user);
    }

    private (string? Id, string? Stamp) Open(string ticket)
    {
        try
        {
            var parts = tickets.Unprotect(ticket).Split('|', 2);
            return (parts[0], parts[1]);
        }
        catch (CryptographicException)
        {
            return default; // forged or older than five minutes
        }
    }

    public async Task OutAsync(ClaimsPrincipal caller, string? from, CancellationToken cancel)
    {
        await audit.AppendAsync(new AuditDraft(caller.Email(), "session.signOut", $"user:{caller.UserId()}", From: from), cancel);
        await session.SignOutAsync();
    }

    private async Task<SignInOutcome> CountAsync(ConsoleUser user, string why, string? from, CancellationToken cancel)
    {
        if (await users.CountFailureAsync(user))
            await audit.AppendAsync(new AuditDraft(user.Email!, "session.lockedOut", $"user:{user.Id}", From: from, After: new { until = user.LockoutEnd }), cancel);
        return await RefuseAsync(user.Email!, $"user:{user.Id}", why, from, cancel);
    }

    private async Task<SignInOutcome> RefuseAsync(string email, string target, string why, string? from, CancellationToken cancel)
    {
        await audit.AppendAsync(new AuditDraft(email, "session.refused", target, From: from, After: new { why }), cancel);
        return new SignInOutcome(SignInVerdict.Refused, null);
    }
}
