using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

/// <summary>A cluster's primary moves and comes back: switchovers by the failover planner, as operations of their own, so that they are
/// journalled, fenced and resumed like any other. Settings: <c>source</c>, <c>target</c>, and <c>partOf</c>, the operation that wants it.</summary>
public sealed class FailoverFault(FleetModel fleet, IFleetFeed feed, Lazy<OperationService> operations, OperationReader reader, IOperationFeed journal) : IFaultInjector
{
    /// <summary>In a failover's request: the experiment or drill that asked for it.</summary>
    public const string PartOf = "partOf";

    public IReadOnlyList<string> Kinds { get; } = [FaultKinds.DatabaseFailover];

    public Task<string?> UnavailableAsync(Fault fault, CancellationToken cancel)
    {
        if (!fleet.Clusters.ContainsKey(fault.Id)) return Task.FromResult<string?>($"{fault.Target} is no cluster");
        var primary = feed.Current.Clusters.GetValueOrDefault(fault.Id)?.PrimaryRegion;
        return Task.FromResult(primary == Source(fault) ? null : $"the primary of {fault.Id} is in {primary ?? "no region that is known"}, not in {Source(fault)}");
    }

    public async Task InjectAsync(Fault fault, CancellationToken cancel)
    {
        var moved = await MoveAsync(fault, "go", Source(fault), Target(fault), cancel);
        if (moved.State != OperationState.Succeeded) throw new FaultException($"The switchover {moved.Id} {moved.State.Word()}: {moved.EndReason}");
    }

    public async Task<FaultReading> ReadAsync(Fault fault, CancellationToken cancel)
    {
        var moves = await MovesAsync(fault, cancel);
        var (go, back) = (moves.FirstOrDefault(m => From(m) == Source(fault)), moves.FirstOrDefault(m => From(m) == Target(fault)));
        var words = go is null ? "nothing moved" : $"{fault.Id} moved to {Target(fault)}: {go.State.Word()}" + (back is null ? "" : $"; back: {back.State.Word()}");
        if (go is null || back is { State: OperationState.Succeeded } || (go.State.IsEnd() && go.State != OperationState.Succeeded)) return new FaultReading(FaultPresence.Absent, words);
        return new FaultReading(go.State == OperationState.Succeeded ? FaultPresence.Present : FaultPresence.Partial, words);
    }

    public async Task RevertAsync(Fault fault, CancellationToken cancel)
    {
        if ((await MovesAsync(fault, cancel)).FirstOrDefault(m => From(m) == Source(fault)) is not { } go) return;
        if ((await EndAsync(go.Id, cancel)).State != OperationState.Succeeded) return;
        var back = await MoveAsync(fault, $"back-{(await MovesAsync(fault, cancel)).Count(m => From(m) == Target(fault) && m.State.IsEnd())}", Target(fault), Source(fault), cancel);
        if (back.State != OperationState.Succeeded) throw new FaultException($"The way back {back.Id} {back.State.Word()}: {back.EndReason}");
    }

    private async Task<Operation> MoveAsync(Fault fault, string way, string source, string target, CancellationToken cancel)
    {
        var request = new JsonObject
        {
            ["cluster"] = fault.Id, ["source"] = source, ["target"] = target, ["strategy"] = "immediate", ["planned"] = true, [PartOf] = fault.Tag,
        };
        try
        {
            var submitted = await operations.Value.SubmitAsync(new OperationRequest(OperationKinds.Failover, request, $"part of {fault.Word(PartOf, fault.Tag)}")
            {
                // Whoever approved the experiment or drill approved this move, which its plan names.
                StandingApproval = true,
                IdempotencyKey = $"{fault.Tag}.{way}",
            }, Person.Console, cancel);
            return await EndAsync(submitted.OperationId, cancel);
        }
        catch (Exception e) when (e is BlockedException or RequestRefusedException)
        {
            throw new FaultException(e.Message, e);
        }
    }

    private async Task<Operation> EndAsync(Guid id, CancellationToken cancel)
    {
        await foreach (var _ in journal.FollowAsync(id, 0, cancel)) { } // until it has ended
        return await reader.GetAsync(id, cancel);
    }

    private async Task<List<Operation>> MovesAsync(Fault fault, CancellationToken cancel) =>
        [.. (await reader.ListAsync(OperationKinds.Failover, resource: $"cluster:{fault.Id}", limit: 20, cancel: cancel)).Where(o => o.Request[PartOf]?.ToString() == fault.Tag)];

    private static string From(Operation move) => move.Request["source"]?.ToString() ?? "";
    private static string Source(Fault fault) => fault.Word("source", "");
    private static string Target(Fault fault) => fault.Word("target", "");
}
