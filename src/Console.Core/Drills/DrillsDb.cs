using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Drills;

/// <summary>Schema <c>drills</c>: which occurrences of schedules have run. Drills themselves are operations. Holds migrations only.</summary>
public sealed class DrillsDb(DbContextOptions<DrillsDb> options) : DbContext(options)
{
    public const string Schema = "drills";

    public static ConsoleSchema ConsoleSchema { get; } = new(Schema, Create, role => ConsoleSchema.ReadWrite(Schema, role));

    private static DrillsDb Create(string connectionString) => new(new DbContextOptionsBuilder<DrillsDb>()
        .UseNpgsql(connectionString, o => o.MigrationsHistoryTable("migrations", Schema)).Options);
}
