using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Postgres;

/// <summary>A file that a server reads its configuration from.</summary>
/// <param name="Path">as the server names it; absolute</param>
internal sealed record ConfigurationFile(string Path, byte[] Content);

/// <summary>How a server is configured.</summary>
/// <param name="Settings">what differs from the built-in defaults, as the JSON of an array: name, value, unit, where it is set. For servers whose files nobody can put back (managed ones)</param>
internal sealed record NodeConfiguration(string ServerVersion, IReadOnlyList<ConfigurationFile> Files, string Settings);

/// <summary>Reads the files through the server itself, wherever they lie on its host.</summary>
internal static class ConfigurationFiles
{
    /// <summary>Of one file, in bytes: a larger one is no configuration.</summary>
    public const int LargestFile = 4 * 1024 * 1024;
    private const int IncludesInHba = 160_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private const string Paths = """
        SELECT setting FROM pg_settings WHERE name IN ('config_file', 'hba_file', 'ident_file') AND setting <> ''
        UNION SELECT sourcefile FROM pg_file_settings WHERE sourcefile IS NOT NULL
        """;

    private const string Settings = """
        SELECT coalesce(json_agg(json_build_object('name', name, 'value', setting, 'unit', unit, 'source', source, 'file', sourcefile) ORDER BY name), '[]')::text
        FROM pg_settings WHERE source NOT IN ('default', 'client', 'session', 'database', 'user', 'database user') AND context <> 'internal'
        """;

    /// <exception cref="BackupEngineException">the node does not answer, or does not give it</exception>
    public static async Task<NodeConfiguration> ReadAsync(ClusterOptions cluster, ClusterNodeOptions node, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Patience);
        try
        {
            await using var connection = await NodeConnection.OpenAsync(cluster, node, "opsconsole backup", limit.Token);
            var sources = connection.PostgreSqlVersion.Major * 10_000 >= IncludesInHba ? $"{Paths} UNION SELECT file_name FROM pg_hba_file_rules UNION SELECT file_name FROM pg_ident_file_mappings" : Paths;
            var files = new List<ConfigurationFile>();
            foreach (var path in (await connection.ListAsync(sources, r => r.GetString(0), limit.Token)).Order(StringComparer.Ordinal))
                if (await ContentAsync(connection, path, limit.Token) is { } content) files.Add(new ConfigurationFile(path, content));
            var settings = (await connection.ListAsync(Settings, r => r.GetString(0), limit.Token)).Single();
            return new NodeConfiguration(connection.ServerVersion, files, settings);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new BackupEngineException($"{cluster.Username} may not read the configuration of {node.Region} ({e.MessageText}). As a superuser: GRANT pg_read_server_files, pg_read_all_settings TO {cluster.Username}; "
                + $"GRANT SELECT ON pg_file_settings, pg_hba_file_rules TO {cluster.Username}; GRANT EXECUTE ON FUNCTION pg_show_all_file_settings(), pg_hba_file_rules(), pg_read_binary_file(text, bigint, bigint, boolean) TO {cluster.Username};", e) { Final = true };
        }
        catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or TimeoutException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw new BackupEngineException($"The configuration of {node.Region} ({node.Address}) could not be read: {PostgresConnections.Unavailable(e, node.Address).Message.TrimEnd('.')}. The next backup tries it again.", e);
        }
    }

    /// <returns>null: it is gone</returns>
    private static async Task<byte[]?> ContentAsync(NpgsqlConnection connection, string path, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT pg_read_binary_file($1, 0, $2, true)", connection) { Parameters = { new() { Value = path }, new() { Value = LargestFile + 1L } } };
        if (await command.ExecuteScalarAsync(cancel) is not byte[] content) return null;
        return content.Length <= LargestFile ? content : throw new BackupEngineException($"{path} is larger than {LargestFile / 1024 / 1024} MiB: that is no configuration file. Take it out of the server's includes.") { Final = true };
    }
}
