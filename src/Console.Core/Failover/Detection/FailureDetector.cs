using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>Runs a detector for each cluster, in process, with no queue between detection and action.</summary>
internal sealed partial class FailureDetector(
    FleetModel fleet, PulseMeters meters, OldPrimary oldPrimary, AutomaticFailover automatic, Automation automation, OperationService operations, OperationReader reader, IFleetFeed feed, IFailoverFacts facts,
    TrafficEdge edge, IFleetSessions sessions, IAuditLog audit, NodeHost hosts, LastSeen seen, FailoverOptions options, TimeProvider time, ILogger<FailureDetector> log) : BackgroundService
{
    private static readonly TimeSpan PolicyEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WarmEvery = TimeSpan.FromSeconds(20);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var policy = new DetectorPolicy();
        await Task.WhenAll(Watched.Select(c => WatchAsync(c, policy, stoppingToken)).Append(ReadPolicyAsync(policy, stoppingToken)).Append(KeepWarmAsync(policy, stoppingToken)));
    }

    private IEnumerable<ClusterOptions> Watched => fleet.Options.Clusters.Where(c => c.Driver == ClusterDriver.Postgres && c.Nodes.Count > 1);

    private async Task WatchAsync(ClusterOptions cluster, DetectorPolicy policy, CancellationToken cancel)
    {
        using var detector = new ClusterDetector(cluster, meters, policy,
            new LossResponse(cluster, fleet, policy, operations, feed, seen, options, time, log), new ReturnedPrimary(cluster, oldPrimary, policy, operations, time, log),
            new WriteLead(cluster, edge, sessions, audit, policy, time, log), seen, options, time, log);
        await detector.RunAsync(cancel);
    }

    private async Task ReadPolicyAsync(DetectorPolicy policy, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                var allowed = (await automatic.ListAsync(cancel)).ToDictionary(a => a.Cluster, a => a.Enabled);
                var clusters = new Dictionary<string, ClusterKnowledge>();
                foreach (var cluster in Watched)
                {
                    var resource = $"cluster:{cluster.Id}";
                    clusters[cluster.Id] = new ClusterKnowledge(allowed.GetValueOrDefault(cluster.Id), await reader.HolderAsync(resource, ResourceClass.Topology, cancel),
                        await reader.LastStartedAsync(OperationKinds.Failover, Person.Console.Id, resource, cancel));
                }
                policy.Set(clusters, await automation.ListAsync(cancel));
                // Kept fresh, so that nothing has to be measured between a loss and the action.
                foreach (var cluster in clusters.Where(c => c.Value.Allowed)) await facts.GatherAsync(cluster.Key, cancel);
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

    /// <summary>Where a failover may begin at any moment the way to the hosts is kept open: a new one costs more than the commands.</summary>
    private async Task KeepWarmAsync(DetectorPolicy policy, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            foreach (var (cluster, node) in Watched.Where(c => policy.Allows(c.Id)).SelectMany(c => c.Nodes.Select(n => (c, n))).Where(n => hosts.Offers(n.n.Region, NodeHost.ControlData)))
            {
                try
                {
                    using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                    limit.CancelAfter(PolicyEvery * 5);
                    await hosts.ControlAsync(cluster.Id, node.Region, limit.Token);
                }
                catch (Exception e) when (e is HostShellException or OperationCanceledException)
                {
                    if (!cancel.IsCancellationRequested) LogHostAway(node.Region, e.Message); // another look tells people
                }
            }
            await Task.WhenAny(Task.Delay(Watched.Any(c => policy.Allows(c.Id)) ? WarmEvery : PolicyEvery, time, cancel));
        }
    }

    [LoggerMessage(5115, LogLevel.Debug, "The host of {Region} is not in reach: {Problem}")]
    private partial void LogHostAway(string region, string problem);

    [LoggerMessage(5110, LogLevel.Warning, "The console's database does not answer: what was known of automatic failover and holds goes on counting. {Problem}")]
    private partial void LogPolicyKept(string problem);
}
