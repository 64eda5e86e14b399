using Hangfire.PostgreSql;
using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Jobs.Hosting;

/// <summary>Schema <c>hangfire</c>: made by the library's own scripts, but as the owner and together with the other schemas. The
/// running console may use the tables, not change them.</summary>
public static class HangfireSchema
{
    public const string Name = "hangfire";

    public static ConsoleSchema ConsoleSchema { get; } = new(Name, null, role => ConsoleSchema.ReadWrite(Name, role)) { Install = InstallAsync };

    private static async Task InstallAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        // The scripts take a second even when there is nothing to do; the mark tells that these have run.
        var mark = $"Hangfire.PostgreSql {typeof(PostgreSqlStorage).Assembly.GetName().Version}";
        await using (var look = new NpgsqlCommand($"SELECT obj_description(to_regnamespace('{Name}'), 'pg_namespace')", connection))
            if (await look.ExecuteScalarAsync(cancel) as string == mark)
                return;
        PostgreSqlObjectsInstaller.Install(connection, Name);
        await using var note = new NpgsqlCommand($"COMMENT ON SCHEMA {Name} IS '{mark}'", connection);
        await note.ExecuteNonQueryAsync(cancel);
    }
}
