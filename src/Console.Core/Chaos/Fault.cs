using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpsConsole.Core.Chaos;

/// <summary>Kinds of fault. They are stored in plans: a word once used keeps its meaning.</summary>
public static class FaultKinds
{
    /// <summary>On a link. <c>latencyMs</c> each way, <c>jitterMs</c>.</summary>
    public const string NetworkLatency = "network.latency";
    /// <summary>On a link. <c>kilobytesPerSecond</c> each way.</summary>
    public const string NetworkBandwidth = "network.bandwidth";
    /// <summary>On a link. <c>as</c>: <c>stall</c> or <c>reset</c>; the intensity is the share of connections. Packets cannot be lost inside
    /// a TCP connection: what an application sees of it is a connection that stalls or is reset.</summary>
    public const string NetworkLoss = "network.loss";
    /// <summary>On a link: nothing passes, nothing is refused.</summary>
    public const string NetworkPartition = "network.partition";
    /// <summary>On a region: every link from and to it.</summary>
    public const string RegionCutOff = "region.cutOff";
    /// <summary>On a region's host: busy processes; the intensity is the share of its processors.</summary>
    public const string HostCpu = "host.cpu";
    /// <summary>On a region's host: <c>megabytes</c> held, bounded by the options.</summary>
    public const string HostMemory = "host.memory";
    /// <summary>On a region's host: <c>megabytes</c> in the scratch area, bounded by the options.</summary>
    public const string HostDisk = "host.disk";
    /// <summary>On a service's process: SIGKILL; started again afterwards.</summary>
    public const string ProcessKill = "process.kill";
    /// <summary>On a service's process: stopped in order (SIGTERM), and started again: a restart.</summary>
    public const string ProcessRestart = "process.restart";
    /// <summary>On a service's process: SIGSTOP; goes on afterwards.</summary>
    public const string ProcessFreeze = "process.freeze";
    /// <summary>On a service's container: restarted by the host's own command.</summary>
    public const string ContainerRestart = "container.restart";
    /// <summary>On a cluster's node: client sessions are ended again and again.</summary>
    public const string DatabaseSessions = "database.sessions";
    /// <summary>On a cluster's node: idle connections up to the intensity's share of <c>max_connections</c>.</summary>
    public const string DatabaseConnections = "database.connections";
    /// <summary>On a cluster's primary: tables are locked in pulses, so that statements wait; <c>lockMs</c> of each second.</summary>
    public const string DatabaseSlow = "database.slow";
    /// <summary>On a cluster: a switchover by the failover planner, and back.</summary>
    public const string DatabaseFailover = "database.failover";
    /// <summary>On a service with a fault switch: the intensity is the share of requests that fail.</summary>
    public const string ApplicationErrors = "application.errors";
    /// <summary>On a service with a fault switch: <c>latencyMs</c> added to each request.</summary>
    public const string ApplicationLatency = "application.latency";
    /// <summary>On a traffic manager: its frontends take no connections.</summary>
    public const string BalancerDown = "balancer.down";
}

/// <summary>One fault on one target. Everything that bringing it about and taking it back need: it is a step's parameters.</summary>
/// <param name="Target"><c>link:FROM>TO/SERVICE</c>, <c>region:ID</c>, <c>service:ID</c>, <c>node:CLUSTER/REGION</c>, <c>cluster:ID</c>, <c>trafficManager:ID</c></param>
/// <param name="Tag">names it in the world (a toxic, a pid file, an application name), so that it is found after a crash: letters, digits, dashes, at most 40</param>
/// <param name="IntensityPercent">1 to 100; what it means depends on the kind</param>
/// <param name="DurationSeconds">planned; a host fault ends by itself some time later even when nobody reverts it</param>
public sealed record Fault(string Kind, string Target, string Tag, double IntensityPercent, double DurationSeconds, JsonObject Settings)
{
    /// <summary>A number from the settings, or the default.</summary>
    public double Number(string name, double otherwise) => Settings[name] is { } value && value.GetValueKind() == JsonValueKind.Number ? value.Deserialize<double>() : otherwise;

    public string Word(string name, string otherwise) => Settings[name] is { } value && value.GetValueKind() == JsonValueKind.String ? value.Deserialize<string>()! : otherwise;

    /// <summary>The part of the target after the colon.</summary>
    public string Id => Target[(Target.IndexOf(':', StringComparison.Ordinal) + 1)..];

    /// <summary>The tag of a step of an operation; the same after every restart.</summary>
    public static string TagOf(Guid operation, int step) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"opsconsole-{operation.ToString("N")[^12..]}-{step}");
}

public enum FaultPresence { Absent, Partial, Present }

/// <summary>What the world says of a fault.</summary>
/// <param name="Measured">in words, with numbers and units: "20 of 20 toxics on 10 links"</param>
public sealed record FaultReading(FaultPresence Presence, string Measured)
{
    public static FaultReading Of(int found, int wanted, string what) => new(
        found == 0 ? FaultPresence.Absent : found < wanted ? FaultPresence.Partial : FaultPresence.Present,
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{found} of {wanted} {what}"));
}

/// <summary>A fault could not be brought about, read or taken back, for a reason that a person can read.</summary>
public sealed class FaultException : Exception
{
    public FaultException(string message) : base(message) { }
    public FaultException(string message, Exception inner) : base(message, inner) { }
}
