using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Fleet.Versions;

/// <summary>Schema <c>fleet</c>: the versions of the configuration. Holds migrations only; it is written and read by plain SQL.</summary>
public sealed class FleetDb(DbContextOptions<FleetDb> options) : DbContext(options)
{
    public const string Schema = "fleet";

    public static ConsoleSchema ConsoleSchema { get; } = new(Schema, Create, Grants);

    private static FleetDb Create(string connectionString) => new(new DbContextOptionsBuilder<FleetDb>()
        .UseNpgsql(connectionString, o => o.MigrationsHistoryTable("migrations", Schema)).Options);

    // Versions are added and read; nobody rewrites what was in force.
    private static string Grants(string role) => $"""
        GRANT USAGE ON SCHEMA {Schema} TO {role};
        GRANT SELECT, INSERT ON {Schema}.version TO {role};
        """;
}
