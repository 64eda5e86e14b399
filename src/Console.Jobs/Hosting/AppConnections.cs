using Hangfire.PostgreSql;
using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Jobs.Hosting;

/// <summary>Hangfire's connections: of the console's least-privileged role, from a pool of their own, so that jobs and telemetry do not
/// take connections from each other.</summary>
internal sealed class AppConnections(ConsoleDatabase database) : IConnectionFactory
{
    private readonly string _connectionString = new NpgsqlConnectionStringBuilder(database.AppConnectionString)
    {
        ApplicationName = "opsconsole-jobs",
        MaxPoolSize = 20,
    }.ConnectionString;

    public NpgsqlConnection GetOrCreateConnection() => new(_connectionString);
}
