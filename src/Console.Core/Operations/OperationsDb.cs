using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations;

/// <summary>Schema <c>ops</c>: operations, steps, journal, claims, approvals, automation. Holds migrations only: the engine speaks SQL,
/// because its guarantees (row locks, fenced writes, partial unique indexes) are statements.</summary>
public sealed class OperationsDb(DbContextOptions<OperationsDb> options) : DbContext(options)
{
    public const string Schema = "ops";

    public static ConsoleSchema ConsoleSchema { get; } = new(Schema, Create, role => $"""
        GRANT USAGE ON SCHEMA {Schema} TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {Schema} TO {role};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA {Schema} TO {role};
        REVOKE UPDATE, DELETE ON {Schema}.journal, {Schema}.decision FROM {role};
        """);

    private static OperationsDb Create(string connectionString) => new(new DbContextOptionsBuilder<OperationsDb>()
        .UseNpgsql(connectionString, o => o.MigrationsHistoryTable("migrations", Schema)).Options);
}
