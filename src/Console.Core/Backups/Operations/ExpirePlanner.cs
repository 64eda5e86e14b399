using System.Globalization;
using System.Text.Json.Nodes;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups.Operations;

/// <summary>Deletes what the policy no longer keeps: <c>{cluster}</c>. The plan names each backup and why; what has come to be held or needed
/// meanwhile is kept.</summary>
public sealed class ExpirePlanner(FleetModel fleet, BackupsOptions options, BackupCatalogue catalogue, TimeProvider time) : IPlanner
{
    /// <summary>By which a request is refused when the policy keeps everything.</summary>
    public const string NothingRule = "nothing";

    public string Kind => BackupKinds.Expire;

    public async Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel)
    {
        var cluster = fleet.Cluster(request).Id;
        var policy = options.PolicyOf(cluster);
        var backups = await catalogue.ListAsync(cluster, limit: 100_000, cancel: cancel);
        var going = Retention.Decide(backups, policy, options.Zone, time.GetUtcNow(), b => ObjectLocks.Until(fleet.Options, b)).Where(d => !d.Keep).Select(d => (d.Backup, d.Reason))
            // Those that others need go after them.
            .OrderByDescending(d => d.Backup.EndedAt).ThenByDescending(d => d.Backup.Id).ToList();
        if (going.Count == 0) throw new RequestRefusedException(NothingRule, $"The policy keeps every backup of {cluster}: there is nothing to delete.");
        return new Plan
        {
            Kind = Kind,
            Title = string.Create(CultureInfo.InvariantCulture, $"Delete {going.Count} old backups of {cluster}"),
            Severity = Severity.Low,
            Targets = [new PlanTarget($"cluster:{cluster}", ResourceClass.Data)],
            Steps =
            [
                .. going.Select(d => new PlanStep
                {
                    Step = ExpireBackup.StepName, Name = $"Delete the {d.Backup.Type.Word()} backup of {d.Backup.EndedAt.UtcDateTime:yyyy-MM-dd HH:mm}Z", Detail = d.Reason, Optional = true, TimeoutSeconds = 3600,
                    Reversibility = Reversibility.ForwardOnly, Parameters = new JsonObject { ["cluster"] = cluster, ["engine"] = d.Backup.Engine, ["backupId"] = d.Backup.Id, ["reason"] = d.Reason },
                }),
            ],
        };
    }

    public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel) => Task.FromResult(Preflight.Nothing);
}
