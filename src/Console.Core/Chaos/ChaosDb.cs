using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Chaos;

/// <summary>Schema <c>chaos</c>: pauses of schedules, imported experiments. Experiments themselves are operations. Holds migrations only.</summary>
public sealed class ChaosDb(DbContextOptions<ChaosDb> options) : DbContext(options)
{
    public const string Schema = "chaos";

    public static ConsoleSchema ConsoleSchema { get; } = new(Schema, Create, role => ConsoleSchema.ReadWrite(Schema, role));

    private static ChaosDb Create(string connectionString) => new(new DbContextOptionsBuilder<ChaosDb>()
        .UseNpgsql(connectionString, o => o.MigrationsHistoryTable("migrations", Schema)).Options);
}
