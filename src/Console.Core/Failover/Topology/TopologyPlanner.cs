using System.Collections.Immutable;
using System.Text.Json.Nodes;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Topology;

/// <summary>What is done with a node that is no primary (RE-4).</summary>
public enum TopologyAction
{
    /// <summary>A fresh copy of the upstream, whatever lay there before: a new standby, or one that cannot be mended.</summary>
    AddStandby,
    /// <summary>Streams from another node.</summary>
    Repoint,
    /// <summary>A former primary, or a standby that fell behind: rewound, else copied afresh.</summary>
    Rejoin,
    /// <summary>The node is gone: slots that the others keep for it are dropped, so that they hold no log back.</summary>
    DropSlots,
}

/// <param name="Region">of the node</param>
/// <param name="Upstream">region that it streams from afterwards; null for dropped slots</param>
public sealed record TopologyRequest(string Cluster, TopologyAction Action, string Region, string? Upstream);

/// <summary>Plans changes of one standby.</summary>
public sealed class TopologyPlanner(FleetModel fleet, IFleetFeed feed) : IPlanner
{
    public const string KindName = "topology";

    public string Kind => KindName;

    public Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel) => Task.FromResult(Build(Read(request)));

    public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel)
    {
        var known = plan.Steps[0].Parameters;
        var request = new TopologyRequest(Text(known, "cluster"), Enum.Parse<TopologyAction>(Text(known, "action")), Text(known, "source"), known["upstream"]?.GetValue<string>());
        return Task.FromResult(new Preflight { Checks = [.. TopologyRules.Evaluate(request, fleet.Clusters[request.Cluster], feed.Current.Clusters.GetValueOrDefault(request.Cluster))] });
    }

    public Plan Build(TopologyRequest request)
    {
        var (node, upstream) = (request.Region, request.Upstream ?? "");
        var (title, severity, step) = request.Action switch
        {
            TopologyAction.AddStandby => ($"Make {node} a standby of {upstream} by a fresh copy", Severity.Medium, Step(request, CopyStandby.StepName, $"Copy {upstream} to {node}",
                $"{node} is stopped, its data is replaced by a copy of {upstream}, it starts as a standby.", Reversibility.ForwardOnly) with { Attempts = 3, TimeoutSeconds = 14_400 }),
            TopologyAction.Rejoin => ($"{node} rejoins as a standby of {upstream}", Severity.Medium, Step(request, Steps.RejoinSource.StepName, $"{node} rejoins as a standby",
                $"A standby is led to {upstream} as it runs; else it is stopped, rewound (else copied afresh), and started as a standby.", Reversibility.ForwardOnly) with { Attempts = 3, TimeoutSeconds = 14_400 }),
            TopologyAction.Repoint => ($"{node} streams from {upstream}", Severity.Low, Step(request, RepointStandby.StepName, $"Re-point {node}", $"It streams from {upstream}; no restart.",
                Reversibility.Reversible, "It streams from where it did.") with { TimeoutSeconds = 60 }),
            _ => ($"Drop the slots kept for {node}", Severity.Low, Step(request, DropSlots.StepName, $"Drop {Upstream.SlotOf(fleet.Clusters[request.Cluster], node)} on every node in reach",
                "The log kept for it is let go; it needs a rejoin or a fresh copy to come back.", Reversibility.ForwardOnly) with { Attempts = 3, TimeoutSeconds = 60 }),
        };
        return new Plan { Kind = Kind, Title = $"{title} ({request.Cluster})", Severity = severity, Targets = [new PlanTarget($"cluster:{request.Cluster}", ResourceClass.Topology)], Steps = [step] };
    }

    /// <exception cref="RequestRefusedException">something is missing, unknown or contradicts itself</exception>
    public TopologyRequest Read(JsonObject request)
    {
        var cluster = Text(request, "cluster");
        if (!fleet.Clusters.TryGetValue(cluster, out var declared)) throw Refused($"cluster '{cluster}' is not declared.");
        if (!Enum.TryParse<TopologyAction>(Text(request, "action"), ignoreCase: true, out var action) || !Enum.IsDefined(action)) throw Refused("action is none of addStandby, repoint, rejoin, dropSlots.");
        var region = Node("region");
        if (action == TopologyAction.DropSlots) return new TopologyRequest(cluster, action, region, null);
        var upstream = Node("upstream");
        if (region == upstream) throw Refused("A node does not follow itself.");
        if (fleet.Link(cluster, upstream, region) is null) throw Refused($"The fleet declares no link from {upstream} to {region}.");
        return new TopologyRequest(cluster, action, region, upstream);

        string Node(string name) => Text(request, name) is var id && declared.Nodes.Any(n => n.Region == id) ? id : throw Refused($"{cluster} has no node in '{Text(request, name)}'.");
    }

    private static PlanStep Step(TopologyRequest request, string step, string name, string detail, Reversibility reversibility, string undo = "") => new()
    {
        Step = step, Name = name, Detail = detail, Reversibility = reversibility, Undo = undo,
        // The steps of a failover speak of source and target; the target is the node whose session guards the step.
        Parameters = new JsonObject { ["cluster"] = request.Cluster, ["action"] = request.Action.ToString(), ["source"] = request.Region, ["target"] = request.Upstream ?? request.Region, ["upstream"] = request.Upstream, ["clean"] = false },
    };

    private static string Text(JsonObject request, string name) => request[name]?.GetValue<string>() ?? throw Refused($"{name} is missing.");

    private static RequestRefusedException Refused(string problem) => new("request", problem);
}
