using System.Globalization;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills.Tests;

/// <summary>The shells of both regions run the command <c>host.ping</c>.</summary>
public sealed class HostCommandTest(IHostShell shell) : IDrillTest
{
    private const string Command = "host.ping";
    public string Id => "host-commands";

    public async Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var said = new List<string>();
        foreach (var region in new[] { pair.Source, pair.Target })
        {
            if (!shell.Offers(region, Command)) return DrillOutcome.Skipped($"the shell of {region} declares no command {Command}");
            try
            {
                var answer = await shell.RequireAsync(region, Command, null, null, context.Cancel);
                said.Add($"{region} in {answer.Duration.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture)} ms");
            }
            catch (HostShellException silent)
            {
                return DrillOutcome.Failed(silent.Message);
            }
        }
        return DrillOutcome.Passed($"answered: {string.Join(", ", said)}");
    }
}

/// <summary>A backup was restored for proof lately enough.</summary>
public sealed class BackupProvenTest(IBackupCatalogue backups, ChaosOptions options, TimeProvider time) : IDrillTest
{
    public string Id => "backup-proven";

    public async Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var proven = await backups.NewestProvenAsync(pair.Cluster, context.Cancel);
        if (proven is null) return DrillOutcome.Failed($"{pair.Cluster} has no proven backup");
        var hours = (time.GetUtcNow() - proven.RestorableAt).TotalHours;
        return DrillOutcome.Of(hours <= options.BackupHours, string.Create(CultureInfo.InvariantCulture, $"backup {proven.Id} restores to {hours:0.0} h ago, proven {proven.ProvenAt.UtcDateTime:yyyy-MM-dd HH:mm}Z in {proven.RestoreSeconds:0} s"));
    }
}

/// <summary>The target's zones are among those in which the data may be.</summary>
public sealed class ResidencyTest(FleetModel fleet) : IDrillTest
{
    public string Id => "residency";

    public Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var allowed = fleet.Clusters[pair.Cluster].ComplianceZones;
        var zones = fleet.Regions[pair.Target].ComplianceZones;
        if (allowed.Count == 0) return Task.FromResult(DrillOutcome.Skipped($"{pair.Cluster} declares no zones: its data may be anywhere"));
        return Task.FromResult(DrillOutcome.Of(zones.Intersect(allowed).Any(), $"{pair.Target} lies in {string.Join(", ", zones)}; the data may be in {string.Join(", ", allowed)}"));
    }
}

/// <summary>No repository lies outside the zones in which the data may be.</summary>
public sealed class CopiesResidencyTest(FleetModel fleet) : IDrillTest
{
    public string Id => "copies-residency";

    public Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var allowed = fleet.Clusters[pair.Cluster].ComplianceZones;
        var repositories = fleet.Options.BackupRepositories;
        if (allowed.Count == 0 || repositories.Count == 0) return Task.FromResult(DrillOutcome.Skipped(allowed.Count == 0 ? $"{pair.Cluster} declares no zones" : "no backup repository is declared"));
        var outside = repositories.Where(r => !r.ComplianceZones.Intersect(allowed).Any()).Select(r => r.Id).ToList();
        return Task.FromResult(DrillOutcome.Of(outside.Count == 0, outside.Count == 0 ? $"{repositories.Count} of {repositories.Count} repositories lie within" : $"outside: {string.Join(", ", outside)}"));
    }
}

/// <summary>The chain of the audit record fits.</summary>
public sealed class AuditChainTest(IAuditReader audit) : IDrillTest
{
    public string Id => "audit-chain";

    public async Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var report = await audit.VerifyAsync(context.Cancel);
        return DrillOutcome.Of(report.Verdict == ChainVerdict.Intact, $"{report.Verdict.Word()}: {report.Entries} entries, {report.Checkpoints} checkpoints");
    }
}

/// <summary>Somebody on call can be reached.</summary>
public sealed class ContactsTest(FleetModel fleet) : IDrillTest
{
    public string Id => "contacts";

    public Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var callable = fleet.Options.Contacts.Where(c => c.Role is ContactRole.OnCall or ContactRole.Hotline && c.Phone.Length > 0).ToList();
        return Task.FromResult(DrillOutcome.Of(callable.Count > 0, callable.Count > 0 ? string.Join(", ", callable.Select(c => $"{c.Name} ({c.Phone})")) : "no contact on call with a telephone number is declared"));
    }
}

/// <summary>The move of this drill, against the objectives that bind the cluster.</summary>
public sealed class ObjectivesTest(FleetModel fleet, OperationReader reader) : IDrillTest
{
    public string Id => "objectives";

    public async Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        var mine = context.Plan.Steps.Select((_, i) => Fault.TagOf(context.OperationId, i)).ToHashSet();
        var move = (await reader.ListAsync(OperationKinds.Failover, resource: $"cluster:{pair.Cluster}", limit: 20, cancel: context.Cancel))
            .FirstOrDefault(o => mine.Contains(o.Request[FailoverFault.PartOf]?.ToString() ?? "") && o.Request["source"]?.ToString() == pair.Source);
        if (move?.Result["measuredRtoSeconds"]?.GetValue<double>() is not { } rto) return DrillOutcome.Failed("the move was not measured");
        var cluster = fleet.Clusters[pair.Cluster];
        var lost = move.Result["lostHeartbeats"]?.GetValue<int>() ?? 0;
        var rpo = lost * (move.Result["resolutionSeconds"]?.GetValue<double>() ?? cluster.Heartbeat.IntervalSeconds);
        var (rtoTarget, rpoTarget) = (ObjectiveTargets.Rto(cluster.RtoSeconds, cluster.Tier).Seconds, ObjectiveTargets.Rpo(cluster.RpoSeconds, cluster.Tier).Seconds);
        context.Result.Set("cluster", pair.Cluster);
        context.Result.Set("measuredRtoSeconds", rto);
        context.Result.Set("measuredRpoSeconds", rpo);
        context.Result.Set("lostHeartbeats", lost);
        return DrillOutcome.Of(rto <= rtoTarget && rpo <= rpoTarget, string.Create(CultureInfo.InvariantCulture, $"writes paused for {rto:0.###} s (RTO {rtoTarget:0} s); {lost} acknowledged heartbeats lost (RPO {rpoTarget:0} s)"));
    }
}
