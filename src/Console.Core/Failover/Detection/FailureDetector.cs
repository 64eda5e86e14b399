using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Live.Nodes;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>Runs a detector for each cluster, in process, with no queue between detection and action.</summary>
internal sealed partial class FailureDetector(
    FleetModel fleet, PulseMeters meters, OldPrimary oldPrimary, AutomaticFailover automatic, Automation automation, OperationService operations, LocalOperations local, OperationReader reader, ObserverNode observer, IFleetFeed feed, IFailoverFacts facts,
    TrafficEdge edge, IFleetSessions sessions, IAuditLog audit, NodeHost hosts, LastSeen seen, RoundTrips ways, FailoverOptions options, TimeProvider time, ILogger<FailureDetector> log) : BackgroundService
{
    private static readonly TimeSpan PolicyEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WarmEvery = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan AfterStart = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var (policy, lived) = (new DetectorPolicy(), new LivedTime(time));
        await Task.WhenAll(Watched.Select(c => WatchAsync(c, policy, lived, stoppingToken)).Append(lived.RunAsync(stoppingToken)).Append(ReadPolicyAsync(policy, stoppingToken)).Append(KeepWarmAsync(policy, stoppingToken)));
    }

    private IEnumerable<ClusterOptions> Watched => fleet.Options.Clusters.Where(c => c.Driver == ClusterDriver.Postgres && c.Nodes.Count > 1);

    private async Task WatchAsync(ClusterOptions cluster, DetectorPolicy policy, LivedTime lived, CancellationToken cancel)
    {
        using var detector = new ClusterDetector(cluster, meters, policy,
            new LossResponse(cluster, fleet, policy, operations, reader, local, () => observer.Leads, feed, seen, options, time, log), new ReturnedPrimary(cluster, oldPrimary, policy, operations, time, log),
            new LeftBehind(cluster, fleet, policy, reader, operations, time, log), new WriteLead(cluster, edge, sessions, audit, policy, time, log), new ConfirmationLead(cluster, audit, policy, () => observer.Leads, time, log), seen, lived, ways, options, time, log);
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
                    clusters[cluster.Id] = new ClusterKnowledge(allowed.GetValueOrDefault(cluster.Id), await reader.TopologyHolderAsync(resource, cancel),
                        await reader.LastStartedAsync(OperationKinds.Failover, Person.Console.Id, resource, cancel));
                }
                policy.Set(clusters, await automation.ListAsync(cancel));
                if (clusters.Values.Any(c => c.Allowed)) await local.ReserveAsync(cancel);
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

    private async Task KeepWarmAsync(DetectorPolicy policy, CancellationToken cancel)
    {
        var warm = new WarmUp(edge, hosts, sessions, local, log);
        var start = time.GetTimestamp();
        var once = false;
        while (!cancel.IsCancellationRequested)
        {
            // A planned move gains by it, too: once for every cluster, when the start is over.
            var all = !once && time.GetElapsedTime(start) > AfterStart;
            once |= all;
            var clusters = Watched.Where(c => all || policy.Allows(c.Id)).ToList();
            foreach (var cluster in clusters) await warm.KeepAsync(cluster, cancel);
            await Task.WhenAny(Task.Delay(once && clusters.Count > 0 ? WarmEvery : PolicyEvery, time, cancel));
        }
    }

    [LoggerMessage(5110, LogLevel.Warning, "The console's database does not answer: what was known of automatic failover and holds goes on counting. {Problem}")]
    private partial void LogPolicyKept(string problem);
}
