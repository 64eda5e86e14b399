using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Identity;

public sealed record UserView(
    Guid Id, string Email, string DisplayName, IReadOnlyList<string> Roles, bool Disabled, DateTimeOffset? LockedUntil, bool TotpEnabled,
    bool MustChangePassword, DateTimeOffset CreatedAt, DateTimeOffset? LastSignInAt);

/// <param name="By">the administrator's e-mail address</param>
/// <param name="StepUp">the second factor that came with the call</param>
public sealed record AdminAct(Guid ById, string By, string? From, string? Reason = null, StepUpProof? StepUp = null)
{
    public static AdminAct Of(Person person, string? reason = null) => new(Guid.Parse(person.Id), person.Email, person.From, reason, person.StepUp);
}

/// <summary>What administrators do with users. Each change and its audit entry are one transaction's worth: without the entry, no change.
/// What gives somebody power takes a fresh second factor (<see cref="StepUpRequiredException"/>); what takes it away does not.</summary>
public sealed class UserDirectory(IdentityDb db, UserManager<ConsoleUser> users, IOptions<AccessOptions> options, IAuditLog audit, TimeProvider clock)
{
    public async Task<IReadOnlyList<UserView>> ListAsync(CancellationToken cancel)
    {
        var roles = (await db.UserRoles.Join(db.Roles, r => r.RoleId, r => r.Id, (u, r) => new { u.UserId, r.Name }).ToListAsync(cancel))
            .ToLookup(r => r.UserId, r => r.Name!);
        return (await db.Users.AsNoTracking().OrderBy(u => u.Email).ToListAsync(cancel)).Select(u => View(u, roles[u.Id])).ToList();
    }

    public async Task<UserView?> FindAsync(Guid id) =>
        await users.FindByIdAsync(id.ToString()) is { } user ? View(user, await users.GetRolesAsync(user)) : null;

    /// <returns>The user and a one-time password, which is shown this once.</returns>
    public async Task<(UserView User, string OneTimePassword)> CreateAsync(string? email, string? displayName, IReadOnlyList<string>? roles, AdminAct act, CancellationToken cancel)
    {
        var errors = new Dictionary<string, string[]>();
        if (!EmailAddress.IsValid(email))
            errors["email"] = [EmailAddress.Remedy];
        else if (await users.FindByEmailAsync(email!) is not null)
            errors["email"] = ["There is a user with this address already."];
        if (displayName?.Length > 100)
            errors["displayName"] = ["Use at most 100 characters."];
        CheckRoles(roles, errors);
        if (errors.Count > 0)
            throw new RuleException(errors);
        await RequireProofAsync(act, cancel);

        var password = Secrets.OneTimePassword();
        var now = clock.GetUtcNow();
        var user = new ConsoleUser
        {
            Id = Guid.CreateVersion7(now), UserName = email, Email = email, DisplayName = string.IsNullOrWhiteSpace(displayName) ? email!.Split('@')[0] : displayName.Trim(),
            MustChangePassword = true, OneTimePasswordExpiresAt = now.AddHours(options.Value.OneTimePasswordHours), CreatedAt = now,
        };
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        Ensure(await users.CreateAsync(user, password));
        Ensure(await users.AddToRolesAsync(user, roles!.Distinct()));
        await LinkToMakerAsync(user.Id, act, cancel);
        await audit.AppendAsync(new AuditDraft(act.By, "user.create", $"user:{user.Id}", act.Reason, act.From, After: new { roles }), cancel);
        await transaction.CommitAsync(cancel);
        return (View(user, roles!), password);
    }

    public async Task<UserView> SetRolesAsync(Guid id, IReadOnlyList<string>? roles, AdminAct act, CancellationToken cancel)
    {
        var errors = new Dictionary<string, string[]>();
        CheckRoles(roles, errors);
        if (errors.Count > 0)
            throw new RuleException(errors);
        await RequireProofAsync(act, cancel);
        return await ChangeAsync(id, "user.roles", act, async user =>
        {
            var before = await users.GetRolesAsync(user);
            if (before.Contains(Roles.Administrator) && !roles!.Contains(Roles.Administrator))
                await KeepOneAdministratorAsync(user, "roles", cancel);
            Ensure(await users.RemoveFromRolesAsync(user, before.Except(roles!)));
            Ensure(await users.AddToRolesAsync(user, roles!.Except(before)));
            Ensure(await users.UpdateSecurityStampAsync(user));
            return (new { roles = before.Order() }, new { roles = roles!.Order() });
        }, cancel);
    }

    public async Task<UserView> SetDisabledAsync(Guid id, bool disabled, AdminAct act, CancellationToken cancel)
    {
        if (!disabled)
            await RequireProofAsync(act, cancel);
        return await ChangeAsync(id, disabled ? "user.disable" : "user.enable", act, async user =>
        {
            if (disabled && user.Id == act.ById)
                throw new RuleException("", "Nobody disables their own account; ask another administrator.");
            if (disabled && await users.IsInRoleAsync(user, Roles.Administrator))
                await KeepOneAdministratorAsync(user, "", cancel);
            var before = user.Disabled;
            user.Disabled = disabled;
            Ensure(await users.UpdateSecurityStampAsync(user));
            return (new { disabled = before }, new { disabled });
        }, cancel);
    }

