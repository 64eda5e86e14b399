using System.Globalization;
using System.Text.Json.Nodes;
using OpsConsole.Core.Backups.Restoring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups.Operations;

/// <summary>Restores: <c>{cluster, backupId and/or targetTime, destination, region?}</c>; destination is new or inPlace, and discard (with <c>operation</c>) takes a new
/// instance away again.</summary>
public sealed class RestorePlanner(FleetModel fleet, BackupsOptions options, BackupCatalogue catalogue, RestorableMoments moments, BackupEngineRegistry engines, Instances instances, InPlaceNodes nodes,
    IFleetFeed feed, TimeProvider time) : IPlanner
{
    /// <summary>The data that was set aside is kept for so long, unless somebody commits before.</summary>
    private static readonly TimeSpan InPlaceWindow = TimeSpan.FromDays(1);

    public string Kind => BackupKinds.Restore;

    public async Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel)
    {
        var cluster = fleet.Cluster(request);
        return request.Text("destination") switch
        {
            "new" => await NewAsync(cluster, request, cancel),
            "inPlace" => await InPlaceAsync(cluster, request, cancel),
            "discard" => Discard(cluster, request),
            "takeBack" => TakeBack(cluster, request),
            _ => throw new RequestRefusedException("destination", "Give new or inPlace."),
        };
    }

    public async Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel)
    {
        var step = plan.Steps.FirstOrDefault(s => s.Step is OpenInstance.StepName or OpenRestored.StepName);
        if (step is null) return Preflight.Nothing;
        var inPlace = step.Step == OpenRestored.StepName;
        var cluster = step.Parameters.Text("cluster");
        var backup = await catalogue.FindAsync(step.Parameters["backupId"]!.GetValue<Guid>(), cancel);
        var range = await catalogue.RangeAsync(cluster, cancel);
        var target = step.Parameters["targetTime"]?.GetValue<DateTimeOffset>();
        var seconds = backup?.RestoreSeconds ?? (await catalogue.NewestProvenAsync(cluster, cancel))?.RestoreSeconds;
        return new Preflight
        {
            Checks = [Usable(backup), InRange(target, range), Past(target, range), inPlace ? Primary(cluster, step.Parameters.Text("region")) : await PlaceAsync(step.Parameters["regions"]!.AsArray().Select(r => r!.GetValue<string>()), cancel)],
            Estimate = new JsonObject
            {
                ["rtoSeconds"] = seconds,
                ["rpoSeconds"] = Math.Round(Math.Max(0, (time.GetUtcNow() - (target ?? backup?.EndedAt ?? time.GetUtcNow())).TotalSeconds), 1),
                ["newestRestorableAt"] = range?.To,
            },
        };
    }

    public JsonObject? Reverse(Operation succeeded) => succeeded.Result["region"] is null || succeeded.Request.Optional("destination") is not ("new" or "inPlace") ? null : new JsonObject
    {
        ["cluster"] = succeeded.Request.Text("cluster"), ["destination"] = succeeded.Request.Text("destination") == "new" ? "discard" : "takeBack",
        ["operation"] = succeeded.Id.ToString(), ["region"] = succeeded.Result["region"]!.DeepClone(),
    };

    private async Task<Plan> InPlaceAsync(ClusterOptions cluster, JsonObject request, CancellationToken cancel)
    {
        var (backup, target) = await ChooseAsync(cluster.Id, request, cancel);
        var region = feed.Current.Clusters.GetValueOrDefault(cluster.Id)?.PrimaryRegion ?? cluster.PrimaryRegion;
        if (!backup.Type.IsPhysical()) throw new RequestRefusedException("backupId", "A logical backup is restored into a new instance only.");
        if (!nodes.Offers(region)) throw new RequestRefusedException("destination", $"The shell of {region} declares no commands data.* and postgres.stop, postgres.start: declare them, or restore into a new instance.");
        JsonObject Parameters()
        {
            var parameters = new JsonObject { ["cluster"] = cluster.Id, ["engine"] = backup.Engine, ["backupId"] = backup.Id, ["copies"] = Requests.CopiesOf(backup), ["region"] = region };
            if (target is { } at) parameters["targetTime"] = at.ToUniversalTime();
            return parameters;
        }
        PlanStep Step(string step, string name, string detail, string undo = "") => new()
        {
            Step = step, Name = name, Detail = detail, Undo = undo, Reversibility = undo.Length > 0 ? Reversibility.Reversible : Reversibility.Neutral, Parameters = Parameters(), TimeoutSeconds = 86_400,
        };
        var moment = (target ?? backup.EndedAt).UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + "Z";
        PlanStep[] log = target is null ? [] : [Step(StoreLog.StepName, "The log up to that moment is stored", "Where it is newer than what is stored, the primary closes its segment and it is waited for.")];
        return new Plan
        {
            Kind = Kind,
            Title = $"Restore {cluster.Id} in place, as of {moment}",
            Severity = Severity.High,
            Targets = [new PlanTarget($"cluster:{cluster.Id}", ResourceClass.Topology), new PlanTarget($"cluster:{cluster.Id}", ResourceClass.Data)],
            CommitWindowSeconds = InPlaceWindow.TotalSeconds,
            Steps =
            [
                .. log,
                Step(BeginInPlace.StepName, "Clients lose the database", "Reads and writes fail from here until the restored data is open."),
                Step(StopCluster.StepName, "Stop every node", $"The standbys first, then {region}.", "The nodes are started again as they were."),
                Step(SetDataAside.StepName, $"Set the data of {region} aside", "It stays on the host until the restore is committed.", "The old data is put back."),
                Step(OpenRestored.StepName, $"Restore and open {region}", $"From the {backup.Type.Word()} backup of {backup.EndedAt.UtcDateTime:yyyy-MM-dd HH:mm}Z ({backup.Engine}).", "The restored server is stopped."),
                Step(ValidateInPlace.StepName, "Validate it and measure", "When clients can write again, which moment it holds, and what the policy's queries say."),
                Step(FollowRestored.StepName, "The other nodes follow it", "Rewound, else copied afresh; what could not be reached is rejoined later."),
            ],
        };
    }

    private Plan TakeBack(ClusterOptions cluster, JsonObject request) => new()
    {
        Kind = Kind,
        Title = $"Bring the data of {cluster.Id} back that the restore in place had set aside in {request.Text("region")}",
        Severity = Severity.High,
        Targets = [new PlanTarget($"cluster:{cluster.Id}", ResourceClass.Topology), new PlanTarget($"cluster:{cluster.Id}", ResourceClass.Data)],
        Steps =
        [
            new PlanStep
            {
                Step = TakeBackInPlace.StepName, Name = "The old data, and its standbys", Detail = "What was written since the restore is lost.", Reversibility = Reversibility.ForwardOnly, TimeoutSeconds = 86_400, Attempts = 3,
                Parameters = new JsonObject { ["cluster"] = cluster.Id, ["operation"] = Guid.Parse(request.Text("operation")), ["region"] = request.Text("region") },
            },
        ],
    };

    private async Task<Plan> NewAsync(ClusterOptions cluster, JsonObject request, CancellationToken cancel)
    {
        var (backup, target) = await ChooseAsync(cluster.Id, request, cancel);
        var region = request.Optional("region");
        var regions = fleet.PlacesFor(cluster, options, region);
        if (region is not null && !regions.Contains(region)) throw new RequestRefusedException("region", $"'{region}' has no place for a restored instance of {cluster.Id} within its compliance zones. Places: {string.Join(", ", regions)}.");
        JsonObject Parameters()
        {
            var parameters = new JsonObject
            {
                ["cluster"] = cluster.Id, ["engine"] = backup.Engine, ["backupId"] = backup.Id, ["copies"] = Requests.CopiesOf(backup), ["regions"] = new JsonArray([.. regions.Select(r => (JsonNode)r)]),
            };
            if (target is { } at) parameters["targetTime"] = at.ToUniversalTime();
            return parameters;
        }
        var moment = (target ?? backup.EndedAt).UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + "Z";
        var log = target is null ? [] : new[]
        {
            new PlanStep
            {
                Step = StoreLog.StepName, Name = "The log up to that moment is stored", Detail = "Where it is newer than what is stored, the primary closes its segment and it is waited for.",
                Reversibility = Reversibility.Neutral, Parameters = Parameters(), TimeoutSeconds = 180, Attempts = 2,
            },
        };
        return new Plan
        {
            Kind = Kind,
            Title = $"Restore {cluster.Id} as of {moment} into a new instance",
            Severity = Severity.Low,
            // Several restores of one backup do not get in each other's way; only its deletion does.
            Targets = [new PlanTarget($"backup:{backup.Id}", ResourceClass.Use)],
            TakenBackAnytime = true,
            Steps =
            [
                .. log,
                new PlanStep
                {
                    Step = OpenInstance.StepName, Name = "Restore into a new instance", Detail = $"From the {backup.Type.Word()} backup of {backup.EndedAt.UtcDateTime:yyyy-MM-dd HH:mm}Z ({backup.Engine}).",
                    Undo = "The instance is stopped and deleted.", Parameters = Parameters(), TimeoutSeconds = 86_400, Attempts = 2,
                },
                new PlanStep
                {
                    Step = HandOver.StepName, Name = "Validate it and measure", Detail = "How long it took, which moment it holds, and what the policy's queries say.", Reversibility = Reversibility.Neutral, Parameters = Parameters(), Attempts = 2,
                },
            ],
        };
    }

    private Plan Discard(ClusterOptions cluster, JsonObject request) => new()
    {
        Kind = Kind,
        Title = $"Remove the restored instance of {cluster.Id} in {request.Text("region")}",
        Severity = Severity.Low,
        Targets = [new PlanTarget($"restored:{request.Text("operation")}", ResourceClass.Data)],
        Steps =
        [
            new PlanStep
            {
                Step = DiscardInstance.StepName, Name = "Stop and delete it", Reversibility = Reversibility.ForwardOnly,
                Parameters = new JsonObject { ["cluster"] = cluster.Id, ["operation"] = Guid.Parse(request.Text("operation")), ["region"] = request.Text("region") },
            },
        ],
    };

    /// <summary>The named backup, or the newest one before the moment that can be rolled forward to it.</summary>
    private async Task<(Backup, DateTimeOffset?)> ChooseAsync(string cluster, JsonObject request, CancellationToken cancel)
    {
        DateTimeOffset? target = request.Optional("targetTime") is not { } text ? null
            : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at.ToUniversalTime() : throw new RequestRefusedException("targetTime", $"'{text}' is no moment. Write it as 2026-03-01T12:00:00Z.");
        if (target > time.GetUtcNow().AddSeconds(5)) throw new RequestRefusedException("targetTime", "That moment is in the future.");
        if (request.Optional("backupId") is not null)
        {
            var named = await catalogue.BackupAsync(request, cancel);
            if (named.Cluster != cluster) throw new RequestRefusedException("backupId", $"That backup is of {named.Cluster}.");
            if (named.Type == BackupType.Configuration) throw new RequestRefusedException("backupId", "A backup of the configuration holds no data: no instance comes of it. Its files are got by the console's verb \"backup configuration\" (docs/restore-without-the-console.md).");
            if (!named.IsUsable) throw new RequestRefusedException("backupId", $"That backup is {named.Shown.Word()}: {(named.Failure.Length > 0 ? named.Failure : "it has been deleted")}");
            if (target is not null && !engines.Get(named.Engine).Capabilities.PointInTime) throw new RequestRefusedException("targetTime", $"{named.Engine} restores to the moment of the backup only. Leave targetTime out; or leave backupId out, and a backup with a log is chosen.");
            if (target < named.EndedAt) throw new RequestRefusedException("targetTime", $"That moment lies before the backup's end, {named.EndedAt.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z. Choose an earlier backup, or leave backupId out.");
            if (target is not null && (await moments.InHistoryAsync(cluster, [named], cancel)).Count == 0) throw new RequestRefusedException("targetTime", "That backup was taken on a timeline that was left: no log leads from it to the present. Leave targetTime out to restore the moment of the backup, or backupId, and another is chosen.");
            if (target is not null && (await moments.ReachAsync(cluster, [named], cancel)).TryGetValue(named.Id, out var bound) && bound < target) throw Missing([(named, bound)]);
            return (named, target);
        }
        if (target is null) throw new RequestRefusedException("targetTime", "Give backupId, targetTime or both.");
        var backups = await catalogue.ListAsync(cluster, limit: 100_000, cancel: cancel);
        var fitting = (await moments.InHistoryAsync(cluster, backups, cancel)).Where(b => b.IsUsable && b.Type.IsPhysical() && b.EndedAt <= target && engines.Find(b.Engine) is { Capabilities.PointInTime: true }).ToList();
        var reach = await moments.ReachAsync(cluster, fitting, cancel);
        var bounded = fitting.Where(b => reach.TryGetValue(b.Id, out var to) && to < target).Select(b => (b, reach[b.Id])).ToList();
        if (bounded.Count > 0 && bounded.Count == fitting.Count) throw Missing(bounded);
        fitting.RemoveAll(b => bounded.Exists(x => x.b.Id == b.Id));
        // Of equally good ones that whose log is there already: with a lost primary no more is to be had.
        var logged = await moments.NewestAsync(cluster, cancel);
        var chosen = fitting.OrderByDescending(b => b.State is BackupState.Verified or BackupState.Proven).ThenByDescending(b => logged.GetValueOrDefault(b.Engine) > target).ThenByDescending(b => b.EndedAt).FirstOrDefault();
        return chosen is not null ? (chosen, target) : throw new RequestRefusedException("targetTime",
            backups.LastOrDefault(b => b.IsUsable && b.Type.IsPhysical()) is { } oldest ? $"No usable backup ended before that moment; the oldest is of {oldest.EndedAt.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z." : $"There is no usable backup of {cluster}. Take one first.");
    }

    private static RequestRefusedException Missing(IReadOnlyList<(Backup Backup, DateTimeOffset Reach)> bounded) => new("targetTime",
        $"Log is missing before that moment: from {(bounded.Count == 1 ? "that backup" : "the backups before it")} it leads up to {bounded.Max(b => b.Reach).UtcDateTime:yyyy-MM-dd HH:mm:ss}Z. Choose that moment or an earlier one, or one after the end of a later backup.");

    private PreflightCheck Usable(Backup? backup) => backup is null or { State: BackupState.Expired }
        ? new PreflightCheck("backup-usable", CheckVerdict.Blocking, "gone", "", "The backup is not in the catalogue any more.")
        : backup.IsProven(time.GetUtcNow()) ? new PreflightCheck("backup-usable", CheckVerdict.Passed, "proven", "proven", "It was restored and found right within seven days.")
        : new PreflightCheck("backup-usable", CheckVerdict.Warning, backup.State.Word(), "proven", "It has not been proven lately: it may turn out not to restore.");

    private static PreflightCheck InRange(DateTimeOffset? target, RestorableRange? range) => target is not { } at
        ? new PreflightCheck("target-stored", CheckVerdict.Passed, "the backup's own moment", "", "The backup holds all that is needed.")
        : range is not null && at <= range.To ? new PreflightCheck("target-stored", CheckVerdict.Passed, $"{at.UtcDateTime:u}", $"{range.To.UtcDateTime:u}", "The log up to that moment is stored.")
        : new PreflightCheck("target-stored", CheckVerdict.Warning, $"{at.UtcDateTime:u}", $"{range?.To.UtcDateTime:u}", "That moment is newer than what is stored of the log: the primary closes its segment first, and it is waited for.");

    private static PreflightCheck Past(DateTimeOffset? target, RestorableRange? range) => target is { } at && range?.Forks.FirstOrDefault(f => at > f.Ended && at < f.Began) is { } fork
        ? new PreflightCheck("history", CheckVerdict.Warning, $"{at.UtcDateTime:u}", $"{fork.Ended.UtcDateTime:u}", $"Timeline {fork.Timeline} ended at {fork.Ended.UtcDateTime:u} and the next began at {fork.Began.UtcDateTime:u}: you get the state of the earlier moment, since what was written between is in no history.")
        : new PreflightCheck("history", CheckVerdict.Passed, "one history", "", "The moment lies on the history that the cluster has now.");

    private PreflightCheck Primary(string cluster, string region) => feed.Current.Clusters.GetValueOrDefault(cluster)?.PrimaryRegion is { } now && now != region
        ? new PreflightCheck("primary-as-planned", CheckVerdict.Blocking, now, region, "The primary has moved since this was planned. Plan it again.")
        : new PreflightCheck("primary-as-planned", CheckVerdict.Passed, region, region, "The data is replaced where the primary is.");

    private async Task<PreflightCheck> PlaceAsync(IEnumerable<string> regions, CancellationToken cancel)
    {
        var wanted = regions.ToHashSet();
        var taken = (await instances.AllAsync(cancel)).Select(i => (i.Place.Region, i.Place.Port)).ToHashSet();
        var free = options.Places.Count(p => wanted.Contains(p.Region) && !taken.Contains((p.Region, p.Port)));
        return free > 0
            ? new PreflightCheck("place-free", CheckVerdict.Passed, $"{free} free", "1", "There is a place for the instance.")
            : new PreflightCheck("place-free", CheckVerdict.Blocking, "0 free", "1", "Every place for a restored instance is taken. Discard one that is no longer needed, or declare more under Backups:Places.");
    }
}
