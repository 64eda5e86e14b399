using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations.Execution;

namespace OpsConsole.Core.Operations;

/// <summary>Begins an operation from memory, at once, whether the console's database answers or not: for what people have allowed beforehand
/// and what cannot wait (automatic failover). Its beginning goes to the local journal first, and into the database as soon as that answers;
/// there it gets its row, its claims and its audit entry.</summary>
public sealed class LocalOperations
{
    private readonly OperationRunner _runner;
    private readonly Leases _leases;
    private readonly PlannerRegistry _planners;
    private readonly StepRegistry _steps;
    private readonly NodeIdentity _node;
    private readonly TimeProvider _clock;
    private long _reserved;

    internal LocalOperations(OperationRunner runner, Leases leases, PlannerRegistry planners, StepRegistry steps, NodeIdentity node, TimeProvider clock) =>
        (_runner, _leases, _planners, _steps, _node, _clock) = (runner, leases, planners, steps, node, clock);

    /// <summary>Takes an epoch from the database for the next operation. Call it now and then while the database answers: without one
    /// nothing begins.</summary>
    public async Task ReserveAsync(CancellationToken cancel)
    {
        if (Interlocked.Read(ref _reserved) == 0) Interlocked.CompareExchange(ref _reserved, await _leases.ReserveEpochAsync(cancel), 0);
    }

    /// <summary>Walks the way to a beginning without beginning: planned, written as the journal would write it, read as its registration would, thrown away.</summary>
    public async Task<int> RehearseAsync(string kind, System.Text.Json.Nodes.JsonObject request, CancellationToken cancel)
    {
        var plan = await _planners.Get(kind).PlanAsync(request, cancel);
        var now = _clock.GetUtcNow();
        var entry = Registration.Entry(Begun(plan, new OperationRequest(kind, request, ""), Preflight.Nothing, 0, now));
        var json = System.Text.Json.JsonSerializer.Serialize(entry with { Local = 1, LocalEpoch = 0 }, OperationJson.Options);
        var read = System.Text.Json.JsonSerializer.Deserialize<JournalEntry>(json, OperationJson.Options)!;
        return plan.Hash.Length + Plan.Read(read.Data!["plan"]!.GetValue<string>()).Steps.Length;
    }

    /// <param name="request">covered by a standing approval; asked for by the console itself</param>
    /// <param name="preflight">what was measured before</param>
    /// <returns>its id; null when no epoch is in reserve</returns>
    public async Task<Guid?> BeginAsync(OperationRequest request, Preflight preflight, CancellationToken cancel)
    {
        var plan = await _planners.Get(request.Kind).PlanAsync(request.Request, cancel);
        if (plan.Mistakes(_steps).ToList() is { Count: > 0 } mistakes)
            throw new InvalidOperationException($"The planner of {request.Kind} made a plan that cannot run: {string.Join("; ", mistakes)}");
        if (Interlocked.Exchange(ref _reserved, 0) is not (> 0 and var epoch)) return null;
        var operation = Begun(plan, request, preflight, epoch, _clock.GetUtcNow());
        _runner.RunHere(operation);
        return operation.Id;
    }

    private Operation Begun(Plan plan, OperationRequest request, Preflight preflight, long epoch, DateTimeOffset now) => new()
    {
        Id = Guid.CreateVersion7(now), Plan = plan, PlanHash = plan.Hash, State = OperationState.Running, Request = request.Request, Preflight = preflight,
        RequestedBy = Person.Console.Email, RequestedById = Person.Console.Id, Reason = request.Reason, CreatedAt = now, StartedAt = now,
        Result = [], Outputs = [], Holder = _node.Name, Epoch = epoch,
        Steps = [.. plan.Steps.Select((s, i) => new OperationStep(i, s.Name, StepState.Pending, null, null, "", 0, null))],
    };
}
