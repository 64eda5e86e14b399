using System.Globalization;
using System.Net.Sockets;
using OpsConsole.Core.Drivers.Postgres.Wire;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>What a node said at the last look.</summary>
/// <param name="Failures">looks in a row that failed</param>
/// <param name="FailingSince">the last success, while it fails</param>
/// <param name="Position">newest position that it holds</param>
public sealed record NodeReading(
    bool Answers, bool Standby, bool Streams, TimeSpan? Silence, ulong Position, int Timeline, int Failures, ProbeFailure Failure, DateTimeOffset LastSuccessAt)
{
    public static NodeReading Unknown(DateTimeOffset at) => new(false, true, false, null, 0, 0, 0, ProbeFailure.None, at);
}

/// <summary>Looks at one node again and again over a connection of its own: on a primary it writes (a local commit, which waits for no
/// standby), on a standby it reads its receiver. A look that gets no answer in time drops the socket; nothing is ever cancelled.</summary>
internal sealed class NodeWatch(ClusterOptions cluster, ClusterNodeOptions node, DetectionOptions options, Func<bool> acts, TimeProvider time)
{
    /// <summary>Where nobody has allowed automatic failover it is enough to know the roles.</summary>
    private static readonly TimeSpan Leisurely = TimeSpan.FromSeconds(1);
    private const string Prepare = "SET synchronous_commit = local; SET statement_timeout = 0";
    private const string Look = """
        SELECT pg_is_in_recovery() AS standby, coalesce(r.status, '') AS status, extract(epoch FROM clock_timestamp() - r.last_msg_receipt_time) AS silence,
            (CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), '0/0'::pg_lsn) ELSE pg_current_wal_flush_lsn() END - '0/0'::pg_lsn)::text AS position,
            CASE WHEN pg_is_in_recovery() THEN coalesce(r.received_tli, 0) ELSE ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::int END AS timeline
        FROM (SELECT) one LEFT JOIN pg_stat_wal_receiver r ON true
        """;
    private const string Create = "CREATE SCHEMA IF NOT EXISTS opsconsole; CREATE TABLE IF NOT EXISTS opsconsole.probe (id int PRIMARY KEY, at timestamptz NOT NULL); INSERT INTO opsconsole.probe VALUES (1, now()) ON CONFLICT DO NOTHING";
    private const string Write = "UPDATE opsconsole.probe SET at = clock_timestamp()";
    private WireConnection? _connection;
    private bool _created;
    private volatile NodeReading _reading = NodeReading.Unknown(time.GetUtcNow());

    public string Region => node.Region;
    public NodeReading Reading => _reading;

    /// <summary>Runs until cancelled; <paramref name="looked"/> is called after each look.</summary>
    public async Task RunAsync(Action looked, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var start = time.GetTimestamp();
            _reading = await LookAsync(cancel);
            looked();
            var interval = !acts() ? Leisurely : TimeSpan.FromSeconds(_reading.Failures is > 0 and < 20 ? options.IntervalSeconds / 2 : options.IntervalSeconds);
            var pause = interval - time.GetElapsedTime(start);
            // Cancelling ends the loop, not with an exception.
            if (pause > TimeSpan.Zero) await Task.WhenAny(Task.Delay(pause, time, cancel));
        }
        Drop();
    }

    private async Task<NodeReading> LookAsync(CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(_connection is null ? Math.Max(1, options.TimeoutSeconds) : options.TimeoutSeconds));
        try
        {
            if (_connection is null)
            {
                // A new connection may take longer than a look, but not if nobody listens or nothing comes back at all.
                if (_reading.Failures > 0) limit.CancelAfter(TimeSpan.FromSeconds(options.TimeoutSeconds));
                _connection = await WireConnection.OpenAsync(node.Address, cluster.Username, cluster.Password, cluster.Database, "opsconsole-detector", limit.Token);
                await _connection.QueryAsync(Prepare, limit.Token);
            }
            var row = (await _connection.QueryAsync(Look, limit.Token)).Rows[0];
            var standby = row["standby"] == "t";
            if (!standby && acts()) await WriteAsync(_connection, limit.Token);
            return new NodeReading(true, standby, row["status"] == "streaming", row["silence"] is { } silence ? TimeSpan.FromSeconds(double.Parse(silence, CultureInfo.InvariantCulture)) : null,
                ulong.Parse(row["position"]!, CultureInfo.InvariantCulture), int.Parse(row["timeline"]!, CultureInfo.InvariantCulture), 0, ProbeFailure.None, time.GetUtcNow());
        }
        catch (Exception e) when (e is WireException or IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            Drop();
            return _reading with { Answers = false, Failures = _reading.Failures + 1, Failure = e is OperationCanceledException ? ProbeFailure.Silent : ProbeFailure.Refused };
        }
    }

    private async Task WriteAsync(WireConnection connection, CancellationToken cancel)
    {
        if (!_created) await connection.QueryAsync(Create, cancel);
        _created = true;
        await connection.QueryAsync(Write, cancel);
    }

    private void Drop()
    {
        _connection?.Dispose();
        _connection = null;
    }
}
