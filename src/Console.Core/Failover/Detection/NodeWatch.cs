using System.Globalization;
using System.Net.Sockets;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Drivers.Postgres.Wire;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>What a node said at the last look.</summary>
/// <param name="Failures">looks in a row that failed</param>
/// <param name="Unanswered">those of them, since it last answered anything, that got no answer at all or were refused</param>
/// <param name="Position">newest position that it holds</param>
/// <param name="Confirmations">standbys that must confirm a commit by its own list now in force; null: the list is none that the console writes</param>
/// <param name="LastSuccessAt">when it last answered</param>
/// <param name="LastSuccessLived">the same, in <see cref="LivedTime"/></param>
public sealed record NodeReading(
    bool Answers, bool Standby, bool Streams, TimeSpan? Silence, ulong Position, int Timeline, int? Confirmations, int Failures, int Unanswered, ProbeFailure Failure, DateTimeOffset LastSuccessAt, TimeSpan LastSuccessLived)
{
    /// <summary><c>host:port</c> that its receiver is connected to; null: none.</summary>
    public string? Upstream { get; init; }
    /// <summary>Of a standby that was asked: the primary from whom the last write of a console came. Null: not asked, or there was none.</summary>
    public WriterWitness? LastWriter { get; init; }
    /// <summary>What a question and its answer take on the way, without a stall; zero: not measured yet.</summary>
    public TimeSpan RoundTrip { get; init; }

    public static NodeReading Unknown(DateTimeOffset at, TimeSpan lived) => new(false, true, false, null, 0, 0, null, 0, 0, ProbeFailure.None, at, lived);
}

/// <summary>What a console's write says of the primary that made it; it reaches every standby with the log.</summary>
/// <param name="Names">the primary's list of synchronous standbys then in force</param>
public sealed record WriterWitness(string Region, int Timeline, string Names);

/// <summary>Looks at one node again and again over connections of its own: on a primary it writes (a local commit, which waits for no
/// standby), on a standby it reads its receiver. A look that gets no answer does not hold up the next, which begins beside it over another
/// connection; its socket is dropped in time, and nothing is ever cancelled. A write that gets no answer is waited for beside further looks, which only
/// read meanwhile: few hang on a primary whose storage stands still.</summary>
internal sealed class NodeWatch(ClusterOptions cluster, ClusterNodeOptions node, DetectionOptions options, RoundTrips ways, Func<bool> acts, LivedTime lived, TimeProvider time) : IDisposable
{
    /// <summary>Where nobody has allowed automatic failover it is enough to know the roles.</summary>
    private static readonly TimeSpan Leisurely = TimeSpan.FromSeconds(1);
    /// <summary>Refused so often: it is down, not restarting.</summary>
    private const int Down = 20;
    /// <summary>Round trips of a look over an open connection: the look, the write.</summary>
    private const int Trips = 2;
    /// <summary>A first connection, to a node of which nothing is known.</summary>
    private const double FirstSeconds = 3;
    private const string Prepare = "SET synchronous_commit = local; SET statement_timeout = 0";
    private const string Look = """
        SELECT pg_is_in_recovery() AS standby, coalesce(r.status, '') AS status, extract(epoch FROM clock_timestamp() - r.last_msg_receipt_time) AS silence,
            (CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), '0/0'::pg_lsn) ELSE pg_current_wal_flush_lsn() END - '0/0'::pg_lsn)::text AS position,
            CASE WHEN pg_is_in_recovery() THEN coalesce(r.received_tli, 0) ELSE ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::int END AS timeline,
            current_setting('synchronous_standby_names') AS names, r.sender_host || ':' || r.sender_port AS upstream
        FROM (SELECT) one LEFT JOIN pg_stat_wal_receiver r ON true
        """;
    private const string Create = """
        CREATE SCHEMA IF NOT EXISTS opsconsole; CREATE TABLE IF NOT EXISTS opsconsole.writer (id int PRIMARY KEY, at timestamptz NOT NULL, region text, timeline int, names text);
        INSERT INTO opsconsole.writer (id, at) VALUES (1, now()) ON CONFLICT DO NOTHING
        """;
    private const string Witness = "SELECT region, timeline, names FROM opsconsole.writer WHERE timeline IS NOT NULL";
    /// <summary>A write that hangs is given up with its connection after so long, and another is tried.</summary>
    private static readonly TimeSpan Stuck = TimeSpan.FromSeconds(30);
    private readonly string _write = $"""
        UPDATE opsconsole.writer SET at = clock_timestamp(), region = {NodeSql.Literal(node.Region)}, names = current_setting('synchronous_standby_names'),
            timeline = ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::int
        """;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _nudge = new(0);
    private readonly List<Task> _underWay = [];
    private WireConnection? _idle;
    private long _answeredBegan = long.MinValue;
    private long _heardBegan = long.MinValue;
    private Task _hanging = Task.CompletedTask;
    private bool _created;
    private volatile bool _urgent;
    private double _roundTrip;
    private volatile NodeReading _reading = NodeReading.Unknown(time.GetUtcNow(), lived.Now);

