using Npgsql;

namespace OpsConsole.Core.Drivers.Postgres.Control;

/// <summary>Rung 2 of the fencing ladder: <c>pg_hba.conf</c> rejects everybody but the console and replication, and whoever is
/// connected is ended. Backends are terminated, never cancelled: a cancelled commit that waits for its standbys would be acknowledged
/// with a warning.</summary>
public static class SqlFence
{
    private const string Begin = "# opsconsole fence";
    private const string End = "# opsconsole fence ends";

    /// <returns>how many clients were ended</returns>
    public static async Task<long> FenceAsync(NpgsqlConnection node, CancellationToken cancel)
    {
        var rules = await ReadAsync(node, cancel);
        if (!rules.Contains(Begin, StringComparison.Ordinal)) await WriteAsync(node, await RulesAsync(node, cancel) + rules, cancel);
        await node.ExecuteAsync("SELECT pg_reload_conf()", cancel);
        return await EndClientsAsync(node, cancel);
    }

    /// <summary>Ends clients until none is left: one that was let in before the reload took hold ends in a later round.</summary>
    private static async Task<long> EndClientsAsync(NpgsqlConnection node, CancellationToken cancel)
    {
        var ended = 0L;
        for (var quiet = 0; quiet < 2;)
        {
            var now = await node.ScalarAsync<long>("""
                SELECT count(*) FROM pg_stat_activity, LATERAL (SELECT pg_terminate_backend(pid) AS done OFFSET 0) t
                WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND usename IS DISTINCT FROM current_user
                """, cancel);
            ended = Math.Max(ended, now);
            quiet = now == 0 ? quiet + 1 : 0;
        }
        return ended;
    }

    /// <summary>The rules in force reject others, and no client is left.</summary>
    public static Task<bool> HoldsAsync(NpgsqlConnection node, CancellationToken cancel) => node.ScalarAsync<bool>("""
        SELECT EXISTS (SELECT FROM pg_hba_file_rules WHERE auth_method = 'reject' AND user_name = '{all}' AND database = '{all}' AND type = 'host'
                AND line_number <= (SELECT min(line_number) + 3 FROM pg_hba_file_rules))
           AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename IS DISTINCT FROM current_user)
        """, cancel);

    public static async Task UnfenceAsync(NpgsqlConnection node, CancellationToken cancel)
    {
        var rules = await ReadAsync(node, cancel);
        var (begin, end) = (rules.IndexOf(Begin, StringComparison.Ordinal), rules.IndexOf(End, StringComparison.Ordinal));
        if (begin < 0 || end < 0) return;
        await WriteAsync(node, rules[..begin] + rules[(end + End.Length)..].TrimStart('\n'), cancel);
        await node.ExecuteAsync("SELECT pg_reload_conf()", cancel);
    }

    /// <summary>True when somebody who is not the console is refused by the fence (a wrong password is refused otherwise).</summary>
    public static async Task<bool> RefusesAsync(string connectionString, CancellationToken cancel)
    {
        var other = new NpgsqlConnectionStringBuilder(connectionString) { Username = "opsconsole_fence_check", Password = "none", Pooling = false, Timeout = 2 };
        await using var connection = new NpgsqlConnection(other.ConnectionString);
        try
        {
            await connection.OpenAsync(cancel);
            return false;
        }
        catch (PostgresException e)
        {
            // 28000 with "pg_hba.conf rejects"; a missing user or a wrong password is 28P01.
            return e.SqlState == PostgresErrorCodes.InvalidAuthorizationSpecification;
        }
    }

    // The console keeps the way in that it has now; replication is not matched by database "all".
    private static async Task<string> RulesAsync(NpgsqlConnection node, CancellationToken cancel)
    {
        var user = await node.ScalarAsync<string>("SELECT quote_ident(current_user)", cancel);
        var method = await node.ScalarAsync<string>("""
            SELECT auth_method FROM pg_hba_file_rules WHERE type LIKE 'host%' AND auth_method <> 'reject' AND error IS NULL
              AND ('all' = ANY(user_name) OR current_user = ANY(user_name)) AND NOT 'replication' = ANY(database) ORDER BY line_number LIMIT 1
            """, cancel) ?? "scram-sha-256";
        return $"{Begin}\nhost all {user} all {method}\nhost all all all reject\nlocal all all reject\n{End}\n";
    }

    private static async Task<string> ReadAsync(NpgsqlConnection node, CancellationToken cancel) =>
        await node.ScalarAsync<string>("SELECT pg_read_file(current_setting('hba_file'))", cancel) ?? "";

    // The server writes the file; quote and delimiter are characters that no rule holds, so that lines come out as they are.
    private static async Task WriteAsync(NpgsqlConnection node, string rules, CancellationToken cancel)
    {
        var path = await node.ScalarAsync<string>("SELECT current_setting('hba_file')", cancel) ?? throw new InvalidOperationException("The node names no hba_file.");
        await node.ExecuteAsync($"COPY (SELECT unnest(string_to_array({NodeSql.Literal(rules.TrimEnd('\n'))}, E'\\n'))) TO {NodeSql.Literal(path)} WITH (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01', NULL E'\\x03')", cancel);
    }
}
