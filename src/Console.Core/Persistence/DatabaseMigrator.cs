using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace OpsConsole.Core.Persistence;

/// <summary>One schema of the console's database: a DbContext with its own migrations (or plain DDL inside them), and what the
/// running console may do in it. Capabilities have schemas of their own so that none reaches into another's tables.</summary>
/// <param name="Context">Creates the context on the owner's connection string; null when there is only <see cref="Install"/>. A method that says which
/// context it returns; its history is the schema's table <c>migrations</c>.</param>
/// <param name="Grants">SQL that gives the app role (quoted, as argument) its rights; run after each migration, idempotent.</param>
public sealed record ConsoleSchema(string Name, Func<string, DbContext>? Context, Func<string, string> Grants)
{
    /// <summary>For a schema that a library makes by itself instead of migrations: called with an open connection of the owner.</summary>
    public Func<NpgsqlConnection, CancellationToken, Task>? Install { get; init; }

    /// <summary>Rights for ordinary tables.</summary>
    public static string ReadWrite(string schema, string role) => $"""
        GRANT USAGE ON SCHEMA {schema} TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
        """;
}

/// <summary>Brings every schema up to date under one advisory lock, so that several consoles may start at once.</summary>
public sealed class DatabaseMigrator(ConsoleDatabase database, IEnumerable<ConsoleSchema> schemas)
{
    private const long LockKey = 0x4F70_7343_6F6E_736F; // "OpsConso"

    public async Task MigrateAsync(CancellationToken cancel = default)
    {
        await using var connection = new NpgsqlConnection(database.OwnerConnectionString);
        await connection.OpenAsync(cancel);
        await ExecuteAsync(connection, $"SELECT pg_advisory_lock({LockKey})", cancel);
        var role = new NpgsqlCommandBuilder().QuoteIdentifier(database.AppRole);
        foreach (var schema in schemas)
        {
            if (schema.Install is { } install)
                await install(connection, cancel);
            if (schema.Context is { } create && !await IsCurrentAsync(connection, schema.Name, create.Method.ReturnType, cancel))
            {
                await using var context = create(database.OwnerConnectionString);
                await context.Database.MigrateAsync(cancel);
            }
            await ExecuteAsync(connection, schema.Grants(role), cancel);
        }
        await ExecuteAsync(connection, $"SELECT pg_advisory_unlock({LockKey})", cancel);
    }

    /// <summary>Whether the history names every migration of the context. Asked in SQL: ten models that are built to find nothing to do take a second and
    /// a half, and after a crash faults wait meanwhile to be taken back.</summary>
    private static async Task<bool> IsCurrentAsync(NpgsqlConnection connection, string schema, Type context, CancellationToken cancel)
    {
        var wanted = context.Assembly.GetTypes().Where(t => t.GetCustomAttribute<DbContextAttribute>()?.ContextType == context)
            .Select(t => t.GetCustomAttribute<MigrationAttribute>()?.Id).OfType<string>().ToArray();
        if (wanted.Length == 0) return false;
        await using var look = new NpgsqlCommand("SELECT to_regclass(@history) IS NOT NULL", connection) { Parameters = { new("history", $"{schema}.migrations") } };
        if (await look.ExecuteScalarAsync(cancel) is not true) return false;
        await using var count = new NpgsqlCommand($"""SELECT count(*) FROM {schema}.migrations WHERE "MigrationId" = ANY (@wanted)""", connection) { Parameters = { new("wanted", wanted) } };
        return await count.ExecuteScalarAsync(cancel) is long found && found == wanted.Length;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 300 };
        await command.ExecuteNonQueryAsync(cancel);
    }
}
