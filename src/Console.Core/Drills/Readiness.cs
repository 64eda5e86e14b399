using System.Globalization;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Failover.Readiness;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills;

/// <param name="Suite">in camelCase</param>
public sealed record NextDrill(string Suite, string Title, string Reason);

/// <summary>How ready a pair of regions is (DR-1), measured without touching anything.</summary>
/// <param name="ScorePercent">half of it what is measured now, half what drills have proven</param>
/// <param name="LivePercent">checks: passed counts whole, warning half</param>
/// <param name="ProvenPercent">drills by weight: passed 100, passed more than 30 days ago 75, failed 50, never run 0</param>
/// <param name="AsOf">of the oldest measurement in it; null: nothing was measured yet</param>
public sealed record PairReadiness(
    DrillPair Pair, double ScorePercent, double LivePercent, double ProvenPercent, IReadOnlyList<PreflightCheck> Checks, DateTimeOffset? AsOf, NextDrill? NextBestDrill, IReadOnlyList<SuiteScore> Suites);

/// <summary>Puts together what is measured all the time and what drills have proven.</summary>
public sealed class DrillReadiness(FleetModel fleet, IFleetFeed feed, IFailoverReadiness failover, IBackupCatalogue backups, DrillHistory history, ChaosOptions options, TimeProvider time)
{
    public async Task<PairReadiness> OfAsync(DrillPair pair, CancellationToken cancel)
    {
        var suites = history.Scores(await history.ListAsync(cancel), pair);
        var measured = failover.Find(pair.Cluster, pair.Source, pair.Target);
        List<PreflightCheck> checks = [.. measured is null ? [] : measured.Checks, Connectivity(pair), Dependencies(pair), Drift(pair), await BackupAsync(pair, cancel)];
        if (measured is null) checks.Insert(0, Check("pair-measured", CheckVerdict.Blocking, "unknown", "", $"The pair was not measured yet: wait a moment, or check that {pair.Source} and {pair.Target} are nodes of {pair.Cluster}."));
        var live = 100 * checks.Average(c => c.Verdict switch { CheckVerdict.Passed => 1, CheckVerdict.Warning => 0.5, _ => 0 });
        var proven = ProofScore.Mean(suites.Select(s => (s.Score, DrillSuites.Weight(s.Suite)))) ?? 0;
        return new PairReadiness(pair, Math.Round((live + proven) / 2, 1), Math.Round(live, 1), Math.Round(proven, 1), checks, measured?.AsOf, Next(suites), suites);
    }

    /// <summary>The drill that would raise the score most; among equals the one that disturbs least.</summary>
    private static NextDrill? Next(IReadOnlyList<SuiteScore> suites)
    {
        var best = suites.Where(s => s.Score < 100 && s.Suite != DrillSuite.Full).OrderByDescending(s => (100 - s.Score) * DrillSuites.Weight(s.Suite)).ThenBy(s => DrillSuites.Severity(s.Suite)).FirstOrDefault();
        if (best is null) return null;
        var reason = best.Score switch { 0 => "never run", 50 => "its last run failed", _ => $"its proof is older than {ProofScore.Fresh.TotalDays:0} days" };
        return new NextDrill(System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(best.Suite.ToString()), DrillSuites.Title(best.Suite), reason);
    }

    private PreflightCheck Connectivity(DrillPair pair)
    {
        var services = fleet.Options.Services.Where(s => s.Region == pair.Source || s.Region == pair.Target).ToList();
        var up = services.Count(s => feed.Current.Services.GetValueOrDefault(s.Id)?.Status is HealthStatus.Healthy or HealthStatus.Degraded);
        return Check("connectivity", up == services.Count ? CheckVerdict.Passed : CheckVerdict.Warning, Of(up, services.Count), Of(services.Count, services.Count), up == services.Count ? "Every service of both regions answers." : "Services do not answer: mend them, or expect their failures after a move.");
    }

    private PreflightCheck Dependencies(DrillPair pair)
    {
        var needed = fleet.ServicesOf(pair.Target).SelectMany(s => s.DependsOn).Distinct().ToList();
        var up = needed.Count(n => feed.Current.Services.GetValueOrDefault(n)?.Status is HealthStatus.Healthy or HealthStatus.Degraded);
        return Check("dependencies", up == needed.Count ? CheckVerdict.Passed : CheckVerdict.Blocking, Of(up, needed.Count), Of(needed.Count, needed.Count), up == needed.Count ? $"What services of {pair.Target} need is there." : $"What services of {pair.Target} need is not all there: bring it back first.");
    }

    private PreflightCheck Drift(DrillPair pair)
    {
        var drift = feed.Current.Clusters.GetValueOrDefault(pair.Cluster)?.Drift ?? [];
        return Check("configuration-drift", drift.IsDefaultOrEmpty ? CheckVerdict.Passed : CheckVerdict.Warning, drift.IsDefaultOrEmpty ? "none" : string.Join("; ", drift), "none", drift.IsDefaultOrEmpty ? "The cluster is as declared." : "The cluster is not as declared: mend it, or change the declaration.");
    }

    private async Task<PreflightCheck> BackupAsync(DrillPair pair, CancellationToken cancel)
    {
        var limit = $"{options.BackupHours:0} h";
        var proven = await backups.NewestProvenAsync(pair.Cluster, cancel);
        if (proven is null) return Check("backup-restorable", CheckVerdict.Warning, "none", limit, $"{pair.Cluster} has no proven backup: make one and let it be restored for proof.");
        var hours = (time.GetUtcNow() - proven.RestorableAt).TotalHours;
        return Check("backup-restorable", hours <= options.BackupHours ? CheckVerdict.Passed : CheckVerdict.Warning, string.Create(CultureInfo.InvariantCulture, $"{hours:0.0} h old"), limit, "The newest backup that was restored for proof.");
    }

    private static PreflightCheck Check(string id, CheckVerdict verdict, string measured, string limit, string message) => new(id, verdict, measured, limit, message);
    private static string Of(int part, int whole) => string.Create(CultureInfo.InvariantCulture, $"{part} of {whole}");
}
