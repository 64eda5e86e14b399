using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups;

/// <summary>The figures of IF-2 about backups, on the meter that <c>/metrics</c> shows. Ages are of the newest picture; what is unknown has no sample.</summary>
public sealed class BackupMetrics : IOperationEnd, IDisposable
{
    /// <summary>As the host's own meter: one name for all of the console's figures.</summary>
    public const string MeterName = "OpsConsole";

    private static readonly string[] Kinds = [BackupKinds.Backup, BackupKinds.Verify, BackupKinds.Restore, BackupKinds.Expire];

    private readonly Meter _meter;
    private readonly Counter<long> _operations;
    private readonly Histogram<double> _recovery;
    private readonly ConcurrentDictionary<string, (DateTimeOffset? At, double LimitSeconds)> _restorable = [];
    private volatile BackupFigures _figures = new([], []);

    public BackupMetrics(IMeterFactory meters, TimeProvider time)
    {
        _meter = meters.Create(MeterName);
        _operations = _meter.CreateCounter<long>("dr_backup_operations", description: "Backups, verifications, restores and expiries that ended on this node");
        _recovery = _meter.CreateHistogram<double>("dr_recovery_time_seconds", description: "Measured time from the begin of a restore until its database answered");
        _meter.CreateObservableGauge("dr_backup_size_bytes", () => _figures.Sizes.Select(s => new Measurement<double>(s.Bytes, Tag("type", s.Type), Tag("region", s.Region))), description: "Bytes stored of backups that have not expired");
        Gauge("dr_backup_newest_restorable_age_seconds", "Age of the newest moment that can be restored", () => _restorable.Where(r => r.Value.At is not null).Select(r => (r.Key, (time.GetUtcNow() - r.Value.At!.Value).TotalSeconds)));
        Gauge("dr_backup_newest_restorable_limit_seconds", "Age of the newest restorable moment above which there is an alarm", () => _restorable.Select(r => (r.Key, r.Value.LimitSeconds)));
        Gauge("dr_backup_proven_age_seconds", "Age of the newest proof that a backup can be restored", () => _figures.Clusters.Where(c => c.ProvenAt is not null).Select(c => (c.Cluster, (time.GetUtcNow() - c.ProvenAt!.Value).TotalSeconds)));
    }

    /// <summary>Counts it as succeeded, failed or cancelled (which includes giving way to a failover). One that had to leave a step out has not succeeded.</summary>
    public void Ended(Operation operation)
    {
        if (!Kinds.Contains(operation.Kind) || operation.Request.Optional("destination") is "discard" or "takeBack") return;
        var status = operation.State switch
        {
            OperationState.Succeeded when operation.Steps.All(s => s.State != StepState.Skipped) => "succeeded",
            OperationState.Cancelled or OperationState.Expired => "cancelled",
            _ => "failed",
        };
        _operations.Add(1, Tag("operation", operation.Kind), Tag("status", status));
    }

    public void Recovered(string operation, double seconds) => _recovery.Record(seconds, Tag("operation", operation));

    public void Show(BackupFigures figures) => _figures = figures;

    /// <param name="newest">newest restorable moment of the cluster; null: none is known</param>
    public void Show(string cluster, DateTimeOffset? newest, double limitSeconds) => _restorable[cluster] = (newest, limitSeconds);

    private void Gauge(string name, string description, Func<IEnumerable<(string Cluster, double Value)>> of) =>
        _meter.CreateObservableGauge(name, () => of().Select(v => new Measurement<double>(v.Value, Tag("cluster", v.Cluster))), description: description);

    private static KeyValuePair<string, object?> Tag(string name, string value) => KeyValuePair.Create(name, (object?)value);

    public void Dispose() => _meter.Dispose();
}

public sealed record StoredFigures(string Type, string Region, long Bytes);
public sealed record ClusterFigures(string Cluster, DateTimeOffset? ProvenAt);
public sealed record BackupFigures(IReadOnlyList<StoredFigures> Sizes, IReadOnlyList<ClusterFigures> Clusters);
