using Npgsql;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Postgres;

/// <summary>The console's own PostgreSQL, in the console's site, with its two roles: the owner migrates, the other one runs.</summary>
public sealed class ConsoleDatabase(PostgresBinaries binaries, Supervisor supervisor, SandboxPaths paths, PortPlan ports, SecretStore secrets)
{
    private const string Name = "opsconsole";
    private const string Owner = "opsconsole_owner";
    private const string App = "opsconsole_app";

    private readonly PostgresServer _server = new(
        binaries, supervisor, Sites.Console, paths.PostgresData(Sites.Console), ports.ConsoleDatabase, "postgres", secrets.Get("console-postgres"));

    public string OwnerConnectionString => For(Owner, "console-owner");
    public string AppConnectionString => For(App, "console-app");

    public async Task StartAsync(CancellationToken cancel)
    {
        var fresh = !_server.Exists;
        if (fresh)
        {
            await _server.InitializeAsync(cancel);
        }
        _server.Configure(PostgresSettings.Console(ports.ConsoleDatabase));
        _server.Start();
        await _server.WaitReadyAsync(cancel);
        if (fresh)
        {
            await _server.ExecuteAsync($"""
                CREATE ROLE {Owner} LOGIN PASSWORD '{secrets.Get("console-owner")}';
                CREATE ROLE {App} LOGIN PASSWORD '{secrets.Get("console-app")}';
                """, cancel: cancel);
            await _server.ExecuteAsync($"CREATE DATABASE {Name} OWNER {Owner}", cancel: cancel);
            await _server.ExecuteAsync($"REVOKE ALL ON SCHEMA public FROM PUBLIC; ALTER SCHEMA public OWNER TO {Owner}; GRANT CONNECT ON DATABASE {Name} TO {App}", Name, cancel);
            _server.MarkComplete();
        }
    }

    private string For(string role, string secret) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = ports.ConsoleDatabase,
        Database = Name,
        Username = role,
        Password = secrets.Get(secret),
    }.ConnectionString;
}