    public string Region => node.Region;
    public NodeReading Reading => _reading;
    /// <summary>Whether a standby is asked from whom the last write came.</summary>
    public bool AskWriter { get; set; }

    /// <summary>Another node fails: this one is asked at once, and often.</summary>
    public void Hurry(bool urgent)
    {
        if (urgent && !_urgent && _nudge.CurrentCount == 0) _nudge.Release();
        _urgent = urgent;
    }

    public void Dispose()
    {
        Interlocked.Exchange(ref _idle, null)?.Dispose();
        _nudge.Dispose();
    }

    /// <summary>Runs until cancelled; <paramref name="looked"/> is called after each look.</summary>
    public async Task RunAsync(Action looked, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var start = time.GetTimestamp();
            var look = LookAsync(looked, cancel);
            _underWay.Add(look);
            using (var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancel))
            {
                await Task.WhenAny(look, Task.Delay(Interval, time, waiting.Token));
                await waiting.CancelAsync();
            }
            _underWay.RemoveAll(l => l.IsCompleted);
            if (Interval - time.GetElapsedTime(start) is var rest && rest > TimeSpan.Zero) await PauseAsync(rest, cancel);
        }
        await Task.WhenAll([.. _underWay, _hanging]);
    }

    /// <summary>Quicker while it matters: a refusal comes at once and costs nothing, so it is asked again soon.</summary>
    private TimeSpan Interval => !acts() ? Leisurely
        : TimeSpan.FromSeconds(Math.Max(_urgent || _reading is { Failures: > 0 and < Down, Failure: ProbeFailure.Refused } ? options.IntervalSeconds / 3 : options.IntervalSeconds, Usual));

    /// <summary>Seconds that a look takes where all is well: over a long way the next one does not begin beside it, nor is it given up before its answer can be there.</summary>
    private double Usual => 1.2 * RoundTrip * (_reading.Standby ? 1 : Trips);

    private double RoundTrip { get { lock (_gate) return _roundTrip; } }

    /// <summary>The shortest of late: what stands still for a moment is no longer way.</summary>
    private void Measured(TimeSpan took)
    {
        lock (_gate) _roundTrip = Math.Min(1, _roundTrip == 0 || took.TotalSeconds < _roundTrip ? took.TotalSeconds : _roundTrip + ((took.TotalSeconds - _roundTrip) / 16));
        ways.Set(cluster.Id, node.Region, TimeSpan.FromSeconds(RoundTrip));
    }

    private async Task LookAsync(Action looked, CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        var connection = Interlocked.Exchange(ref _idle, null);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        // A first connection may take longer than a look, but not where nobody listens, nor beside a look that waits.
        var way = RoundTrip;
        var patient = connection is null && (way == 0 ? _underWay.Count < 3 : _reading.Failures == 0 && _underWay.Count == 0);
        var ending = lived.CancelAfterAsync(limit, TimeSpan.FromSeconds((patient ? Math.Max(way == 0 ? FirstSeconds : 1, options.TimeoutSeconds) : options.TimeoutSeconds) + (way * (connection is null ? RoundTrips.ToConnect : Trips))));
        try
        {
            if (connection is null)
            {
                connection = await WireConnection.OpenAsync(node.Address, cluster.Username, cluster.Password, cluster.Database, "opsconsole-detector", limit.Token);
                await connection.QueryAsync(Prepare, limit.Token);
            }
            var asked = time.GetTimestamp();
            var row = (await connection.QueryAsync(Look, limit.Token)).Rows[0];
            Measured(time.GetElapsedTime(asked));
            var standby = row["standby"] == "t";
            if (!standby) Heard(began);
            if (!standby && acts())
            {
                if (!_hanging.IsCompleted)
                {
                    if (Interlocked.CompareExchange(ref _idle, connection, null) is null) connection = null;
                    throw new StalledException();
                }
                var write = WriteAsync(connection, cancel);
                await Task.WhenAny(write, Task.Delay(Timeout.InfiniteTimeSpan, limit.Token));
                if (!write.IsCompleted)
                {
                    lock (_gate) _hanging = Task.WhenAll(_hanging, WaitOutAsync(write, connection));
                    connection = null;
                    throw new StalledException();
                }
                await write;
            }
            var witness = standby && AskWriter ? await WitnessAsync(connection, limit.Token) : null;
            Answered(began, new NodeReading(true, standby, row["status"] == "streaming", row["silence"] is { } silence ? TimeSpan.FromSeconds(double.Parse(silence, CultureInfo.InvariantCulture)) : null,
                ulong.Parse(row["position"]!, CultureInfo.InvariantCulture), int.Parse(row["timeline"]!, CultureInfo.InvariantCulture), SynchronousCommit.ConfirmationsOf(row["names"] ?? ""), 0, 0, ProbeFailure.None, time.GetUtcNow(), lived.Now) { Upstream = row["upstream"], LastWriter = witness, RoundTrip = TimeSpan.FromSeconds(RoundTrip) });
            if (Interlocked.CompareExchange(ref _idle, connection, null) is not null) connection.Dispose();
        }
        catch (Exception e) when (e is WireException or IOException or SocketException or ObjectDisposedException or OperationCanceledException or StalledException)
        {
            connection?.Dispose();
            Failed(began, e switch
            {
                StalledException => ProbeFailure.Stalled,
                OperationCanceledException => ProbeFailure.Silent,
                WireException refusal when _heardBegan == began && !refusal.EndsTheServer => ProbeFailure.Stalled,
                _ => ProbeFailure.Refused,
            });
        }
        finally
        {
            await limit.CancelAsync();
            await ending;
        }
        if (!cancel.IsCancellationRequested) looked();
    }

    private void Answered(long began, NodeReading reading)
    {
        lock (_gate)
        {
            _answeredBegan = Math.Max(_answeredBegan, began);
            _reading = reading;
        }
    }

    /// <summary>A primary answered, whatever becomes of the write.</summary>
    private void Heard(long began)
    {
        lock (_gate)
        {
            _heardBegan = Math.Max(_heardBegan, began);
            _reading = _reading with { Unanswered = 0 };
        }
    }

    /// <summary>A look that fails after a later one was answered says nothing any more.</summary>
    private void Failed(long began, ProbeFailure failure)
    {
        lock (_gate)
        {
            if (began > _answeredBegan) _reading = _reading with { Answers = false, Failures = _reading.Failures + 1, Failure = failure, Unanswered = began > _heardBegan ? _reading.Unanswered + 1 : 0 };
        }
    }

    private async Task WriteAsync(WireConnection connection, CancellationToken cancel)
    {
        if (!_created) await connection.QueryAsync(Create, cancel);
        _created = true;
        await connection.QueryAsync(_write, cancel);
    }

    /// <summary>Never throws.</summary>
    private async Task WaitOutAsync(Task write, WireConnection connection)
    {
        using var over = new CancellationTokenSource();
        await Task.WhenAny(write, Task.Delay(Stuck, time, over.Token));
        await over.CancelAsync();
        connection.Dispose();
        await write.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default); // observed: what came of it no longer matters
    }

    private static async Task<WriterWitness?> WitnessAsync(WireConnection connection, CancellationToken cancel)
    {
        try
        {
            return (await connection.QueryAsync(Witness, cancel)).Rows is [var row] ? new WriterWitness(row["region"]!, int.Parse(row["timeline"]!, CultureInfo.InvariantCulture), row["names"]!) : null;
        }
        catch (WireException e) when (e.SqlState is "42P01" or "3F000")
        {
            return null; // no console of this kind has written there yet
        }
    }

    /// <summary>Ends early when the node ends the idle connection (a crash is seen at once) or somebody is in a hurry. Never throws.</summary>
    private async Task PauseAsync(TimeSpan pause, CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        List<Task> ends = [Task.Delay(pause, time, over.Token), _nudge.WaitAsync(over.Token)];
        // Nobody else takes the connection meanwhile: looks begin only after the pause.
        if (_underWay.Count == 0 && _idle is { } idle) ends.Add(idle.HeardAsync(over.Token));
        await Task.WhenAny(ends);
        await over.CancelAsync();
        await Task.WhenAll(ends).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default); // observed, whatever their ends
    }

    /// <summary>The node answered, and its write did not come to an end.</summary>
    private sealed class StalledException : Exception;
}
