using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>Schema <c>failover</c>: on which clusters people have turned automatic failover on. Holds migrations only.</summary>
public sealed class FailoverDb(DbContextOptions<FailoverDb> options) : DbContext(options)
{
    public const string Schema = "failover";

    public static ConsoleSchema ConsoleSchema { get; } = new(Schema, Create, role => ConsoleSchema.ReadWrite(Schema, role));

    private static FailoverDb Create(string connectionString) => new(new DbContextOptionsBuilder<FailoverDb>()
        .UseNpgsql(connectionString, o => o.MigrationsHistoryTable("migrations", Schema)).Options);
}
