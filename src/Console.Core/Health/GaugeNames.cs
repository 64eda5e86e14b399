namespace OpsConsole.Core.Health;

/// <summary>Names of the figures that the shipped probes read. Business metrics have the names of the configuration.</summary>
public static class GaugeNames
{
    /// <summary>Requests, transactions or commands per second: shown as the service's throughput.</summary>
    public const string Throughput = "throughput";
    public const string Connections = "connections";
    public const string ConnectionsPercent = "connectionsPercent";
    public const string PoolWaiting = "poolWaiting";
    public const string SizeBytes = "sizeBytes";
    public const string SlowQueries = "slowQueries";
    public const string ConnectMs = "connectMs";
    public const string QueryMs = "queryMs";
    public const string CertificateDays = "certificateDays";
    public const string MemoryBytes = "memoryBytes";
    public const string ConnectedReplicas = "connectedReplicas";
    public const string ReplicaLagSeconds = "replicaLagSeconds";
    public const string QueueLength = "queueLength";
    public const string QueueActive = "queueActive";
    public const string QueueSuccessPercent = "queueSuccessPercent";
    public const string QueueDurationMs = "queueDurationMs";
    public const string CpuPercent = "cpuPercent";
    public const string MemoryPercent = "memoryPercent";
    public const string DiskPercent = "diskPercent";
    public const string NetworkBytesPerSecond = "networkBytesPerSecond";
    public const string LossPercent = "lossPercent";
}
