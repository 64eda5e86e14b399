using System.Globalization;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

/// <summary>When no experiment begins (CH-3): measured before asking for approval, and again at the start. What is unknown never passes.</summary>
public sealed class ExperimentGuards(
    FleetModel fleet, IFleetFeed feed, FaultInjectors injectors, TargetResolver targets, OpenSevere severe, IBackupCatalogue backups, OperationReader operations, Automation automation,
    ChaosOptions options, TimeProvider time)
{
    private static readonly TimeSpan PictureAge = TimeSpan.FromSeconds(10);
    private static readonly string[] Moves = [OperationKinds.Failover, OperationKinds.Restore];

    public async Task<Preflight> CheckAsync(Plan plan, CancellationToken cancel)
    {
        var faults = Faults(plan);
        return new Preflight
        {
            Checks =
            [
                AllowList(faults), .. await AvailabilityAsync(faults, cancel),
                .. await CommonAsync(faults.SelectMany(f => targets.RegionsOf(f.Target)), faults.SelectMany(f => targets.ClustersOf(f.Target)), cancel, [.. faults.Select(f => f.Target)]), LastRegion(faults, plan),
                await BackupsAsync(plan, cancel), await ConcurrencyAsync(cancel),
            ],
        };
    }

    /// <summary>What holds back experiments and drills alike.</summary>
    /// <param name="more">further scopes whose maintenance counts: services</param>
    public async Task<IReadOnlyList<PreflightCheck>> CommonAsync(IEnumerable<string> regions, IEnumerable<string> clusters, CancellationToken cancel, IReadOnlyList<string>? more = null) =>
    [
        Fresh(), await SevereAsync(cancel), await MovesAsync(cancel),
        await MaintenanceAsync([.. regions.Select(r => $"region:{r}"), .. clusters.Select(c => $"cluster:{c}"), .. more ?? [], Automation.Fleet], cancel),
    ];

    /// <summary>Faults that a plan brings about, as its steps name them. Only their targets and kinds matter here.</summary>
    public static IReadOnlyList<Fault> Faults(Plan plan) => [.. plan.Steps.Where(s => s.Step == InjectStep.StepName).Select(s => new Fault(
        s.Parameters["kind"]!.ToString(), s.Parameters["target"]!.ToString(), "opsconsole-preflight", (double)s.Parameters["intensityPercent"]!, (double)s.Parameters["durationSeconds"]!, s.Parameters["settings"]!.AsObject()))];

    /// <summary>Experiments that run now, this one not counted, against the limit; looked at again when it begins, since two may be asked for at once.</summary>
    /// <returns>null: there is room</returns>
    public async Task<string?> TooManyAsync(Guid mine, CancellationToken cancel)
    {
        var running = await RunningAsync(cancel);
        var earlier = running.Count(o => o.Id != mine && string.CompareOrdinal(o.Id.ToString(), mine.ToString()) < 0);
        return earlier >= options.MaxConcurrent ? $"{earlier} experiments run already; at most {options.MaxConcurrent} may." : null;
    }

    private PreflightCheck AllowList(IReadOnlyList<Fault> faults)
    {
        var forbidden = faults.Where(f => !targets.Allows(f.Target)).Select(f => f.Target).ToList();
        return forbidden.Count == 0 ? Pass("allow-list", Count(faults.Count, "target"), "", "Every target is on the allow list.")
            : Block("allow-list", string.Join(", ", forbidden), "on the allow list", "Not on the allow list (Chaos:AllowList).");
    }

    private async Task<IEnumerable<PreflightCheck>> AvailabilityAsync(IReadOnlyList<Fault> faults, CancellationToken cancel)
    {
        var reasons = await Task.WhenAll(faults.Select(async f => (f.Target, Why: await injectors.UnavailableAsync(f, cancel))));
        var missing = reasons.Where(r => r.Why is not null).ToList();
        if (missing.Count == 0) return [Pass("injector-available", Count(faults.Count, "target"), "", "The fault can be brought about on every target.")];
        return missing.Select(m => Block("injector-available", m.Target, "available", $"It cannot be brought about there: {m.Why}."));
    }

    private PreflightCheck Fresh()
    {
        var newest = feed.Current.Services.Values.Max(s => s.LastSampleAt);
        if (newest is null) return Block("picture-fresh", "unknown", Seconds(PictureAge.TotalSeconds), "Nothing was measured yet: nobody would see what the experiment does.");
        var age = (time.GetUtcNow() - newest.Value).TotalSeconds;
        return age <= PictureAge.TotalSeconds ? Pass("picture-fresh", Seconds(age), Seconds(PictureAge.TotalSeconds), "The picture is current.")
            : Block("picture-fresh", Seconds(age), Seconds(PictureAge.TotalSeconds), "The picture is old: nobody would see what the experiment does.");
    }

    private async Task<PreflightCheck> SevereAsync(CancellationToken cancel)
    {
        var unexpected = await severe.UnexpectedAsync(await RunningAsync(cancel), cancel);
        return unexpected.Count == 0 ? Pass("open-incident", "none", "none", "No severe incident or alert is open.")
            : Block("open-incident", Count(unexpected.Count, "open"), "none", $"Something severe is open: {unexpected[0].What}. Mend it first.");
    }

    private async Task<PreflightCheck> MovesAsync(CancellationToken cancel)
    {
        foreach (var kind in Moves)
        {
            foreach (var state in new[] { OperationState.Running, OperationState.RollingBack })
            {
                if ((await operations.ListAsync(kind, state, limit: 1, cancel: cancel)) is [var move])
                    return Block("live-failover", $"{move.Kind} {move.Id}", "none", $"{move.Plan.Title} is under way: wait for its end.");
            }
        }
        return Pass("live-failover", "none", "none", "No failover and no restore is under way.");
    }

    private async Task<PreflightCheck> MaintenanceAsync(HashSet<string> scopes, CancellationToken cancel)
    {
        var hold = (await automation.ListAsync(cancel)).FirstOrDefault(h => h.Hold != Hold.AutomationPaused && scopes.Contains(h.Scope));
        return hold is null ? Pass("maintenance", "none", "none", "No maintenance and no pause of monitoring covers the targets.")
            : Block("maintenance", $"{hold.Hold.Word()} of {hold.Scope}", "none", $"{hold.Reason} ({hold.By}). Experiments wait until it is over.");
    }

    private PreflightCheck LastRegion(IReadOnlyList<Fault> faults, Plan plan)
    {
        var touched = faults.Where(f => f.Kind == FaultKinds.RegionCutOff || f.Target.StartsWith("region:", StringComparison.Ordinal)).SelectMany(f => targets.RegionsOf(f.Target)).ToHashSet();
        var healthy = feed.Current.Regions.Values.Where(r => r.Status == HealthStatus.Healthy).Select(r => r.Id).ToList();
        var left = healthy.Count(r => !touched.Contains(r));
        return touched.Count == 0 || left >= 1 ? Pass("last-healthy-region", $"{left} of {fleet.Regions.Count} left", "1", "A healthy region is left.")
            : Block("last-healthy-region", $"{left} of {fleet.Regions.Count} left", "1", $"{plan.Title} would hit the last healthy region.");
    }

    private async Task<PreflightCheck> BackupsAsync(Plan plan, CancellationToken cancel)
    {
        if (plan.Steps[0].Parameters["canLoseData"]?.GetValue<bool>() != true) return Pass("proven-backup", "not needed", "", "It cannot lose data.");
        var limit = $"{options.BackupHours} h";
        foreach (var cluster in plan.Steps[0].Parameters["clusters"]!.AsArray().Select(c => c!.ToString()))
        {
            var proven = await backups.NewestProvenAsync(cluster, cancel);
            if (proven is null) return Block("proven-backup", $"none of {cluster}", limit, $"It can lose data, and {cluster} has no proven backup: make one and let it be restored for proof.");
            var hours = (time.GetUtcNow() - proven.RestorableAt).TotalHours;
            if (hours > options.BackupHours) return Block("proven-backup", $"{hours:0} h old", limit, $"It can lose data, and the newest proven backup of {cluster} is too old.");
        }
        return Pass("proven-backup", "there", limit, "A proven backup covers what it touches.");
    }

    private async Task<PreflightCheck> ConcurrencyAsync(CancellationToken cancel)
    {
        var running = (await RunningAsync(cancel)).Count;
        return running < options.MaxConcurrent ? Pass("concurrency", Count(running, "running"), $"{options.MaxConcurrent}", "There is room for it.")
            : Block("concurrency", Count(running, "running"), $"{options.MaxConcurrent}", "As many experiments as may run do run: wait for one to end.");
    }

    private async Task<IReadOnlyList<Operation>> RunningAsync(CancellationToken cancel) =>
        [.. await operations.ListAsync(OperationKinds.Experiment, OperationState.Running, limit: 100, cancel: cancel), .. await operations.ListAsync(OperationKinds.Experiment, OperationState.RollingBack, limit: 100, cancel: cancel)];

    private static PreflightCheck Pass(string id, string measured, string limit, string message) => new(id, CheckVerdict.Passed, measured, limit, message);
    private static PreflightCheck Block(string id, string measured, string limit, string message) => new(id, CheckVerdict.Blocking, measured, limit, message);
    private static string Seconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.#} s");
    private static string Count(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}");
}
