using Microsoft.AspNetCore.DataProtection.EntityFrameworkCore;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Web.Identity;

/// <summary>Schema <c>identity</c>: users, roles, passkeys, API tokens, and the data protection keys that all nodes share.</summary>
public sealed class IdentityDb(DbContextOptions<IdentityDb> options) : IdentityDbContext<ConsoleUser, ConsoleRole, Guid>(options), IDataProtectionKeyContext
{
    public const string Schema = "identity";

    public DbSet<ApiToken> ApiTokens => Set<ApiToken>();
    public DbSet<UsedCode> UsedCodes => Set<UsedCode>();
    public DbSet<DataProtectionKey> DataProtectionKeys => Set<DataProtectionKey>();

    /// <summary>Identity reads the version of its model (3: with passkeys) from here when the context is not made by the host.</summary>
    private static readonly IServiceProvider ModelServices = new ServiceCollection()
        .Configure<IdentityOptions>(UseSchemaVersion).BuildServiceProvider();

    public static void UseSchemaVersion(IdentityOptions options) => options.Stores.SchemaVersion = IdentitySchemaVersions.Version3;

    public static ConsoleSchema ConsoleSchema { get; } = new(Schema, Create, role => ConsoleSchema.ReadWrite(Schema, role));

    private static IdentityDb Create(string connectionString) => new(new DbContextOptionsBuilder<IdentityDb>()
        .UseNpgsql(connectionString, o => o.MigrationsHistoryTable("migrations", Schema))
        .UseApplicationServiceProvider(ModelServices).Options);

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.HasDefaultSchema(Schema);
        builder.Entity<ConsoleUser>(user =>
        {
            user.ToTable("user");
            user.HasIndex(u => u.NormalizedEmail).IsUnique();
        });
        builder.Entity<ConsoleRole>().ToTable("role");
        builder.Entity<IdentityUserRole<Guid>>().ToTable("user_role");
        builder.Entity<IdentityUserClaim<Guid>>().ToTable("user_claim");
        builder.Entity<IdentityUserLogin<Guid>>().ToTable("user_login");
        builder.Entity<IdentityUserToken<Guid>>().ToTable("user_token");
        builder.Entity<IdentityRoleClaim<Guid>>().ToTable("role_claim");
        builder.Entity<IdentityUserPasskey<Guid>>().ToTable("user_passkey");
        builder.Entity<DataProtectionKey>().ToTable("data_protection_key");
        builder.Entity<ApiToken>(token =>
        {
            token.ToTable("api_token");
            token.HasIndex(t => t.Hash).IsUnique();
            token.HasOne(t => t.User).WithMany().HasForeignKey(t => t.UserId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<UsedCode>(code =>
        {
            code.ToTable("used_code");
            code.HasKey(c => new { c.UserId, c.Step });
            code.HasOne<ConsoleUser>().WithMany().HasForeignKey(c => c.UserId).OnDelete(DeleteBehavior.Cascade);
        });
    }
}
