using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Schema <c>telemetry</c>. Holds migrations only: samples go in by COPY and come out by plain SQL.</summary>
public sealed class TelemetryDb(DbContextOptions<TelemetryDb> options) : DbContext(options)
{
    public const string Schema = "telemetry";

    public static ConsoleSchema ConsoleSchema { get; } = new(Schema, Create, Grants);

    private static TelemetryDb Create(string connectionString) => new(new DbContextOptionsBuilder<TelemetryDb>()
        .UseNpgsql(connectionString, o => o.MigrationsHistoryTable("migrations", Schema)).Options);

    // Partitions are reached through their parents, whose rights count.
    private static string Grants(string role) => $"""
        {ConsoleSchema.ReadWrite(Schema, role)}
        GRANT EXECUTE ON FUNCTION {Schema}.cover(timestamptz, timestamptz), {Schema}.expire(integer, integer, integer, integer) TO {role};
        """;
}
