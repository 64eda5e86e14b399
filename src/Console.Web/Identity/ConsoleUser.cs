using Microsoft.AspNetCore.Identity;

namespace OpsConsole.Web.Identity;

/// <summary>A person who signs in. The user name is the e-mail address.</summary>
public sealed class ConsoleUser : IdentityUser<Guid>
{
    public string DisplayName { get; set; } = "";
    public bool Disabled { get; set; }
    /// <summary>The password was given by somebody else: nothing but changing it is allowed.</summary>
    public bool MustChangePassword { get; set; }
    /// <summary>After this moment a one-time password is refused; null for a password of one's own.</summary>
    public DateTimeOffset? OneTimePasswordExpiresAt { get; set; }
    /// <summary>Protected (data protection) TOTP secret; null when not enrolled.</summary>
    public string? TotpSecret { get; set; }
    /// <summary>Protected secret that waits for its first code.</summary>
    public string? PendingTotpSecret { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset? LastSignInAt { get; set; }
}

public sealed class ConsoleRole : IdentityRole<Guid>;

/// <summary>A personal API token: what it may do is what its owner's roles and its scopes both allow.</summary>
public sealed class ApiToken
{
    public Guid Id { get; init; }
    public Guid UserId { get; init; }
    public ConsoleUser? User { get; init; }
    public string Name { get; init; } = "";
    /// <summary>SHA-256 of the whole token; the token itself is shown once and never stored.</summary>
    public byte[] Hash { get; init; } = [];
    public List<string> Scopes { get; init; } = [];
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset ExpiresAt { get; init; }
    public DateTimeOffset? LastUsedAt { get; set; }
    public DateTimeOffset? RevokedAt { get; set; }
}

/// <summary>A TOTP time step that a user has used: each counts once, by the primary key.</summary>
public sealed class UsedCode
{
    public Guid UserId { get; init; }
    public long Step { get; init; }
}
