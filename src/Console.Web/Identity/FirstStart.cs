using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;

namespace OpsConsole.Web.Identity;

/// <summary>Roles, and on the very first start an administrator with a one-time password, printed once on stdout. There is no default password.</summary>
public sealed class FirstStart(IdentityDb db, UserManager<ConsoleUser> users, RoleManager<ConsoleRole> roles, IOptions<AccessOptions> options, IAuditLog audit, TimeProvider clock)
{
    private const long LockKey = 0x4F70_7346_6972_7374; // "OpsFirst"

    public async Task RunAsync(CancellationToken cancel)
    {
        var known = await db.Roles.Select(r => r.Name!).ToListAsync(cancel);
        if (!Roles.All.Except(known).Any() && await db.Users.AnyAsync(cancel))
            return;

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({LockKey})", cancel);
        foreach (var role in Roles.All)
            if (!await roles.RoleExistsAsync(role))
                Ensure(await roles.CreateAsync(new ConsoleRole { Id = Guid.CreateVersion7(clock.GetUtcNow()), Name = role }));
        var password = await db.Users.AnyAsync(cancel) ? null : await CreateAsync(cancel);
        await transaction.CommitAsync(cancel);
        if (password is not null)
            await Console.Out.WriteLineAsync($"OpsConsole first administrator: {options.Value.FirstAdministrator} one-time password: {password}");
    }

    private async Task<string> CreateAsync(CancellationToken cancel)
    {
        var password = Secrets.OneTimePassword();
        var now = clock.GetUtcNow();
        var email = options.Value.FirstAdministrator;
        var user = new ConsoleUser { Id = Guid.CreateVersion7(now), UserName = email, Email = email, DisplayName = "First administrator", MustChangePassword = true, CreatedAt = now };
        Ensure(await users.CreateAsync(user, password));
        Ensure(await users.AddToRoleAsync(user, Roles.Administrator));
        await audit.AppendAsync(new AuditDraft("system", "user.create", $"user:{user.Id}", "first start", After: new { roles = new[] { Roles.Administrator } }), cancel);
        return password;
    }

    private static void Ensure(IdentityResult result)
    {
        if (!result.Succeeded)
            throw new InvalidOperationException("The first administrator cannot be made: " + string.Join(" ", result.Errors.Select(e => e.Description)));
    }
}
