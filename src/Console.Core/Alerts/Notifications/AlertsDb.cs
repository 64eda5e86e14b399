using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Alerts.Notifications;

/// <summary>Schema <c>alerts</c>. Holds migrations only: the outbox is statements.</summary>
public sealed class AlertsDb(DbContextOptions<AlertsDb> options) : DbContext(options)
{
    public const string Schema = "alerts";

    public static ConsoleSchema ConsoleSchema { get; } = new(Schema, Create, role => ConsoleSchema.ReadWrite(Schema, role));

    private static AlertsDb Create(string connectionString) => new(new DbContextOptionsBuilder<AlertsDb>()
        .UseNpgsql(connectionString, o => o.MigrationsHistoryTable("migrations", Schema)).Options);
}
