using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Failover;

/// <summary>Facts from the live picture, and the little that it does not hold, each kept for a moment: asking often costs nothing.</summary>
public sealed class FailoverFacts(FleetModel fleet, IFleetFeed feed, TrafficEdge edge, OperationReader operations, Automation automation, FailoverOptions options, TimeProvider time, ProvenRecoveries? proven = null,
    IBackupCatalogue? backups = null, Detection.LastSeen? seen = null) : IFailoverFacts
{
    private static readonly TimeSpan Managers = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Observed = TimeSpan.FromSeconds(30);
    private readonly Kept<(IReadOnlyList<string> Silent, double? LoadRps, IReadOnlyDictionary<string, int>? Weights)> _traffic = new(Managers, time, keep: t => t.Silent.Count == 0);
    private readonly Kept<IReadOnlyList<ActiveHold>> _holds = new(TimeSpan.FromSeconds(1), time);
    private readonly Dictionary<string, Kept<double?>> _skew = fleet.Clusters.Keys.ToDictionary(c => c, _ => new Kept<double?>(TimeSpan.FromSeconds(30), time));
    private readonly Dictionary<string, Kept<DateTimeOffset?>> _backups = fleet.Clusters.Keys.ToDictionary(c => c, _ => new Kept<DateTimeOffset?>(TimeSpan.FromSeconds(10), time));
    private (long Requests, long At)? _counted;

    public async Task<PreflightFacts> GatherAsync(string cluster, CancellationToken cancel)
    {
        var declared = fleet.Clusters[cluster];
        // What the observing node measures all the time reaches every node with the picture.
        var observed = feed.Current.Readiness.Values.FirstOrDefault(r => r.Cluster == cluster && time.GetUtcNow() - r.AsOf < Observed);
        var traffic = await _traffic.GetAsync(TrafficAsync, cancel);
        var scopes = Automation.ScopesOf(declared);
        var held = (await _holds.GetAsync(automation.ListAsync, cancel)).FirstOrDefault(h => scopes.Contains(h.Scope) && h.Hold is Hold.Maintenance or Hold.AutomationPaused);
        var holder = await operations.TopologyHolderAsync($"cluster:{cluster}", cancel);
        return new PreflightFacts(fleet, feed.Current, time.GetUtcNow(), ObjectiveTargets.Rpo(declared.RpoSeconds, declared.Tier).Seconds)
        {
            LoadRps = traffic.LoadRps ?? (traffic.Silent.Count == 0 ? observed?.LoadRps : null),
            Weights = traffic.Weights,
            UnreachableTrafficManagers = traffic.Silent,
            MaintenanceReason = held is null ? null : $"{held.Scope}: {held.Reason}",
            RunningOperation = holder is null || OperationKinds.Preempts(OperationKinds.Failover, holder.Kind) ? null : $"{holder.Kind} {holder.Id}",
            LastWritten = declared.Nodes.ToDictionary(n => n.Region, n => seen?.Position(cluster, n.Region)),
            ConfirmationsInForce = declared.Nodes.ToDictionary(n => n.Region, n => seen?.Confirmations(cluster, n.Region)),
            ClockSkewSeconds = _skew[cluster].Peek(token => SkewAsync(declared, token)) ?? observed?.ClockSkewSeconds,
            SwitchoverSeconds = proven?.Of(cluster, planned: true)?.RtoSeconds,
            NewestBackupAt = backups is null ? null : await _backups[cluster].GetAsync(async token => (await backups.NewestVerifiedAsync(cluster, token))?.EndedAt, cancel),
            ConsoleStateRegion = options.ConsoleStateRegion,
        };
    }

    private async Task<(IReadOnlyList<string>, double?, IReadOnlyDictionary<string, int>?)> TrafficAsync(CancellationToken cancel)
    {
        var silent = await edge.UnreachableAsync(Managers, time, cancel);
        if (silent.Count > 0) return (silent, null, null);
        var requests = (await edge.CountersAsync(cancel)).Values.Sum(c => c.Requests);
        var at = time.GetTimestamp();
        double? load = _counted is { } before && requests >= before.Requests && time.GetElapsedTime(before.At, at).TotalSeconds is > 0.5 and var seconds ? (requests - before.Requests) / seconds : null;
        _counted = (requests, at);
        var weights = await edge.WeightsAsync(cancel);
        return (silent, load, weights.Count == 0 ? null : weights);
    }

    private async Task<double?> SkewAsync(ClusterOptions cluster, CancellationToken cancel)
    {
        var skews = await Task.WhenAll(cluster.Nodes.Select(async node =>
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(Managers);
            try
            {
                await using var connection = await NodeConnection.OpenAsync(cluster, node, "opsconsole clock", limit.Token);
                var before = time.GetUtcNow();
                var theirs = await connection.ScalarAsync<DateTime>("SELECT clock_timestamp()", limit.Token);
                var after = time.GetUtcNow();
                return (double?)(theirs - (before + (after - before) / 2).UtcDateTime).TotalSeconds;
            }
            catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or TimeoutException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                return null; // not in reach: another check says so
            }
        }));
        return skews.OfType<double>().Select(Math.Abs).DefaultIfEmpty(double.NaN).Max() is var most && double.IsNaN(most) ? null : most;
    }
}

/// <summary>A value that is measured again only when it is older than it may be. Callers never wait for a second measurement: they get
/// the last one while the next is made. Callers at once share one measurement.</summary>
/// <param name="keep">which values may be kept; null: all. One that may not is measured again by the next who asks.</param>
internal sealed class Kept<T>(TimeSpan age, TimeProvider time, Func<T, bool>? keep = null)
{
    private readonly Lock _gate = new();
    private (T Value, long At)? _last;
    private Task<T>? _measuring;

    /// <summary>Waits only when nothing was measured yet.</summary>
    public Task<T> GetAsync(Func<CancellationToken, Task<T>> measure, CancellationToken cancel)
    {
        lock (_gate)
        {
            if (_last is { } last && time.GetElapsedTime(last.At) < age) return Task.FromResult(last.Value);
            if (_measuring is null or { IsCompleted: true }) _measuring = MeasureAsync(measure);
            return _last is { } stale && time.GetElapsedTime(stale.At) < age * 3 ? Task.FromResult(stale.Value) : _measuring.WaitAsync(cancel);
        }
    }

    /// <summary>Never waits: what was measured last, or nothing.</summary>
    public T? Peek(Func<CancellationToken, Task<T>> measure)
    {
        lock (_gate)
        {
            if ((_last is not { } last || time.GetElapsedTime(last.At) >= age) && _measuring is null or { IsCompleted: true }) _measuring = MeasureAsync(measure);
            return _last is { } known ? known.Value : default;
        }
    }

    private async Task<T> MeasureAsync(Func<CancellationToken, Task<T>> measure)
    {
        await Task.Yield(); // not under the caller's lock
        var value = await measure(CancellationToken.None);
        lock (_gate) _last = keep is null || keep(value) ? (value, time.GetTimestamp()) : null;
        return value;
    }
}
