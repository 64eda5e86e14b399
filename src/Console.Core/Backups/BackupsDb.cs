using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Backups;

/// <summary>Schema <c>backups</c>: the catalogue. Holds migrations only; the catalogue speaks SQL.</summary>
public sealed class BackupsDb(DbContextOptions<BackupsDb> options) : DbContext(options)
{
    public const string Schema = "backups";

    public static ConsoleSchema ConsoleSchema { get; } = new(Schema, Create, role => $"""
        {ConsoleSchema.ReadWrite(Schema, role)}
        REVOKE UPDATE, DELETE ON {Schema}.change FROM {role};
        """);

    private static BackupsDb Create(string connectionString) => new(new DbContextOptionsBuilder<BackupsDb>()
        .UseNpgsql(connectionString, o => o.MigrationsHistoryTable("migrations", Schema)).Options);
}
