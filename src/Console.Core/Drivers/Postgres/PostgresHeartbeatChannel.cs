using Npgsql;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Drivers.Postgres;

/// <summary>Heartbeats into the cluster's own database, through the endpoint that clients use. The table is made when it is missing.</summary>
internal sealed class PostgresHeartbeatChannel(ClusterOptions cluster, int connectSeconds, TimeProvider time) : IHeartbeatChannel
{
    // A commit that waits for synchronous replication is given this long. Cancelling it then frees its backend; the row is
    // committed on the primary alone, the server warns of that, and the heartbeat does not count.
    private const int CommitSeconds = 10;
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan TrimEvery = TimeSpan.FromMinutes(1);

    private readonly NpgsqlDataSource _source = PostgresConnections.Source(cluster, cluster.WriteEndpoint, "heartbeat", connectSeconds, CommitSeconds);
    private NpgsqlConnection? _connection;
    private string? _warning;
    private DateTimeOffset _trimmedAt;

    public async Task<HeartbeatAnswer> WriteAsync(Heartbeat beat, CancellationToken cancel)
    {
        try
        {
            var connection = await ConnectedAsync(cancel);
            _warning = null;
            await InsertAsync(connection, beat, cancel);
            var warning = _warning;
            if (warning is null && beat.At - _trimmedAt > TrimEvery)
                await TrimAsync(connection, beat.At, cancel);
            return new HeartbeatAnswer(warning is null, warning);
        }
        catch (Exception e) when (PostgresConnections.IsUnavailable(e, cancel))
        {
            await DisconnectAsync();
            throw PostgresConnections.Unavailable(e, cluster.WriteEndpoint);
        }
    }

    private async Task<NpgsqlConnection> ConnectedAsync(CancellationToken cancel)
    {
        if (_connection is not null)
            return _connection;
        var connection = _source.CreateConnection();
        connection.Notice += (_, notice) =>
        {
            // Any warning during a commit makes it doubtful; the text depends on the server's language, so it is not looked at.
            if (notice.Notice.InvariantSeverity == "WARNING")
                _warning = notice.Notice.MessageText;
        };
        _connection = connection;
        await connection.OpenAsync(cancel);
        _trimmedAt = time.GetUtcNow();
        return connection;
    }

    private static async Task InsertAsync(NpgsqlConnection connection, Heartbeat beat, CancellationToken cancel)
    {
        try
        {
            await ExecuteAsync(connection, PostgresSql.InsertHeartbeat, cancel, beat.Writer, beat.Sequence, beat.At.UtcDateTime);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            await ExecuteAsync(connection, PostgresSql.CreateHeartbeats, cancel);
            await ExecuteAsync(connection, PostgresSql.InsertHeartbeat, cancel, beat.Writer, beat.Sequence, beat.At.UtcDateTime);
        }
    }

    private async Task TrimAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancel)
    {
        _trimmedAt = now;
        await ExecuteAsync(connection, PostgresSql.TrimHeartbeats, cancel, (now - Kept).UtcDateTime);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancel, params object[] values)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = CommitSeconds };
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await DisconnectAsync();
        await _source.DisposeAsync();
    }

    private async Task DisconnectAsync()
    {
        if (_connection is { } connection)
        {
            _connection = null;
            await connection.DisposeAsync();
        }
    }
}
