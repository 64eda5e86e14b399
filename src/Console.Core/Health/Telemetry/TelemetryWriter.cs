using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Live;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Empties the buffer into the database: samples and values by binary COPY at most a second after they were made, changes of
/// status one by one. While the database is away everything waits in the buffer, and a component says so. Runs on every node: one that
/// lost the lease still writes what it saw.</summary>
public sealed partial class TelemetryWriter(
    TelemetryBuffer buffer, SeriesIds ids, ProbePlan plan, ConsoleDatabase database, IFleetReducer reducer, IOptions<ObservationOptions> options, TimeProvider time, ILogger<TelemetryWriter> log)
{
    public const string ComponentName = "telemetry";
    private const int MostPerCopy = 50_000;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaintainEvery = TimeSpan.FromHours(1);
    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(10);

    private readonly List<RawSample> _samples = [];
    private readonly List<RawMetric> _metrics = [];
    private Transition? _transition;
    private int[]? _probes;
    private long _maintained;
    private long _said;
    private DateTimeOffset? _awaySince;
    private HealthStatus _status;

    /// <summary>Everything that ended before is stored (or was dropped): roll-ups go no further.</summary>
    public DateTimeOffset StoredUpTo { get; private set; } = DateTimeOffset.MinValue;

    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await TryFlushAsync(cancel);
            try
            {
                await Task.Delay(Every, time, cancel);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                // The end: write what is left, once, without holding up the stop.
                using var last = new CancellationTokenSource(TimeSpan.FromSeconds(2), time);
                await TryFlushAsync(last.Token);
            }
        }
    }

    /// <summary>Writes what is buffered now.</summary>
    /// <returns>false when the database did not take it; it is kept</returns>
    public async Task<bool> TryFlushAsync(CancellationToken cancel)
    {
        try
        {
            await FlushAsync(cancel);
            if (_awaySince is { } since)
                LogBack((time.GetUtcNow() - since).TotalSeconds);
            _awaySince = null;
            Say(HealthStatus.Healthy);
            return true;
        }
        catch (Exception e) when (e is NpgsqlException or IOException or TimeoutException or OperationCanceledException or System.Net.Sockets.SocketException)
        {
            if (cancel.IsCancellationRequested)
                return false;
            if (_awaySince is null)
            {
                _awaySince = time.GetUtcNow();
                LogAway(e);
            }
            // Partitions may be what is missing.
            _maintained = 0;
            Say(HealthStatus.Degraded);
            return false;
        }
    }

    private async Task FlushAsync(CancellationToken cancel)
    {
        if (_maintained == 0 || time.GetElapsedTime(_maintained) > MaintainEvery)
            await MaintainAsync(cancel);
        bool more;
        do
        {
            // A margin for probes that ended but whose sample is on its way.
            var upTo = time.GetUtcNow().AddSeconds(-1);
            Take(buffer.Samples.Reader, _samples);
            Take(buffer.Metrics.Reader, _metrics);
            more = _samples.Count >= MostPerCopy || _metrics.Count >= MostPerCopy;
            if (_samples.Count > 0)
                await CopySamplesAsync(cancel);
            if (_metrics.Count > 0)
                await CopyMetricsAsync(cancel);
            if (!more)
                StoredUpTo = upTo;
        }
        while (more);
        await WriteTransitionsAsync(cancel);
    }

    private static void Take<T>(System.Threading.Channels.ChannelReader<T> from, List<T> into)
    {
        while (into.Count < MostPerCopy && from.TryRead(out var item))
            into.Add(item);
    }

    private async Task CopySamplesAsync(CancellationToken cancel)
    {
        _probes ??= await ids.ProbesAsync(plan, cancel);
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using (var copy = await connection.BeginBinaryImportAsync("COPY telemetry.sample (at, probe, duration_us, outcome, status) FROM STDIN (FORMAT BINARY)", cancel))
        {
            foreach (var sample in _samples)
            {
                await copy.StartRowAsync(cancel);
                await copy.WriteAsync(new DateTime(sample.AtTicks, DateTimeKind.Utc), NpgsqlDbType.TimestampTz, cancel);
                await copy.WriteAsync(_probes[sample.Probe], NpgsqlDbType.Integer, cancel);
                await copy.WriteAsync(sample.DurationMicros, NpgsqlDbType.Integer, cancel);
                await copy.WriteAsync((short)sample.Outcome, NpgsqlDbType.Smallint, cancel);
                await copy.WriteAsync(sample.StatusCode, NpgsqlDbType.Smallint, cancel);
            }
            await copy.CompleteAsync(cancel);
        }
        _samples.Clear();
    }

    private async Task CopyMetricsAsync(CancellationToken cancel)
    {
        await ids.EnsureAsync([.. _metrics.Select(m => m.Series)], cancel);
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using (var copy = await connection.BeginBinaryImportAsync("COPY telemetry.metric (at, value, series) FROM STDIN (FORMAT BINARY)", cancel))
        {
            foreach (var metric in _metrics)
            {
                ids.TryGet(metric.Series, out var series);
                await copy.StartRowAsync(cancel);
                await copy.WriteAsync(metric.At.UtcDateTime, NpgsqlDbType.TimestampTz, cancel);
                await copy.WriteAsync(metric.Value, NpgsqlDbType.Double, cancel);
                await copy.WriteAsync(series, NpgsqlDbType.Integer, cancel);
            }
            await copy.CompleteAsync(cancel);
        }
        _metrics.Clear();
    }

    private async Task WriteTransitionsAsync(CancellationToken cancel)
    {
        while (_transition is not null || buffer.Transitions.Reader.TryRead(out _transition))
        {
            await using var insert = database.App.CreateCommand("INSERT INTO telemetry.transition (at, kind, key, from_status, to_status, reason) VALUES ($1, $2, $3, $4, $5, $6)");
            insert.Parameters.Add(new NpgsqlParameter { Value = _transition.At.UtcDateTime });
            foreach (var text in (string[])[_transition.Kind, _transition.Key, Word(_transition.From), Word(_transition.To), _transition.Reason])
                insert.Parameters.Add(new NpgsqlParameter { Value = text });
            await insert.ExecuteNonQueryAsync(cancel);
            _transition = null;
        }
    }

    private async Task MaintainAsync(CancellationToken cancel)
    {
        var o = options.Value;
        await using (var cover = database.App.CreateCommand("SELECT telemetry.cover(now() - interval '1 day', now() + interval '2 days')"))
            await cover.ExecuteNonQueryAsync(cancel);
        await using var expire = database.App.CreateCommand("SELECT telemetry.expire($1, $2, $3, $4)");
        foreach (var days in (int[])[o.RawDays, o.MinuteDays, o.HourDays, o.DayDays])
            expire.Parameters.Add(new NpgsqlParameter { Value = days });
        await expire.ExecuteNonQueryAsync(cancel);
        _maintained = time.GetTimestamp();
    }

    private void Say(HealthStatus status)
    {
        if (buffer.Dropped > 0 && status == HealthStatus.Degraded)
            status = HealthStatus.Critical;
        if (status == _status && time.GetElapsedTime(_said) < SayEvery)
            return;
        _status = status;
        _said = time.GetTimestamp();
        var waiting = buffer.Samples.Reader.Count + buffer.Metrics.Reader.Count + _samples.Count + _metrics.Count;
        var dropped = buffer.Dropped > 0 ? $", {buffer.Dropped} dropped since the start" : "";
        reducer.Component(ComponentName, status, _awaySince is { } since ? $"database away since {since:HH:mm:ss}Z, {waiting} values wait{dropped}" : $"samples are stored{dropped}", time.GetUtcNow());
    }

    private static string Word(HealthStatus status) => status.ToString().ToLowerInvariant();

    [LoggerMessage(2010, LogLevel.Warning, "The console's database does not take telemetry; it waits in memory")]
    private partial void LogAway(Exception exception);

    [LoggerMessage(2011, LogLevel.Information, "The console's database takes telemetry again after {Seconds:0} s")]
    private partial void LogBack(double seconds);
}
