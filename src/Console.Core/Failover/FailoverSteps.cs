using System.Globalization;
using System.Text.Json.Nodes;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover;

/// <summary>The ordered steps of one request. Watched shifts of traffic come before the database moves: they can be taken back, the
/// promotion cannot. When the source is lost the database comes first: without it nobody is served.</summary>
internal sealed class FailoverSteps(FleetModel fleet, FailoverOptions options, FailoverRequest request, ServiceScope scope)
{
    private string Source => request.Source;
    private string Target => request.Target;
    private bool HasWriteProxy => fleet.Options.TrafficManagers.Any(m => m.WriteBackend.Length > 0);
    private bool HasHttpProxy => fleet.Options.TrafficManagers.Any(m => m.HttpBackend.Length > 0);
    private bool HasPooler => fleet.Options.TrafficManagers.Any(m => m.Databases.ContainsValue(request.Cluster));
    private bool CutsOver => request.Strategy == FailoverStrategy.BlueGreen && request.RestoreWeights is null;
    private bool MayLose => FailoverPlanner.MayLose(request);

    public IEnumerable<PlanStep> All()
    {
        var services = new ServicePlan(fleet, request, scope);
        // Of a database that moves, blue-green moves the traffic in the same moment.
        var shifts = scope.Http && HasHttpProxy && !(CutsOver && scope.Database) ? Shifts().ToList() : [];
        if (!scope.Database)
        {
            yield return Neutral(OpenTraffic.StepName, "Only traffic moves", "The database stays where it is.", p =>
            {
                p["planned"] = request.Planned;
                p["services"] = ServiceIds();
            });
            foreach (var step in services.Starts().Concat(services.Caches()).Concat(services.Hooks()).Concat(shifts)) yield return step;
            yield break;
        }
        yield return Neutral(OpenFleet.StepName, "Take hold of the fleet", "A session with the cluster's lock on every node in reach, a new epoch, heartbeats at full pace.", p => p["planned"] = request.Planned);
        if (request.Planned)
        {
            foreach (var step in services.Starts()) yield return step;
            foreach (var step in shifts) yield return step;
            foreach (var step in services.Caches()) yield return step;
            if (request.Scope == FailoverScope.Rolling && services.Caches().Any() && shifts.Count > 0) yield return Watch(100);
            foreach (var step in Switchover().Append(Measured()).Concat(services.Hooks())) yield return step;
        }
        else
        {
            foreach (var step in Failover().Append(Measured())) yield return step;
            foreach (var step in services.Starts().Concat(services.Caches()).Concat(services.Hooks())) yield return step;
            foreach (var step in shifts) yield return step;
        }
        if (HostCan(NodeHost.Start)) yield return Rejoin();
        if (!request.Planned && LosesDestination) yield return LeaveLog();
        if (fleet.Clusters[request.Cluster].SynchronousStandbys > 0)
        {
            yield return Step(RestoreConfirmations.StepName, "Confirm commits as declared", $"{fleet.Clusters[request.Cluster].SynchronousStandbys} standbys confirm each commit.", Reversibility.ForwardOnly) with
            { Optional = true, Attempts = 3, TimeoutSeconds = 30 };
        }
    }

    private JsonArray ServiceIds() => new([.. scope.Services.Select(s => (JsonNode)s)]);

