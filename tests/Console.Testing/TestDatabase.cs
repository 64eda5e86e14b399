using OpsConsole.Core.Persistence;

namespace OpsConsole.Testing;

/// <summary>A fresh console database with its owner and its least-privileged role, migrated with the schemas under test.</summary>
public sealed class TestDatabase : IAsyncDisposable
{
    private readonly TestPostgres _postgres;
    private readonly string _name;
    private readonly string _role;

    private TestDatabase(TestPostgres postgres, string name, string role)
    {
        (_postgres, _name, _role) = (postgres, name, role);
        Console = new ConsoleDatabase(postgres.ConnectionString(name, name + "_owner"), postgres.ConnectionString(name, role));
    }

    public ConsoleDatabase Console { get; }
    public string Name => _name;

    public static async Task<TestDatabase> CreateAsync(params ConsoleSchema[] schemas)
    {
        var postgres = await TestPostgres.SharedAsync();
        var name = $"t{Guid.NewGuid():N}"[..20];
        await postgres.ExecuteAsync($"CREATE ROLE {name}_owner LOGIN");
        await postgres.ExecuteAsync($"CREATE ROLE {name}_app LOGIN");
        await postgres.ExecuteAsync($"CREATE DATABASE {name} OWNER {name}_owner");
        var database = new TestDatabase(postgres, name, name + "_app");
        await new DatabaseMigrator(database.Console, schemas).MigrateAsync();
        return database;
    }

    /// <summary>As a superuser: for looking, and for the tampering that an audit test needs.</summary>
    public Task ExecuteAsSuperuserAsync(string sql) => _postgres.ExecuteAsync(sql, _name);

    public async ValueTask DisposeAsync()
    {
        await Console.DisposeAsync();
        await _postgres.ExecuteAsync($"DROP DATABASE {_name} WITH (FORCE)");
    }
}
