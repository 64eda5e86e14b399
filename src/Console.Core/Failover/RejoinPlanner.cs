using System.Text.Json.Nodes;
using OpsConsole.Core.Drivers.Redis;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover;

/// <summary>Brings a node back as a standby of the present primary (RE-4): <c>{cluster, region, upstream}</c>. The region's caches follow those of the primary's region again, and its backup repository takes log again.</summary>
public sealed class RejoinPlanner(FleetModel fleet) : IPlanner
{
    public const string KindName = OperationKinds.Rejoin;

    public string Kind => KindName;

    public Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel)
    {
        var (cluster, region, upstream) = (Text(request, "cluster"), Text(request, "region"), Text(request, "upstream"));
        if (!fleet.Clusters.TryGetValue(cluster, out var declared)) throw new RequestRefusedException("request", $"cluster '{cluster}' is not declared.");
        foreach (var name in new[] { region, upstream }.Where(r => declared.Nodes.All(n => n.Region != r))) throw new RequestRefusedException("request", $"{cluster} has no node in '{name}'.");
        if (region == upstream) throw new RequestRefusedException("request", "A node does not follow itself.");
        JsonObject Parameters() => new() { ["cluster"] = cluster, ["source"] = region, ["target"] = upstream, ["clean"] = false };
        return Task.FromResult(new Plan
        {
            Kind = Kind,
            Title = $"{region} rejoins {cluster} as a standby of {upstream}",
            Severity = Severity.Medium,
            Targets = [new PlanTarget($"cluster:{cluster}", ResourceClass.Topology)],
            Steps =
            [
                new PlanStep
                {
                    Step = RejoinSource.StepName, Name = $"{region} rejoins as a standby", Detail = $"A standby is led to {upstream} as it runs; else it is stopped, rewound (else copied afresh), and started as a standby.",
                    Reversibility = Reversibility.ForwardOnly, Parameters = Parameters(), Attempts = 3, TimeoutSeconds = 3600,
                },
                .. Caches(cluster, region, upstream),
                .. Log(region, upstream).Select(step => step with { Parameters = Parameters() }),
            ],
        });
    }

    /// <summary>One that was away while its peer took over still takes writes: what it takes now is lost.</summary>
    private IEnumerable<PlanStep> Caches(string cluster, string region, string upstream) =>
        from own in fleet.ServicesOf(region)
        where own.Kind == ServiceKind.Cache && RedisControl.Knows(own)
        let leader = fleet.ServicesOf(upstream).FirstOrDefault(s => s.Kind == ServiceKind.Cache && own.Peers.ContainsKey(s.Id) && RedisControl.Knows(s))
        where leader is not null
        select new PlanStep
        {
            Step = FollowCache.StepName, Name = $"{own.Id} follows {leader.Id}", Detail = $"Unless {leader.Id} takes no writes.", Optional = true, Attempts = 3, TimeoutSeconds = 60,
            Reversibility = Reversibility.Neutral, Parameters = new JsonObject { ["cluster"] = cluster, ["source"] = region, ["target"] = upstream, ["service"] = own.Id, ["leader"] = leader.Id },
        };

    private IEnumerable<PlanStep> Log(string region, string upstream) =>
        fleet.Options.BackupRepositories.Any(r => r.Region == region) && fleet.Regions[upstream].Shell?.Commands.ContainsKey(LogCommands.Return) == true
            ? [new PlanStep { Step = ReturnLogDestination.StepName, Name = $"Log goes to the repository of {region} again", Detail = "Where it had left the log's way, once it answers.", Optional = true, Attempts = 3, TimeoutSeconds = 60, Reversibility = Reversibility.Neutral }]
            : [];

    public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel) => Task.FromResult(Preflight.Nothing);

    private static string Text(JsonObject request, string name) => request[name]?.GetValue<string>() ?? throw new RequestRefusedException("request", $"{name} is missing.");
}