    private IEnumerable<PlanStep> Switchover()
    {
        yield return Neutral(EnsureSlots.StepName, "Have slots ready", "Every node has a slot for every other.");
        yield return Neutral(Steps.Checkpoint.StepName, "Checkpoint", $"On {Source} and {Target}, so that stop and promotion are short.") with { TimeoutSeconds = 600 };
        yield return Step(ConfirmOnTarget.StepName, $"{Target} confirms commits", $"Every acknowledged row is then on {Target}.", undo: "The usual standbys confirm again.");
        yield return Step(FollowTarget.StepName, "Re-point the other standbys", $"They stream from {Target}.", undo: $"They stream from {Source} again.", p => p["streaming"] = true);
        yield return Step(PresetConfirmations.StepName, $"Preset {Target}'s confirmations", "In force from its first commit as primary.", undo: "The usual list.");
        yield return Neutral(FillSegment.StepName, "Fill the log segment", "The stop would send its unused rest while clients wait.") with { Optional = true, TimeoutSeconds = options.FillSeconds + 10 };
        if (HasPooler) yield return Step(PauseClients.StepName, "PAUSE clients", $"They wait; running transactions get {options.DrainSeconds.ToString("0.#", CultureInfo.InvariantCulture)} s.", undo: "RESUME", p => p["drainSeconds"] = options.DrainSeconds) with { Critical = true, TimeoutSeconds = options.DrainSeconds + 10 };
        yield return Step(StopSource.StepName, $"Stop {Source}", "Fast and in order: its standbys get the last of its log.", undo: $"Start {Source} as the primary that it was.") with { Critical = true, TimeoutSeconds = 60 };
        yield return Neutral(CompareLog.StepName, "Compare the log", $"{Target} holds {Source}'s last record: nothing is lost.") with { Critical = true, TimeoutSeconds = 30 };
        foreach (var step in TakeOver()) yield return step;
        if (HasPooler) yield return Forward(ResumeClients.StepName, "RESUME clients", $"They go on in {Target}.");
        yield return Verify();
    }

    private IEnumerable<PlanStep> Failover()
    {
        if (HasWriteProxy) yield return Cut();
        if (MayLose) yield return Fence() with { Critical = true };
        yield return Step(DetachStandbys.StepName, $"Detach the standbys from {Source}", $"With enough of them it can acknowledge nothing more, and what they hold is final. The others follow {Target}.", undo: $"They follow {Source} again.", p => p["mayLose"] = MayLose) with { Critical = true, TimeoutSeconds = 15 };
        yield return Neutral(CatchUp.StepName, $"{Target} gets what others hold more", $"The most advanced standby is the measure.{(request.MaxLostBytes is { } most ? $" It goes no further when more than {most.ToString(CultureInfo.InvariantCulture)} bytes are missing there." : "")}", p => { if (request.MaxLostBytes is { } bytes) p[FailoverPlanner.LostBytesBound] = bytes; }) with { Critical = true, TimeoutSeconds = 30 };
        yield return Step(PresetConfirmations.StepName, $"Preset {Target}'s confirmations", "In force from its first commit as primary.", undo: "The usual list.") with { Critical = true, TimeoutSeconds = 15 };
        foreach (var step in TakeOver()) yield return step;
        if (HasPooler) yield return Forward(ResumeClients.StepName, "RESUME clients", $"They go on in {Target}.");
        yield return Verify();
        if (!MayLose) yield return Fence() with { Optional = true };
    }

    private IEnumerable<PlanStep> TakeOver()
    {
        yield return Forward(Steps.Promote.StepName, $"Promote {Target}", "From here on the operation can only finish.");
        yield return Neutral(CommitInForce.StepName, "Wait for confirmed commits", "Synchronous commit is in force before any client writes.") with { Critical = true, TimeoutSeconds = 60 };
        if (HasWriteProxy) yield return Forward(LeadWrites.StepName, $"Lead writes to {Target}", "To nobody else.");
        if (CutsOver && scope.Http && HasHttpProxy) yield return Shift(0, 100) with { Critical = true };
    }

    /// <summary>All at once, or share by share with a watch between. A rolling scope moves HTTP by itself, watched once.</summary>
    private IEnumerable<PlanStep> Shifts()
    {
        if (request.RestoreWeights is { } earlier)
        {
            yield return Shift(0, 100) with { Name = "HTTP traffic as it was before", Detail = string.Join(", ", earlier.OrderBy(w => w.Key, StringComparer.Ordinal).Select(w => $"{w.Key} {w.Value}")), Parameters = Restoring(earlier) };
            yield break;
        }
        var from = 0;
        var watched = request.Strategy is FailoverStrategy.Gradual or FailoverStrategy.Canary || request.Scope == FailoverScope.Rolling;
        foreach (var percent in TrafficShares.Of(request.Strategy))
        {
            yield return Shift(from, percent);
            if (watched) yield return Watch(percent);
            from = percent;
        }
    }

    private JsonObject Restoring(IReadOnlyDictionary<string, int> weights) => new()
    {
        ["cluster"] = request.Cluster, ["source"] = Source, ["target"] = Target, ["from"] = 0, ["percent"] = 100,
        ["weights"] = new JsonObject(weights.OrderBy(w => w.Key, StringComparer.Ordinal).Select(w => KeyValuePair.Create(w.Key, (JsonNode?)w.Value))),
    };

    // When the source is lost the promotion lies behind: there is nothing to turn back to, and a bad watch is only noted.
    private PlanStep Watch(int percent) => Neutral(WatchTarget.StepName, $"Watch {Target} at {percent} %",
        string.Create(CultureInfo.InvariantCulture, $"At least {options.Watch.MinimumRequests} requests and {options.Watch.DwellSeconds:0.#} s; more than {options.Watch.ErrorPercent:0.#} % errors go back."),
        p =>
        {
            p["minimumRequests"] = options.Watch.MinimumRequests;
            p["errorPercent"] = options.Watch.ErrorPercent;
        }) with { TimeoutSeconds = options.Watch.DeadlineSeconds + options.Watch.DwellSeconds + 30, Optional = !request.Planned && scope.Database };

    private PlanStep Shift(int from, int percent) => Step(ShiftTraffic.StepName, $"{percent} % of {Source}'s HTTP traffic to {Target}", "Weights are set in every traffic manager and read back.",
        undo: from == 0 ? "The weights from before." : $"Back to {from} %.", p =>
        {
            p["from"] = from;
            p["percent"] = percent;
        }) with { TimeoutSeconds = 30 };

    private PlanStep Cut() => Step(CutWrites.StepName, $"Cut {Source} off from writes", "Fencing rung 1: no write endpoint leads there, its sessions are ended, clients wait in the poolers.", undo: $"Writes go to {Source} again.") with { Critical = true, TimeoutSeconds = 15 };

    private PlanStep Fence() => Neutral(FenceSource.StepName, $"Fence {Source}", MayLose ? "Needed before the promotion: SQL, else SIGKILL by its host; at least rung 1." : "SQL, else SIGKILL by its host; verified.") with { TimeoutSeconds = 20 };

    private PlanStep Verify() => Neutral(VerifyService.StepName, "Verify", "A row is written and read through the client endpoint.") with { Critical = true, TimeoutSeconds = 30 };

    // At once: what follows may take long, and what is said of the pause needs nothing of it.
    private PlanStep Measured() => Neutral(Measure.StepName, "Measure", "Longest pause of acknowledged writes, lost heartbeats, lost bytes.", p =>
    {
        p["planned"] = request.Planned;
        p["services"] = ServiceIds();
    }) with { Optional = true, TimeoutSeconds = 30 };

    private PlanStep Rejoin() => Step(RejoinSource.StepName, $"{Source} rejoins as a standby", request.Planned ? "Started as a standby; nothing to rewind." : "Rewound, else copied afresh.", Reversibility.ForwardOnly,
        parameters: p => p["clean"] = request.Planned) with { Optional = true, Attempts = 5, TimeoutSeconds = 3600 };

    // After the rejoin, which may show that the region is there: only one that does not answer leaves.
    private PlanStep LeaveLog() => Step(LeaveLogDestination.StepName, $"The repository of {Source} leaves the log's way", $"Unless it answers {Target}: with one out of reach, log would pile up on the new primary.",
        undo: "Log goes there again.") with { Optional = true, Attempts = 2, TimeoutSeconds = 60 };

    private bool LosesDestination => fleet.Options.BackupRepositories.Any(r => r.Region == Source) && fleet.Regions[Target].Shell?.Commands.ContainsKey(LogCommands.Leave) == true;

    private bool HostCan(string command) => fleet.Regions[Source].Shell?.Commands.ContainsKey(command) == true;

    private PlanStep Forward(string step, string name, string detail) => Step(step, name, detail, Reversibility.ForwardOnly) with { Critical = true, TimeoutSeconds = options.PromoteSeconds + 10 };

    private PlanStep Neutral(string step, string name, string detail, Action<JsonObject>? parameters = null) => Step(step, name, detail, Reversibility.Neutral, parameters: parameters);

    private PlanStep Step(string step, string name, string detail, Reversibility reversibility, Action<JsonObject>? parameters) => Step(step, name, detail, reversibility, "", parameters);

    private PlanStep Step(string step, string name, string detail, string undo, Action<JsonObject>? parameters = null) => Step(step, name, detail, Reversibility.Reversible, undo, parameters);

    private PlanStep Step(string step, string name, string detail, Reversibility reversibility, string undo = "", Action<JsonObject>? parameters = null)
    {
        var values = new JsonObject { ["cluster"] = request.Cluster, ["source"] = Source, ["target"] = Target };
        parameters?.Invoke(values);
        return new PlanStep { Step = step, Name = name, Detail = detail, Undo = undo, Reversibility = reversibility, Parameters = values, TimeoutSeconds = 60 };
    }
}
