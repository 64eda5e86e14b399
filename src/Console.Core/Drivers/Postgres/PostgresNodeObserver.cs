using System.Data.Common;
using Npgsql;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Drivers.Postgres;

internal sealed class PostgresNodeObserver(ClusterOptions cluster, ClusterNodeOptions node, int timeoutSeconds) : INodeObserver
{
    private readonly NpgsqlDataSource _source = PostgresConnections.Source(cluster, node.Address, "observer", timeoutSeconds, timeoutSeconds);
    private NpgsqlConnection? _connection;
    private bool _hasHeartbeats;

    public async Task<NodeObservation> ObserveAsync(CancellationToken cancel)
    {
        try
        {
            _connection ??= await _source.OpenConnectionAsync(cancel);
            return await ReadAsync(_connection, cancel);
        }
        catch (Exception e) when (PostgresConnections.IsUnavailable(e, cancel))
        {
            _hasHeartbeats = false; // the table may be gone; ask again
            await DisconnectAsync();
            throw PostgresConnections.Unavailable(e, node.Address);
        }
    }

    private async Task<NodeObservation> ReadAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(connection) { Timeout = timeoutSeconds };
        foreach (var sql in new[] { PostgresSql.Node, PostgresSql.Senders, PostgresSql.Receiver, PostgresSql.Slots })
            batch.BatchCommands.Add(new NpgsqlBatchCommand(sql));
        if (_hasHeartbeats)
            batch.BatchCommands.Add(new NpgsqlBatchCommand(PostgresSql.NewestHeartbeat));
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        await reader.ReadAsync(cancel);
        var own = new NodeObservation(
            reader.GetBoolean(0), Null<int>(reader, 1), Lsn(reader, 2), Lsn(reader, 3), Lsn(reader, 4), Time(reader, 5), Time(reader, 6)!.Value, reader.GetString(7), [], null, [], null);
        var table = reader.GetBoolean(8);
        var senders = await RowsAsync(reader, r => new SenderObservation(
            r.GetString(0), r.GetString(1), r.GetString(2), Lsn(r, 3), Lsn(r, 4), Lsn(r, 5), Lsn(r, 6), Null<double>(r, 7), Null<double>(r, 8), Null<double>(r, 9), Time(r, 10)), cancel);
        var receivers = await RowsAsync(reader, r => new ReceiverObservation(r.GetString(0), Text(r, 1), Null<int>(r, 2), Text(r, 3), Time(r, 4), Lsn(r, 5)), cancel);
        var slots = await RowsAsync(reader, r => new SlotObservation(r.GetString(0), r.GetBoolean(1), Null<long>(r, 3), Text(r, 2)), cancel);
        var beats = _hasHeartbeats
            ? await RowsAsync(reader, r => new HeartbeatObservation(r.GetGuid(0), r.GetInt64(1), Time(r, 2)!.Value), cancel)
            : [];
        _hasHeartbeats = table;
        return own with { Senders = senders, Receiver = receivers.FirstOrDefault(), Slots = slots, Heartbeat = beats.FirstOrDefault() };
    }

    private static async Task<List<T>> RowsAsync<T>(NpgsqlDataReader reader, Func<NpgsqlDataReader, T> read, CancellationToken cancel)
    {
        await reader.NextResultAsync(cancel);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancel))
            rows.Add(read(reader));
        return rows;
    }

    private static T? Null<T>(DbDataReader reader, int column) where T : struct => reader.IsDBNull(column) ? null : reader.GetFieldValue<T>(column);

    private static string? Text(DbDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    private static WalPosition? Lsn(DbDataReader reader, int column) => reader.IsDBNull(column) ? null : WalPosition.Parse(reader.GetString(column));

    private static DateTimeOffset? Time(DbDataReader reader, int column) => reader.IsDBNull(column) ? null : new DateTimeOffset(reader.GetDateTime(column));

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
