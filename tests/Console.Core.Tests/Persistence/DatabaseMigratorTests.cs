using Npgsql;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Persistence;

public sealed class DatabaseMigratorTests
{
    [Fact]
    public async Task MigrateAsync_TwoAtOnce_BothEndWell()
    {
        await using var database = await TestDatabase.CreateAsync();
        var migrators = Enumerable.Range(0, 4).Select(_ => new DatabaseMigrator(database.Console, []).MigrateAsync());

        await Task.WhenAll(migrators);

        await using var connection = await database.Console.App.OpenConnectionAsync();
        await using var command = new NpgsqlCommand("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", connection);
        Assert.Equal(0L, await command.ExecuteScalarAsync());
    }

    [Fact]
    public async Task MigrateAsync_SchemaIsCurrent_BuildsNoModel_AndOneThatLacksAMigrationGetsIt()
    {
        await using var database = await TestDatabase.CreateAsync();
        var made = 0;
        OperationsDb Counted(string connection)
        {
            made++;
            return (OperationsDb)OperationsDb.ConsoleSchema.Context!(connection);
        }
        var migrator = new DatabaseMigrator(database.Console, [OperationsDb.ConsoleSchema with { Context = Counted }]);

        await migrator.MigrateAsync();
        await migrator.MigrateAsync();
        Assert.Equal(1, made);

        await ExecuteAsync(database, """DROP SEQUENCE ops.epoch; DELETE FROM ops.migrations WHERE "MigrationId" LIKE '%Epoch'""");
        await migrator.MigrateAsync();
        Assert.Equal(2, made);
        await ExecuteAsync(database, "SELECT nextval('ops.epoch')");
    }

    private static async Task ExecuteAsync(TestDatabase database, string sql)
    {
        await using var owner = new NpgsqlConnection(database.Console.OwnerConnectionString);
        await owner.OpenAsync();
        await using var command = new NpgsqlCommand(sql, owner);
        await command.ExecuteNonQueryAsync();
    }
}
