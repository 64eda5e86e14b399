using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Audit;

/// <summary>Schema <c>audit</c>. Holds migrations only: the log is written and read by plain SQL, because what the chain stores must be
/// exactly what was hashed.</summary>
public sealed class AuditDb(DbContextOptions<AuditDb> options) : DbContext(options)
{
    public const string Schema = "audit";

    public static ConsoleSchema ConsoleSchema { get; } = new(Schema, Create, Grants);

    private static AuditDb Create(string connectionString) => new(new DbContextOptionsBuilder<AuditDb>()
        .UseNpgsql(connectionString, o => o.MigrationsHistoryTable("migrations", Schema)).Options);

    /// <summary>The running console may add to the chain and read it, nothing else. Only the people table can be erased.</summary>
    private static string Grants(string role) => $"""
        GRANT USAGE ON SCHEMA {Schema} TO {role};
        REVOKE ALL ON ALL TABLES IN SCHEMA {Schema} FROM {role};
        GRANT SELECT, INSERT ON {Schema}.entry, {Schema}.checkpoint TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON {Schema}.person TO {role};
        """;
}
