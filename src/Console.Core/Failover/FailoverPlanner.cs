using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover;

/// <summary>Plans switchovers and failovers.</summary>
public sealed class FailoverPlanner(FleetModel fleet, IFailoverFacts facts, FailoverOptions options) : IPlanner
{
    /// <summary>Name of the most bytes that may be lost, in a plan's bounds and in a request.</summary>
    public const string LostBytesBound = "maxLostBytes";

    public string Kind => OperationKinds.Failover;

    public Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel) => Task.FromResult(Build(Read(request)));

    public async Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel)
    {
        var first = plan.Steps[0].Parameters;
        var request = new FailoverRequest(Text(first, "cluster"), Text(first, "source"), Text(first, "target"), FailoverStrategy.Immediate,
            first["planned"]!.GetValue<bool>(), FailoverScope.Full, [], plan.Overrides.Select(o => o.Check).ToList(), MaxLostBytes: plan.Bounds.TryGetValue(LostBytesBound, out var bound) && plan.Overrides.Any(o => o.Check == FailoverPreflight.NoLoss) ? (long)bound : null);
        var known = await facts.GatherAsync(request.Cluster, cancel);
        return new Preflight { Checks = [.. FailoverPreflight.Evaluate(request, known, plan.Steps[0].Step != Steps.OpenTraffic.StepName)], Estimate = FailoverEstimate.Of(request, known).Json };
    }

    /// <summary>Turning round leads traffic to where it came from: only while that is well.</summary>
    public async Task<IReadOnlyList<PreflightCheck>> WayBackAsync(Operation running, CancellationToken cancel)
    {
        var first = running.Plan.Steps[0].Parameters;
        return [FailoverPreflight.WayBack(Text(first, "source"), await facts.GatherAsync(Text(first, "cluster"), cancel))];
    }

    /// <summary>The way back is a switchover of its own, with its own preflight.</summary>
    public JsonObject? Reverse(Operation succeeded) => new()
    {
        ["cluster"] = succeeded.Request["cluster"]?.DeepClone(),
        ["source"] = succeeded.Request["target"]?.DeepClone(),
        ["target"] = succeeded.Request["source"]?.DeepClone(),
        ["strategy"] = "immediate",
        ["planned"] = true,
        ["scope"] = succeeded.Request["scope"]?.DeepClone() ?? "full",
        ["services"] = succeeded.Request["services"]?.DeepClone() ?? new JsonArray(),
        ["restoreWeights"] = succeeded.Outputs[Steps.Outputs.Weights]?.DeepClone(),
    };

    public Plan Build(FailoverRequest request)
    {
        var cluster = fleet.Clusters[request.Cluster];
        var scope = ServiceScope.Of(fleet, request);
        var overridden = request.Overrides;
        var overrides = overridden.Select(o => new PlanOverride(o)).ToImmutableArray();
        return new Plan
        {
            Kind = Kind,
            Title = !scope.Database ? $"Move traffic of {string.Join(", ", scope.Services)} from {request.Source} to {request.Target}" : request.Planned ? $"Switch {cluster.Id} over from {request.Source} to {request.Target}" : $"Fail {cluster.Id} over from {request.Source} to {request.Target}",
            // Past a living source nothing can be lost; without it a person looks twice.
            Severity = request.Planned ? Severity.Medium : Severity.High,
            Targets = [new PlanTarget($"cluster:{cluster.Id}", ResourceClass.Topology)],
            Steps = [.. new FailoverSteps(fleet, options, request, scope).All()],
            Overrides = overrides,
            Bounds = ImmutableSortedDictionary<string, double>.Empty
                .AddRange(overridden.Contains("lag-within-rpo") ? [] : [KeyValuePair.Create("maxLagSeconds", ObjectiveTargets.Rpo(cluster.RpoSeconds, cluster.Tier).Seconds)])
                .AddRange(!MayLose(request) ? [KeyValuePair.Create(LostBytesBound, 0d)] : request.MaxLostBytes is { } most ? [KeyValuePair.Create(LostBytesBound, (double)most)] : []),
            CommitWindowSeconds = options.CommitWindowSeconds,
        };
    }

    internal static bool MayLose(FailoverRequest request) => !request.Planned && request.Overrides.Contains(FailoverPreflight.NoLoss);

    /// <exception cref="RequestRefusedException">something is missing, unknown or contradicts itself</exception>
    public FailoverRequest Read(JsonObject request)
    {
        try
        {
            var read = new FailoverRequest(
                Region(request, "cluster", fleet.Clusters.ContainsKey, "cluster"), Region(request, "source", fleet.Regions.ContainsKey, "region"), Region(request, "target", fleet.Regions.ContainsKey, "region"),
                Word<FailoverStrategy>(request, "strategy", null), request["planned"]?.GetValue<bool>() ?? throw Refused("planned", "is missing: true for a switchover, false for a failover"),
                Word<FailoverScope>(request, "scope", FailoverScope.Full), Texts(request, "services"), Overrides(request), Weights(request), request[LostBytesBound]?.GetValue<long>());
            Check(read);
            return read;
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or JsonException)
        {
            throw Refused("request", e.Message);
        }
    }

    private void Check(FailoverRequest request)
    {
        var nodes = fleet.Clusters[request.Cluster].Nodes.Select(n => n.Region).ToList();
        foreach (var (name, region) in new[] { ("source", request.Source), ("target", request.Target) })
        {
            if (!nodes.Contains(region)) throw Refused(name, $"{region} has no node of {request.Cluster}");
        }
        if (request.Overrides.Except(FailoverPreflight.Ids).ToList() is { Count: > 0 } unknown) throw Refused("overrides", $"name no check: {string.Join(", ", unknown)}. There are {string.Join(", ", FailoverPreflight.Ids)}");
        if (request.MaxLostBytes is < 0) throw Refused(LostBytesBound, "is negative: give bytes, or nothing for no bound");
        if (request.MaxLostBytes is not null && !MayLose(request)) throw Refused(LostBytesBound, "bounds a loss that is accepted: override the check no-loss of a failover, or leave it out (nothing may be lost then)");
        if (request.Source == request.Target) throw Refused("target", "is the source");
        if (request.Scope == FailoverScope.Partial && request.Services.Count == 0) throw Refused("services", "a partial scope names the services that move");
        foreach (var service in request.Services.Where(s => !fleet.Services.TryGetValue(s, out var known) || (known.Region != request.Source && known.Region != request.Target)))
            throw Refused("services", $"{service} is no service of {request.Source} or {request.Target}");
    }

    private static string Region(JsonObject request, string name, Func<string, bool> known, string what)
    {
        var value = request[name]?.GetValue<string>() ?? throw Refused(name, "is missing");
        return known(value) ? value : throw Refused(name, $"'{value}' is no declared {what}");
    }

    private static T Word<T>(JsonObject request, string name, T? otherwise) where T : struct, Enum
    {
        if (request[name]?.GetValue<string>() is not { Length: > 0 } value) return otherwise ?? throw Refused(name, $"is missing: {Words<T>()}");
        return Enum.TryParse<T>(value.Replace("-", "", StringComparison.Ordinal), ignoreCase: true, out var word) && Enum.IsDefined(word) ? word : throw Refused(name, $"'{value}' is none of {Words<T>()}");
    }

    private static string Words<T>() where T : struct, Enum => string.Join(", ", Enum.GetNames<T>().Select(JsonNamingPolicy.CamelCase.ConvertName));

    private static List<string> Texts(JsonObject request, string name) => request[name] is JsonArray items ? items.Select(i => i!.GetValue<string>()).Order(StringComparer.Ordinal).ToList() : [];

    private static Dictionary<string, int>? Weights(JsonObject request) => (request["restoreWeights"] as JsonObject)?.ToDictionary(w => w.Key, w => w.Value!.GetValue<int>());

    // Ids, or objects with a check and a reason.
    private static List<string> Overrides(JsonObject request) => request["overrides"] is JsonArray items
        ? items.Select(i => i is JsonObject named ? Text(named, named.ContainsKey("check") ? "check" : "id") : i!.GetValue<string>()).Order(StringComparer.Ordinal).ToList() : [];

    private static string Text(JsonObject from, string name) => from[name]?.GetValue<string>() ?? throw Refused(name, "is missing");

    private static RequestRefusedException Refused(string field, string problem) => new("request", string.Create(CultureInfo.InvariantCulture, $"{field} {problem}."));
}

/// <summary>What a request moves.</summary>
/// <param name="Services">ids in recovery order</param>
public sealed record ServiceScope(bool Database, bool Http, IReadOnlyList<string> Services)
{
    public static ServiceScope Of(FleetModel fleet, FailoverRequest request)
    {
        var chosen = RecoveryOrder.Of(fleet.Options.Services).Select(s => s.Id)
            .Where(id => fleet.Services[id].Region == request.Source || request.Services.Contains(id))
            .Where(id => request.Scope != FailoverScope.Partial || request.Services.Contains(id)).ToList();
        bool Any(ServiceKind kind) => chosen.Any(id => fleet.Services[id].Kind == kind);
        return request.Scope == FailoverScope.Partial
            ? new ServiceScope(Any(ServiceKind.Database), Any(ServiceKind.Api) || Any(ServiceKind.Compute), chosen)
            : new ServiceScope(true, true, chosen);
    }
}
