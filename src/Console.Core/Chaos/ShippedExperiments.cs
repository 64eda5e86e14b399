using System.Text.Json.Nodes;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

/// <summary>The library that comes with the console (CH-1): resolved against whatever fleet is declared.</summary>
public static class ShippedExperiments
{
    // What customers notice of an experiment that a healthy fleet carries.
    private static readonly string[] Unharmed = ["customers.availabilityPercent >= 95", "customers.p95Ms <= 1000", "fleet.servingRegions >= 2"];
    private static readonly string[] Bearable = ["customers.availabilityPercent >= 80", "fleet.servingRegions >= 2"];
    // Ends it: the hurt goes beyond what was asked for.
    private static readonly string[] TooMuch = ["customers.availabilityPercent <= 50"];
    private static readonly string[] WritesGone = ["customers.availabilityPercent <= 50", "CLUSTER.writeGapSeconds >= 20"];

    public static IReadOnlyList<Experiment> All { get; } =
    [
        new()
        {
            Id = "database-failover", Title = "Switch the database over and back", Group = ExperimentGroup.Database, Severity = Severity.High, Fault = FaultKinds.DatabaseFailover,
            Purpose = "Applications live through a change of the primary, and through the way back.", Targets = new(TargetPool.Cluster), DurationSeconds = 20,
            Hypothesis = ["customers.availabilityPercent >= 90", "CLUSTER.writeGapSeconds <= 15"], Abort = ["customers.availabilityPercent <= 30"],
        },
        new()
        {
            Id = "database-standby-kill", Title = "Kill a standby's postmaster", Group = ExperimentGroup.Database, Severity = Severity.Medium, Fault = FaultKinds.ProcessKill,
            Purpose = "Commits go on with the standbys that are left.", Targets = new(TargetPool.Standby), Hypothesis = [.. Bearable, "CLUSTER.writeGapSeconds <= 5"], Abort = [.. WritesGone],
        },
        new()
        {
            Id = "database-primary-kill", Title = "Kill the primary's postmaster", Group = ExperimentGroup.Database, Severity = Severity.Critical, Fault = FaultKinds.ProcessKill, CanLoseData = true,
            Purpose = "The loss of the primary is seen at once, and what was acknowledged is there afterwards.", Targets = new(TargetPool.Primary), DurationSeconds = 15,
            Hypothesis = ["fleet.servingRegions >= 2"], Abort = ["customers.availabilityPercent <= 10"],
        },
        new()
        {
            Id = "database-connections", Title = "Use up the primary's connections", Group = ExperimentGroup.Database, Severity = Severity.Medium, Fault = FaultKinds.DatabaseConnections, IntensityPercent = 80,
            Purpose = "Poolers keep applications going when the database has few connections left.", Targets = new(TargetPool.PrimaryNode), Hypothesis = [.. Unharmed, "CLUSTER.writeGapSeconds <= 5"], Abort = [.. WritesGone],
        },
        new()
        {
            Id = "database-slow-queries", Title = "Make statements on the primary wait", Group = ExperimentGroup.Database, Severity = Severity.Medium, Fault = FaultKinds.DatabaseSlow,
            Purpose = "Slow statements slow customers down, and do not turn them away.", Targets = new(TargetPool.PrimaryNode), Hypothesis = [.. Bearable], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "database-session-loss", Title = "End sessions on the primary", Group = ExperimentGroup.Database, Severity = Severity.Medium, Fault = FaultKinds.DatabaseSessions, IntensityPercent = 30,
            Purpose = "Applications connect anew without losing orders.", Targets = new(TargetPool.PrimaryNode), Hypothesis = [.. Bearable, "CLUSTER.writeGapSeconds <= 5"], Abort = [.. WritesGone],
        },
        new()
        {
            Id = "service-kill", Title = "Kill an API's process", Group = ExperimentGroup.Infrastructure, Severity = Severity.Medium, Fault = FaultKinds.ProcessKill,
            Purpose = "The load balancer leaves out a dead region within seconds.", Targets = new(TargetPool.Service, Kind: "api", Role: "standby"), Hypothesis = [.. Bearable], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "service-freeze", Title = "Freeze an API's process", Group = ExperimentGroup.Infrastructure, Severity = Severity.Medium, Fault = FaultKinds.ProcessFreeze,
            Purpose = "A process that hangs is noticed like one that died.", Targets = new(TargetPool.Service, Kind: "api", Role: "standby"), Hypothesis = [.. Bearable], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "service-restart", Title = "Restart an API", Group = ExperimentGroup.Infrastructure, Severity = Severity.Low, Fault = FaultKinds.ProcessRestart,
            Purpose = "A restart in one region is no event for customers.", Targets = new(TargetPool.Service, Kind: "api", Role: "standby"), DurationSeconds = 15, Hypothesis = [.. Bearable], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "cache-kill", Title = "Kill a cache's process", Group = ExperimentGroup.Infrastructure, Severity = Severity.Low, Fault = FaultKinds.ProcessKill,
            Purpose = "Without its cache a region is slower, or left out, and customers are served.", Targets = new(TargetPool.Service, Kind: "cache", Role: "standby"), Hypothesis = [.. Bearable], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "container-restart", Title = "Restart a container", Group = ExperimentGroup.Infrastructure, Severity = Severity.Low, Fault = FaultKinds.ContainerRestart,
            Purpose = "A restarted container takes up its work again.", Targets = new(TargetPool.Service, Kind: "api", Role: "standby"), DurationSeconds = 15, Hypothesis = [.. Bearable], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "host-cpu", Title = "Press a host's processors", Group = ExperimentGroup.Infrastructure, Severity = Severity.Low, Fault = FaultKinds.HostCpu,
            Purpose = "A busy host slows its region down and no other.", Targets = new(TargetPool.Region, Role: "standby"), Hypothesis = [.. Unharmed], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "host-memory", Title = "Take a host's memory", Group = ExperimentGroup.Infrastructure, Severity = Severity.Low, Fault = FaultKinds.HostMemory,
            Purpose = "Services keep what they need when memory is short.", Targets = new(TargetPool.Region, Role: "standby"), Hypothesis = [.. Unharmed], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "host-disk", Title = "Fill a host's scratch disk", Group = ExperimentGroup.Infrastructure, Severity = Severity.Low, Fault = FaultKinds.HostDisk,
            Purpose = "A filling disk is seen before it is full.", Targets = new(TargetPool.Region, Role: "standby"), Hypothesis = [.. Unharmed], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "load-balancer-failure", Title = "Close the load balancer's frontends", Group = ExperimentGroup.Infrastructure, Severity = Severity.Critical, Fault = FaultKinds.BalancerDown,
            Purpose = "The failure of the edge is noticed, and it recovers without help.", Targets = new(TargetPool.TrafficManager), DurationSeconds = 10, Hypothesis = ["fleet.servingRegions >= 2"],
        },
        new()
        {
            Id = "region-cut-off", Title = "Cut a standby region off", Group = ExperimentGroup.Regional, Severity = Severity.High, Fault = FaultKinds.RegionCutOff,
            Purpose = "The others carry the load, and commits go on.", Targets = new(TargetPool.Region, Role: "standby"), Hypothesis = [.. Bearable, "CLUSTER.writeGapSeconds <= 10"], Abort = [.. WritesGone],
        },
        new()
        {
            Id = "primary-region-cut-off", Title = "Cut the primary's region off", Group = ExperimentGroup.Regional, Severity = Severity.Critical, Fault = FaultKinds.RegionCutOff, CanLoseData = true,
            Purpose = "The loss of the primary's region is seen, and people are called.", Targets = new(TargetPool.Region, Role: "primary"), DurationSeconds = 20, Hypothesis = ["fleet.servingRegions >= 2"],
        },
        new()
        {
            Id = "network-latency", Title = "Slow replication links", Group = ExperimentGroup.Network, Severity = Severity.Low, Fault = FaultKinds.NetworkLatency,
            Purpose = "Commits wait no longer than the nearest standbys need.", Targets = new(TargetPool.Link, From: "standby", To: "primary", Service: "postgres", Count: "50%"),
            Settings = new() { ["latencyMs"] = 150, ["jitterMs"] = 30 }, Hypothesis = [.. Bearable, "CLUSTER.lagSeconds <= 30"], Abort = [.. WritesGone],
        },
        new()
        {
            Id = "network-bandwidth", Title = "Narrow the link from the edge to a region", Group = ExperimentGroup.Network, Severity = Severity.Low, Fault = FaultKinds.NetworkBandwidth,
            Purpose = "A narrow link slows one region down, and customers are served.", Targets = new(TargetPool.Link, From: "edge", To: "standby", Service: "api"),
            Settings = new() { ["kilobytesPerSecond"] = 128 }, Hypothesis = [.. Bearable], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "network-loss", Title = "Stall connections from the edge to a region", Group = ExperimentGroup.Network, Severity = Severity.Medium, Fault = FaultKinds.NetworkLoss, IntensityPercent = 30,
            Purpose = "Loss inside a connection shows as a stall: time-outs keep customers from waiting for ever.", Targets = new(TargetPool.Link, From: "edge", To: "standby", Service: "api"),
            Settings = new() { ["as"] = "stall" }, Hypothesis = [.. Bearable], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "network-resets", Title = "Reset connections from a region to its caches elsewhere", Group = ExperimentGroup.Network, Severity = Severity.Low, Fault = FaultKinds.NetworkLoss, IntensityPercent = 50,
            Purpose = "Clients connect again without help.", Targets = new(TargetPool.Link, From: "standby", To: "primary", Service: "redis"),
            Settings = new() { ["as"] = "reset" }, Hypothesis = [.. Bearable], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "network-partition", Title = "Part a standby from the primary", Group = ExperimentGroup.Network, Severity = Severity.Medium, Fault = FaultKinds.NetworkPartition,
            Purpose = "Commits go on with the standbys that are in reach, and the parted one catches up.", Targets = new(TargetPool.Link, From: "standby", To: "primary", Service: "postgres"),
            Hypothesis = [.. Bearable, "CLUSTER.writeGapSeconds <= 10"], Abort = [.. WritesGone],
        },
        new()
        {
            Id = "application-errors", Title = "Make an API fail", Group = ExperimentGroup.Application, Severity = Severity.Medium, Fault = FaultKinds.ApplicationErrors,
            Purpose = "Errors in one region stay a share of the whole, and are seen.", Targets = new(TargetPool.Service, Kind: "api", Role: "standby"), Hypothesis = ["customers.availabilityPercent >= 70"], Abort = [.. TooMuch],
        },
        new()
        {
            Id = "application-latency", Title = "Slow an API down", Group = ExperimentGroup.Application, Severity = Severity.Low, Fault = FaultKinds.ApplicationLatency,
            Purpose = "A slow region is noticed and costs no customer.", Targets = new(TargetPool.Service, Kind: "api", Role: "standby"),
            Settings = new() { ["latencyMs"] = 500 }, Hypothesis = [.. Bearable], Abort = [.. TooMuch],
        },
    ];
}
