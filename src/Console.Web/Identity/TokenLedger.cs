using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Audit;

namespace OpsConsole.Web.Identity;

public sealed record TokenView(Guid Id, string Name, IReadOnlyList<string> Scopes, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? LastUsedAt, DateTimeOffset? RevokedAt, string Owner);

/// <summary>Personal API tokens: made, listed, revoked.</summary>
public sealed class TokenLedger(IdentityDb db, IOptions<AccessOptions> options, IAuditLog audit, TimeProvider clock)
{
    public const int DefaultDays = 90;
    private const int MostPerUser = 50;

    /// <returns>The token's id and the token, which is shown this once.</returns>
    /// <exception cref="RuleException">A field is wrong, or the user has too many tokens.</exception>
    public async Task<(ApiToken Record, string Token)> CreateAsync(Guid user, string actor, string? name, int? expiresInDays, IReadOnlyList<string>? scopes, string? from, CancellationToken cancel)
    {
        var errors = new Dictionary<string, string[]>();
        var days = expiresInDays ?? DefaultDays;
        if (string.IsNullOrWhiteSpace(name) || name.Length > 100)
            errors["name"] = ["Give the token a name of 1 to 100 characters that says where it is used."];
        if (days < 1 || days > options.Value.TokenDays)
            errors["expiresInDays"] = [$"Give 1 to {options.Value.TokenDays} days."];
        var wanted = scopes is { Count: > 0 } ? scopes.Distinct().ToList() : [TokenScopes.Admin];
        if (wanted.Except(TokenScopes.All).ToList() is { Count: > 0 } unknown)
            errors["scopes"] = [$"Unknown: {string.Join(", ", unknown)}. Use {string.Join(", ", TokenScopes.All)}."];
        var now = clock.GetUtcNow();
        if (await db.ApiTokens.CountAsync(t => t.UserId == user && t.RevokedAt == null && t.ExpiresAt > now, cancel) >= MostPerUser)
            errors["name"] = [$"There are {MostPerUser} live tokens already; revoke one first."];
        if (errors.Count > 0)
            throw new RuleException(errors);

        var token = Secrets.ApiToken();
        var record = new ApiToken
        {
            Id = Guid.CreateVersion7(now), UserId = user, Name = name!.Trim(), Hash = Secrets.Hash(token), Scopes = wanted, CreatedAt = now, ExpiresAt = now.AddDays(days),
        };
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        db.ApiTokens.Add(record);
        await db.SaveChangesAsync(cancel);
        await audit.AppendAsync(new AuditDraft(actor, "token.create", $"token:{record.Id}", From: from, After: new { record.Name, record.Scopes, record.ExpiresAt, user }), cancel);
        await transaction.CommitAsync(cancel);
        return (record, token);
    }

    /// <param name="user">Whose tokens; null: everybody's (administrators).</param>
    public async Task<IReadOnlyList<TokenView>> ListAsync(Guid? user, CancellationToken cancel) =>
        await db.ApiTokens.AsNoTracking().Where(t => user == null || t.UserId == user).OrderByDescending(t => t.CreatedAt)
            .Select(t => new TokenView(t.Id, t.Name, t.Scopes, t.CreatedAt, t.ExpiresAt, t.LastUsedAt, t.RevokedAt, t.User!.Email!)).ToListAsync(cancel);

    /// <param name="user">Owner that the token must have; null: anybody's.</param>
    /// <returns>False when there is no such live token.</returns>
    public async Task<bool> RevokeAsync(Guid id, Guid? user, string actor, string? from, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var now = clock.GetUtcNow();
        var revoked = await db.ApiTokens.Where(t => t.Id == id && t.RevokedAt == null && (user == null || t.UserId == user))
            .ExecuteUpdateAsync(t => t.SetProperty(x => x.RevokedAt, now), cancel);
        if (revoked == 0)
            return false;
        await audit.AppendAsync(new AuditDraft(actor, "token.revoke", $"token:{id}", From: from), cancel);
        await transaction.CommitAsync(cancel);
        return true;
    }
}
