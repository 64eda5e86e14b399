using System.Globalization;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills.Tests;

/// <summary>Every service of both regions was seen just now, and is not down.</summary>
public sealed class ConnectivityTest(FleetModel fleet, IFleetFeed feed, TimeProvider time) : IDrillTest
{
    private const double Fresh = 30;
    public string Id => "connectivity";

    public Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var services = fleet.Options.Services.Where(s => s.Region == pair.Source || s.Region == pair.Target).Select(s => (s.Id, State: feed.Current.Services.GetValueOrDefault(s.Id))).ToList();
        var now = time.GetUtcNow();
        var silent = services.Where(s => s.State is not { Status: HealthStatus.Healthy or HealthStatus.Degraded, LastSampleAt: { } at } || (now - at).TotalSeconds > Fresh).ToList();
        return Task.FromResult(silent.Count == 0 ? DrillOutcome.Passed($"{services.Count} of {services.Count} services answer")
            : DrillOutcome.Failed($"{services.Count - silent.Count} of {services.Count} services answer; not {string.Join(", ", silent.Select(s => $"{s.Id} ({s.State?.Status.Word() ?? "never seen"})"))}"));
    }
}

/// <summary>The target's node streams, and lags less than the RPO allows.</summary>
public sealed class ReplicationTest(FleetModel fleet, IFleetFeed feed) : IDrillTest
{
    public string Id => "replication";

    public Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var cluster = fleet.Clusters[pair.Cluster];
        var limit = ObjectiveTargets.Rpo(cluster.RpoSeconds, cluster.Tier).Seconds;
        if (feed.Current.Links.GetValueOrDefault(LinkState.KeyOf(pair.Cluster, pair.Source, pair.Target)) is not { } link) return Task.FromResult(DrillOutcome.Failed($"no stream from {pair.Source} to {pair.Target} is seen"));
        var lag = link.HeartbeatLagSeconds ?? link.LagSeconds;
        return Task.FromResult(DrillOutcome.Of(link.State == "streaming" && lag <= limit, string.Create(CultureInfo.InvariantCulture, $"{link.State}, {(lag is { } l ? $"{l:0.##} s behind" : "lag unknown")}, RPO {limit:0} s")));
    }
}

/// <summary>Heartbeats through the clients' endpoint are acknowledged. As <c>write-path-after</c> it waits until the picture has followed a move.</summary>
public sealed class WritePathTest(FleetModel fleet, IFleetFeed feed, TimeProvider time, bool after) : IDrillTest
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    public string Id => after ? "write-path-after" : "write-path";

    public async Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        if (!fleet.Clusters[pair.Cluster].Heartbeat.Enabled) return DrillOutcome.Skipped("heartbeats of the cluster are off");
        var expected = after ? pair.Target : null;
        for (var began = time.GetTimestamp(); ;)
        {
            var state = feed.Current.Clusters.GetValueOrDefault(pair.Cluster);
            var age = (time.GetUtcNow() - state?.LastHeartbeatAt)?.TotalSeconds;
            if (state is { WriteAvailable: true } && age < 5 && (expected is null || state.PrimaryRegion == expected))
                return DrillOutcome.Passed(string.Create(CultureInfo.InvariantCulture, $"a write was acknowledged {age:0.0} s ago; the primary is in {state.PrimaryRegion}"));
            if (time.GetElapsedTime(began) > Patience)
                return DrillOutcome.Failed(string.Create(CultureInfo.InvariantCulture, $"writes are {(state?.WriteAvailable == true ? "" : "not ")}acknowledged, the last one {age:0.0} s ago; the primary is in {state?.PrimaryRegion ?? "no known region"}"));
            await Task.Delay(TimeSpan.FromMilliseconds(250), time, context.Cancel);
        }
    }
}

/// <summary>Nothing of the cluster differs from the declaration.</summary>
public sealed class DriftTest(IFleetFeed feed) : IDrillTest
{
    public string Id => "drift";

    public Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var drift = feed.Current.Clusters.GetValueOrDefault(pair.Cluster)?.Drift;
        return Task.FromResult(drift is not { } known ? DrillOutcome.Failed("the cluster was never seen") : DrillOutcome.Of(known.IsDefaultOrEmpty, known.IsDefaultOrEmpty ? "nothing differs" : string.Join("; ", known)));
    }
}

/// <summary>All that services of the target depend on is healthy.</summary>
public sealed class DependencyTest(FleetModel fleet, IFleetFeed feed) : IDrillTest
{
    public string Id => "dependencies";

    public Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var needed = fleet.ServicesOf(pair.Target).SelectMany(s => s.DependsOn).Distinct().Order(StringComparer.Ordinal).ToList();
        if (needed.Count == 0) return Task.FromResult(DrillOutcome.Skipped($"no service of {pair.Target} declares what it depends on"));
        var broken = needed.Where(n => feed.Current.Services.GetValueOrDefault(n)?.Status is not (HealthStatus.Healthy or HealthStatus.Degraded)).ToList();
        return Task.FromResult(DrillOutcome.Of(broken.Count == 0, $"{needed.Count - broken.Count} of {needed.Count} dependencies are up{(broken.Count == 0 ? "" : $"; not {string.Join(", ", broken)}")}"));
    }
}

/// <summary>What readiness says of one of its checks.</summary>
public sealed class ReadinessTest(IFleetFeed feed, string id, string check) : IDrillTest
{
    public string Id => id;

    public Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var found = feed.Current.Readiness.GetValueOrDefault(LinkState.KeyOf(pair.Cluster, pair.Source, pair.Target))?.Checks.FirstOrDefault(c => c.Id == check);
        return Task.FromResult(found is null ? DrillOutcome.Skipped($"readiness of {pair.Source} to {pair.Target} was not measured yet")
            : DrillOutcome.Of(found.Verdict != CheckVerdict.Blocking, $"{found.Measured}{(found.Limit.Length > 0 ? $", limit {found.Limit}" : "")}: {found.Message}"));
    }
}
