using System.Collections.Immutable;
using System.Text.Json.Nodes;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups.Operations;

/// <summary>Takes a backup: <c>{cluster, type, engine?}</c>. One at a time for each cluster, and a failover comes first.</summary>
public sealed class BackupPlanner(FleetModel fleet, BackupsOptions options, BackupEngineRegistry engines, IFleetFeed feed) : IPlanner
{
    public string Kind => BackupKinds.Backup;

    public Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel)
    {
        var cluster = fleet.Cluster(request);
        if (!Enum.TryParse<BackupType>(request.Text("type"), ignoreCase: true, out var type)) throw new RequestRefusedException("type", $"'{request.Text("type")}' is unknown; use full, incremental, logical or configuration.");
        var engine = EngineFor(cluster.Id, type, request.Optional("engine"));
        var word = type.Word();
        JsonObject Parameters() => new() { ["cluster"] = cluster.Id, ["engine"] = engine.Id, ["type"] = word };
        return Task.FromResult(new Plan
        {
            Kind = Kind,
            Title = $"Back up {cluster.Id} ({word}, {engine.Id})",
            Severity = Severity.Low,
            Targets = [new PlanTarget($"cluster:{cluster.Id}", ResourceClass.Data), new PlanTarget($"cluster:{cluster.Id}", ResourceClass.Topology)],
            Steps =
            [
                new PlanStep
                {
                    Step = TakeBackup.StepName, Name = $"Take {(type == BackupType.Incremental ? "an" : "a")} {word} backup", Detail = $"By {engine.Id} into {string.Join(" and ", engine.Repositories(cluster.Id))}.",
                    Undo = "What was made is struck from the catalogue and removed from the stores.", Parameters = Parameters(), TimeoutSeconds = 86_400, Attempts = 2,
                },
                new PlanStep
                {
                    Step = CheckCopies.StepName, Name = "Check what is stored", Detail = "Every file of every copy against the manifest's checksums.",
                    Reversibility = Reversibility.Neutral, Parameters = Parameters(), TimeoutSeconds = 86_400, Attempts = 2, Optional = true,
                },
            ],
        });
    }

    public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel)
    {
        var parameters = plan.Steps[0].Parameters;
        var (cluster, engine) = (fleet.Clusters[parameters.Text("cluster")], engines.Get(parameters.Text("engine")));
        var state = feed.Current.Clusters.GetValueOrDefault(cluster.Id);
        return Task.FromResult(new Preflight { Checks = [Primary(state), Zones(cluster, engine), Places(cluster, engine)] });
    }

    private IBackupEngine EngineFor(string cluster, BackupType type, string? named)
    {
        var serving = engines.Of(cluster).ToList();
        if (named is not null)
        {
            var engine = serving.Find(e => e.Id == named) ?? throw new RequestRefusedException("engine", $"No engine '{named}' is set up for {cluster}. Set up: {string.Join(", ", serving.Select(e => e.Id))}.");
            return engine.Capabilities.Takes(type) ? engine : throw new RequestRefusedException("type", $"{named} takes no {type.Word()} backups.");
        }
        var preferred = options.PolicyOf(cluster).Engine;
        return serving.OrderByDescending(e => e.Id == preferred).FirstOrDefault(e => e.Capabilities.Takes(type))
            ?? throw new RequestRefusedException("type", $"No engine that is set up for {cluster} takes {type.Word()} backups. Set up: {string.Join(", ", serving.Select(e => e.Id))}.{type switch { BackupType.Logical => " Declare pg_dump's use under Backups:PgDump (docs/fleet.md).", BackupType.Configuration => " List the cluster under Backups:Configuration (docs/fleet.md).", _ => "" }}");
    }

    private static PreflightCheck Primary(ClusterState? state) => state?.PrimaryRegion is { } region
        ? new PreflightCheck("primary-seen", CheckVerdict.Passed, region, "", "One primary is in reach.")
        : new PreflightCheck("primary-seen", CheckVerdict.Blocking, "none", "one", "No primary is seen. Bring one back (failover) first; a backup of a standby that follows nobody misses what was acknowledged.");

    // BA-3: data stays in its zones.
    private PreflightCheck Zones(ClusterOptions cluster, IBackupEngine engine)
    {
        var outside = engine.Repositories(cluster.Id).Select(id => fleet.Options.BackupRepositories.First(r => r.Id == id))
            .Where(r => !RepositoryZones.MayHold(r, cluster)).Select(r => r.Id).ToList();
        return outside.Count == 0
            ? new PreflightCheck("zones", CheckVerdict.Passed, "inside", string.Join(", ", cluster.ComplianceZones), "Every repository lies in a zone in which this data may be, or the basis of the transfer is recorded.")
            : new PreflightCheck("zones", CheckVerdict.Blocking, string.Join(", ", outside), string.Join(", ", cluster.ComplianceZones), "A repository lies outside the data's compliance zones. Take it out of the engine's repositories, or record the transfer and its basis under Fleet:BackupRepositories:N:TransferBasis:" + cluster.Id + ".");
    }

    private PreflightCheck Places(ClusterOptions cluster, IBackupEngine engine)
    {
        var regions = engine.Repositories(cluster.Id).Select(id => fleet.Options.BackupRepositories.First(r => r.Id == id).Region).Distinct().ToList();
        return regions.Count > 1
            ? new PreflightCheck("regions", CheckVerdict.Passed, $"{regions.Count}", "2", "Copies go to more than one region.")
            : new PreflightCheck("regions", CheckVerdict.Warning, $"{regions.Count}", "2", "All copies lie in one region: its loss would take them all. Add a repository in another.");
    }
}
