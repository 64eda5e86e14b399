using Microsoft.Extensions.Options;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Drivers.Postgres;

/// <summary>PostgreSQL 15 and newer with streaming replication; a cluster that Patroni manages is observed in the same way.</summary>
public sealed class PostgresReplicationDriver(IOptions<ReplicationOptions> options, TimeProvider time) : IReplicationDriver
{
    public bool Serves(ClusterDriver driver) => driver is ClusterDriver.Postgres or ClusterDriver.Patroni;

    public INodeObserver Observe(ClusterOptions cluster, ClusterNodeOptions node) => new PostgresNodeObserver(cluster, node, options.Value.TimeoutSeconds);

    public IHeartbeatChannel Heartbeats(ClusterOptions cluster) => new PostgresHeartbeatChannel(cluster, options.Value.TimeoutSeconds, time);
}
