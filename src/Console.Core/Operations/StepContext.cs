using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpsConsole.Core.Operations;

/// <summary>What a step works with.</summary>
public sealed class StepContext
{
    public required Guid OperationId { get; init; }
    public required Plan Plan { get; init; }
    public required int Index { get; init; }
    /// <summary>Grows with each operation and each takeover, over the whole console. Send it along with every action on the fleet that can compare it.</summary>
    public required long Epoch { get; init; }
    /// <summary>Values of this and earlier steps; written to the journal with each intent and outcome.</summary>
    public required ValueBag Outputs { get; init; }
    /// <summary>What the operation came to: <c>measuredRtoSeconds</c>, <c>backupId</c>, ...</summary>
    public required ValueBag Result { get; init; }
    /// <summary>Fires on time-out, on a wish to cancel, on shutdown and when the lease is lost.</summary>
    public required CancellationToken Cancel { get; init; }
    public required TimeProvider Clock { get; init; }
    /// <summary>Where <see cref="SayAsync"/> and <see cref="ProgressAsync"/> go.</summary>
    public required Func<string, double?, JsonObject?, Task> Journal { get; init; }
    /// <summary>Sessions on a cluster's nodes, held for the whole operation.</summary>
    public required Func<string, IFleetSession> Sessions { get; init; }

    public PlanStep Step => Plan.Steps[Index];

    /// <summary>A parameter of the step; throws <see cref="StepFailedException"/> when it is missing or of another type.</summary>
    public T Parameter<T>(string name)
    {
        if (Step.Parameters[name] is not { } node) throw new StepFailedException($"Parameter '{name}' is missing.") { Final = true };
        return node.Deserialize<T>(OperationJson.Options) ?? throw new StepFailedException($"Parameter '{name}' is null.") { Final = true };
    }

    /// <summary>A line in the journal, shown to everybody who watches.</summary>
    public Task SayAsync(string text, JsonObject? data = null) => Journal(text, null, data);

    /// <param name="percent">0 to 100 of this step</param>
    public Task ProgressAsync(double percent, string text) => Journal(text, percent, null);

    /// <summary>Session on a cluster's nodes that holds the cluster's lock: all SQL of an operation on the fleet goes through it.</summary>
    public IFleetSession Fleet(string cluster) => Sessions(cluster);
}

/// <summary>Named values that outlive the process. What was set since the last journal entry goes with the next one.</summary>
public sealed class ValueBag(JsonObject values)
{
    private readonly Lock _gate = new();
    private JsonObject _fresh = [];

    public void Set<T>(string name, T value)
    {
        lock (_gate)
        {
            values[name] = JsonSerializer.SerializeToNode(value, OperationJson.Options);
            _fresh[name] = JsonSerializer.SerializeToNode(value, OperationJson.Options);
        }
    }

    public T? Get<T>(string name)
    {
        lock (_gate)
            return values[name] is { } node ? node.Deserialize<T>(OperationJson.Options) : default;
    }

    public bool Has(string name)
    {
        lock (_gate)
            return values.ContainsKey(name);
    }

    internal JsonObject TakeFresh()
    {
        lock (_gate)
        {
            var fresh = _fresh;
            _fresh = [];
            return fresh;
        }
    }
}
