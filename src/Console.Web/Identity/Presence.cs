using Microsoft.AspNetCore.Identity;
using OpsConsole.Core.Audit;

namespace OpsConsole.Web.Identity;

/// <summary>Whether somebody who is signed in is there in person: a code or a passkey's assertion. Wrong ones count towards the lockout.</summary>
public sealed class Presence(IdentityDb db, UserManager<ConsoleUser> users, SecondFactor secondFactor, Passkeys passkeys, IAuditLog audit)
{
    /// <summary>Whether there is anything to prove it with. Who has something shows it before adding or replacing a factor, or linking an
    /// identity: a stolen session must not become a stolen account.</summary>
    public async Task<bool> IsEnrolledAsync(ConsoleUser user) => user.TwoFactorEnabled || (await passkeys.ListAsync(user)).Count > 0;

    /// <param name="code">of the authenticator app; empty: the assertion counts</param>
    /// <param name="what">for the audit log: what it was asked for</param>
    public Task<CodeVerdict> ProveAsync(ConsoleUser user, string code, string assertion, string what, string? from, CancellationToken cancel) =>
        db.OneByOneAsync(user.NormalizedEmail!, async () =>
        {
            await db.Entry(user).ReloadAsync(cancel);
            if (await users.IsLockedOutAsync(user))
                return CodeVerdict.Locked;
            var verdict = code.Length > 0 ? await secondFactor.VerifyAsync(user, code, cancel) : await passkeys.VerifyAsync(user, assertion, cancel);
            if (verdict == CodeVerdict.Wrong)
                await CountAsync(user, what, from, cancel);
            return verdict;
        }, cancel);

    private async Task CountAsync(ConsoleUser user, string what, string? from, CancellationToken cancel)
    {
        var locked = await users.CountFailureAsync(user);
        await audit.AppendAsync(new AuditDraft(user.Email!, "account.stepUpRefused", what, From: from), cancel);
        if (locked)
            await audit.AppendAsync(new AuditDraft(user.Email!, "session.lockedOut", $"user:{user.Id}", From: from, After: new { until = user.LockoutEnd }), cancel);
    }
}
