using Microsoft.AspNetCore.Identity;
using OpsConsole.Core.Audit;

namespace OpsConsole.Web.Identity;

/// <summary>What people do with their own account.</summary>
public sealed class Accounts(IdentityDb db, UserManager<ConsoleUser> users, SignInManager<ConsoleUser> session, IAuditLog audit)
{
    /// <summary>Ends every other session of the user (security stamp) and refreshes this one.</summary>
    /// <exception cref="RuleException">The current password is wrong or the new one too weak.</exception>
    public async Task ChangePasswordAsync(ConsoleUser user, string current, string replacement, string? from, CancellationToken cancel)
    {
        if (await users.IsLockedOutAsync(user))
            throw new RuleException("currentPassword", "The account is locked after too many wrong passwords; try again later.");
        if (!await users.CheckPasswordAsync(user, current))
        {
            await users.AccessFailedAsync(user);
            throw new RuleException("currentPassword", "This is not the current password.");
        }
        if (current == replacement)
            throw new RuleException("newPassword", "Choose a password that differs from the current one.");

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        user.MustChangePassword = false;
        user.OneTimePasswordExpiresAt = null;
        var result = await users.ChangePasswordAsync(user, current, replacement);
        if (!result.Succeeded)
            throw new RuleException(new Dictionary<string, string[]> { ["newPassword"] = result.Errors.Select(e => e.Description).ToArray() });
        await audit.AppendAsync(new AuditDraft(user.Email!, "account.passwordChange", $"user:{user.Id}", From: from), cancel);
        await transaction.CommitAsync(cancel);
        await session.RefreshSignInAsync(user);
    }
}

/// <summary>Words that people use for themselves make poor passwords.</summary>
public sealed class PasswordNotOneself : IPasswordValidator<ConsoleUser>
{
    public Task<IdentityResult> ValidateAsync(UserManager<ConsoleUser> manager, ConsoleUser user, string? password)
    {
        var name = user.Email?.Split('@')[0] ?? "";
        var poor = name.Length >= 4 && password?.Contains(name, StringComparison.OrdinalIgnoreCase) == true;
        return Task.FromResult(poor
            ? IdentityResult.Failed(new IdentityError { Code = "PasswordContainsName", Description = "The password must not contain the name in the e-mail address." })
            : IdentityResult.Success);
    }
}
