using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>What people allow the detector to do, as last read: reading goes on in the background, so that judging waits for no database.</summary>
internal sealed class DetectorPolicy
{
    private volatile IReadOnlyDictionary<string, bool> _enabled = new Dictionary<string, bool>();
    private volatile IReadOnlyList<ActiveHold> _holds = [];

    public bool Allows(string cluster) => _enabled.GetValueOrDefault(cluster);

    /// <summary>Why nothing is done by itself on the cluster now; null when nothing keeps the console from it.</summary>
    public string? Hold(ClusterOptions cluster)
    {
        var scopes = cluster.Nodes.Select(n => $"region:{n.Region}").Append($"cluster:{cluster.Id}").Append(Automation.Fleet).ToHashSet();
        return _holds.FirstOrDefault(h => h.Hold is Operations.Hold.Maintenance or Operations.Hold.AutomationPaused && scopes.Contains(h.Scope)) is { } hold ? $"{hold.Hold} of {hold.Scope}: {hold.Reason}" : null;
    }

    public void Set(IEnumerable<AutomaticState> automatic, IReadOnlyList<ActiveHold> holds) => (_enabled, _holds) = (automatic.ToDictionary(a => a.Cluster, a => a.Enabled), holds);
}

/// <summary>Runs a detector for each cluster, in process, with no queue between detection and action.</summary>
internal sealed partial class FailureDetector(
    FleetModel fleet, PulseMeters meters, OldPrimary oldPrimary, AutomaticFailover automatic, Automation automation, OperationService operations, IFleetFeed feed, IFailoverFacts facts,
    FailoverOptions options, TimeProvider time, ILogger<FailureDetector> log) : BackgroundService
{
    private static readonly TimeSpan PolicyEvery = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var policy = new DetectorPolicy();
        await Task.WhenAll(fleet.Options.Clusters.Where(c => c.Driver == ClusterDriver.Postgres && c.Nodes.Count > 1)
            .Select(c => WatchAsync(c, policy, stoppingToken))
            .Append(ReadPolicyAsync(policy, stoppingToken)));
    }

    private async Task WatchAsync(ClusterOptions cluster, DetectorPolicy policy, CancellationToken cancel)
    {
        using var detector = new ClusterDetector(cluster, fleet, meters, oldPrimary, policy, operations, feed, options, time, log);
        await detector.RunAsync(cancel);
    }

    private async Task ReadPolicyAsync(DetectorPolicy policy, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                policy.Set(await automatic.ListAsync(cancel), await automation.ListAsync(cancel));
                // Kept fresh, so that nothing has to be measured between a loss and the action.
                foreach (var cluster in fleet.Options.Clusters.Where(c => policy.Allows(c.Id))) await facts.GatherAsync(cluster.Id, cancel);
            }
            catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or TimeoutException)
            {
                LogPolicyKept(e.Message); // what was known goes on counting
            }
            catch (OperationCanceledException)
            {
                return;
            }
            await Task.WhenAny(Task.Delay(PolicyEvery, time, cancel));
        }
    }

    [LoggerMessage(5110, LogLevel.Warning, "The console's database does not answer: what was known of automatic failover and holds goes on counting. {Problem}")]
    private partial void LogPolicyKept(string problem);
}