    public Task<UserView> UnlockAsync(Guid id, AdminAct act, CancellationToken cancel) =>
        ChangeAsync(id, "user.unlock", act, async user =>
        {
            var before = user.LockoutEnd;
            Ensure(await users.ResetAccessFailedCountAsync(user));
            Ensure(await users.SetLockoutEndDateAsync(user, null));
            return (new { lockedUntil = before }, new { lockedUntil = (DateTimeOffset?)null });
        }, cancel);

    /// <summary>Password, second factors (passkeys, too), linked sign-ins and tokens are gone; a new one-time password is made.</summary>
    public async Task<(UserView User, string OneTimePassword)> ResetAsync(Guid id, AdminAct act, CancellationToken cancel)
    {
        await RequireProofAsync(act, cancel);
        var password = Secrets.OneTimePassword();
        var view = await ChangeAsync(id, "user.reset", act, async user =>
        {
            var now = clock.GetUtcNow();
            user.MustChangePassword = true;
            user.OneTimePasswordExpiresAt = now.AddHours(options.Value.OneTimePasswordHours);
            user.TotpSecret = user.PendingTotpSecret = null;
            user.TwoFactorEnabled = false;
            Ensure(await users.RemovePasswordAsync(user));
            Ensure(await users.AddPasswordAsync(user, password));
            Ensure(await users.SetLockoutEndDateAsync(user, null));
            Ensure(await users.ResetAccessFailedCountAsync(user));
            await db.ApiTokens.Where(t => t.UserId == id && t.RevokedAt == null).ExecuteUpdateAsync(t => t.SetProperty(x => x.RevokedAt, now), cancel);
            await db.Set<IdentityUserPasskey<Guid>>().Where(p => p.UserId == id).ExecuteDeleteAsync(cancel);
            await db.UserLogins.Where(l => l.UserId == id).ExecuteDeleteAsync(cancel);
            await LinkToMakerAsync(id, act, cancel);
            return (null, null);
        }, cancel);
        return (view, password);
    }

    /// <summary>While nobody else has ever signed in there is nobody whom an administrator could get round: the first people are made
    /// without a second factor, and count as people of their own.</summary>
    public async Task<bool> IsFirstSetUpAsync(Guid administrator, CancellationToken cancel) =>
        !await db.Users.AnyAsync(u => u.Id != administrator && u.LastSignInAt != null, cancel);

    private async Task RequireProofAsync(AdminAct act, CancellationToken cancel)
    {
        if (act.StepUp is null && !await IsFirstSetUpAsync(act.ById, cancel))
            throw new StepUpRequiredException();
    }

    /// <summary>Whoever holds the one-time password may be the administrator: for a day both count as one person.</summary>
    private async Task LinkToMakerAsync(Guid id, AdminAct act, CancellationToken cancel)
    {
        if (!await IsFirstSetUpAsync(act.ById, cancel))
            await db.KeepIdentityAsync(id, KnownIdentities.MadeBy(act.ById), clock.GetUtcNow() + KnownIdentities.MakerCounts, cancel);
    }

    private async Task<UserView> ChangeAsync(Guid id, string action, AdminAct act, Func<ConsoleUser, Task<(object? Before, object? After)>> change, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var user = await users.FindByIdAsync(id.ToString()) ?? throw new KeyNotFoundException($"There is no user {id}.");
        var (before, after) = await change(user);
        await audit.AppendAsync(new AuditDraft(act.By, action, $"user:{id}", act.Reason, act.From, before, after), cancel);
        await transaction.CommitAsync(cancel);
        return View(user, await users.GetRolesAsync(user));
    }

    /// <summary>The administrators' rows are locked first, so that two requests cannot take away each other's last one.</summary>
    private async Task KeepOneAdministratorAsync(ConsoleUser leaving, string field, CancellationToken cancel)
    {
        await db.Database.ExecuteSqlAsync($"""SELECT 1 FROM identity.role WHERE "Name" = {Roles.Administrator} FOR UPDATE""", cancel);
        var others = await users.GetUsersInRoleAsync(Roles.Administrator);
        if (others.All(u => u.Id == leaving.Id || u.Disabled))
            throw new RuleException(field, "This is the last administrator; make another one first.");
    }

    private static void CheckRoles(IReadOnlyList<string>? roles, Dictionary<string, string[]> errors)
    {
        if (roles is not { Count: > 0 })
            errors["roles"] = [$"Give at least one of {string.Join(", ", Roles.All)}."];
        else if (roles.Except(Roles.All).ToList() is { Count: > 0 } unknown)
            errors["roles"] = [$"Unknown: {string.Join(", ", unknown)}. Use {string.Join(", ", Roles.All)}."];
    }

    private static void Ensure(IdentityResult result)
    {
        if (!result.Succeeded)
            throw new RuleException("", string.Join(" ", result.Errors.Select(e => e.Description)));
    }

    private UserView View(ConsoleUser u, IEnumerable<string> roles) => new(
        u.Id, u.Email!, u.DisplayName, roles.Order(StringComparer.Ordinal).ToList(), u.Disabled, u.LockoutEnd > clock.GetUtcNow() ? u.LockoutEnd : null,
        u.TwoFactorEnabled, u.MustChangePassword, u.CreatedAt, u.LastSignInAt);
}
