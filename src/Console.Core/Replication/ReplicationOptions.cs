using System.ComponentModel.DataAnnotations;

namespace OpsConsole.Core.Replication;

/// <summary>Configuration section <c>Replication</c>.</summary>
public sealed class ReplicationOptions
{
    public const string Section = "Replication";

    /// <summary>How often each node is asked, in seconds.</summary>
    [Range(0.25, 60)] public double IntervalSeconds { get; set; } = 1;
    /// <summary>After which a node or the write endpoint that does not answer counts as unreachable, in seconds. A commit that waits for its standbys is given longer.</summary>
    [Range(1, 60)] public int TimeoutSeconds { get; set; } = 2;
    /// <summary>HE-2, RE-1: lag from which a link is degraded, in seconds.</summary>
    [Range(0.1, 86_400)] public double DegradedLagSeconds { get; set; } = 60;
    /// <summary>RE-1: lag from which a link is critical, in seconds.</summary>
    [Range(0.1, 86_400)] public double CriticalLagSeconds { get; set; } = 300;
    /// <summary>How often requests per region are counted at the traffic managers, in seconds.</summary>
    [Range(0.25, 60)] public double TrafficIntervalSeconds { get; set; } = 2;
    /// <summary>Window of the measured traffic shares, in seconds.</summary>
    [Range(2, 600)] public double TrafficWindowSeconds { get; set; } = 15;
    /// <summary>TR-4: how often round trips between regions are measured, in seconds.</summary>
    [Range(1, 3600)] public double LatencyIntervalSeconds { get; set; } = 60;
}
