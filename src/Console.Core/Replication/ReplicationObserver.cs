using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Replication;

/// <summary>RE-1 and RE-2 for every declared cluster.</summary>
public sealed class ReplicationObserver(
    FleetModel fleet, IEnumerable<IReplicationDriver> drivers, IFleetReducer reducer, IMetricSink metrics, IOptions<ReplicationOptions> options, TimeProvider time,
    ILogger<ReplicationObserver> logger) : IObserver
{
    public string Name => "replication";

    public Task RunAsync(CancellationToken cancel) => Together.RunAsync(
        fleet.Options.Clusters.Select<ClusterOptions, Func<CancellationToken, Task>>(cluster => token =>
            new ClusterWatch(cluster, drivers.First(d => d.Serves(cluster.Driver)), options.Value, reducer, metrics, time, logger).RunAsync(token)),
        cancel);
}
