using Npgsql;
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
}
