using System.Text.Json.Nodes;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Failover.Topology;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Tests.Trust;

/// <summary>Plans two steps without any fleet. The strategy chooses the severity, and with it the rule: canary low (nobody agrees),
/// gradual medium (one), immediate high (one with a second factor), blue-green critical (two with a second factor).</summary>
internal sealed class ScriptedFailover : IPlanner
{
    private readonly List<TaskCompletionSource> _gates = [];

    public string Kind => OperationKinds.Failover;

    /// <summary>Goes into every plan: changing it changes what would run.</summary>
    public string Address { get; set; } = "one";

    /// <summary>Steps wait until <see cref="Release"/> when set.</summary>
    public bool Hold { get; set; }

    public Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel) => Task.FromResult(new Plan
    {
        Kind = Kind,
        Title = $"Fail over {request["source"]} to {request["target"]}",
        Severity = (string?)request["strategy"] switch { "canary" => Severity.Low, "gradual" => Severity.Medium, "immediate" => Severity.High, _ => Severity.Critical },
        Targets = [new PlanTarget($"cluster:{request["cluster"]}:{request["target"]}", ResourceClass.Topology)],
        Steps = [Step("look", Reversibility.Neutral), Step("move", Reversibility.Reversible)],
        Overrides = [.. request["overrides"]!.AsArray().Select(o => new PlanOverride((string)o!))],
        CommitWindowSeconds = 600,
    });

    public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel) => Task.FromResult(new Preflight
    {
        Checks = [new PreflightCheck("witness-quorum", Witnesses < 2 ? CheckVerdict.Blocking : CheckVerdict.Passed, $"{Witnesses} of 3", "2 of 3", "Standbys in reach."), new PreflightCheck("lag-within-rpo", Lag > 60 ? CheckVerdict.Blocking : CheckVerdict.Passed, $"{Lag} s", "60 s", "Lag of the target.")],
        Estimate = new JsonObject { ["rtoSeconds"] = 0.7, ["rpoSeconds"] = 0 },
    });

    public double Lag { get; set; } = 1;
    public int Witnesses { get; set; } = 3;

    public JsonObject? Reverse(Operation succeeded)
    {
        var request = succeeded.Request.DeepClone().AsObject();
        (request["source"], request["target"]) = ((string)request["target"]!, (string)request["source"]!);
        return request;
    }

    public Task GateAsync(CancellationToken cancel)
    {
        if (!Hold) return Task.CompletedTask;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gates) _gates.Add(gate);
        return gate.Task.WaitAsync(cancel);
    }

    public void Release()
    {
        Hold = false;
        lock (_gates)
        {
            _gates.ForEach(g => g.TrySetResult());
            _gates.Clear();
        }
    }

    private PlanStep Step(string name, Reversibility reversibility) => new()
    {
        Step = "test.scripted", Name = name, Undo = reversibility == Reversibility.Reversible ? "move it back" : "", Reversibility = reversibility,
        Parameters = new JsonObject { ["name"] = name, ["address"] = Address },
    };
}

/// <summary>One step, for which nobody is asked.</summary>
internal sealed class ScriptedKind(string kind) : IPlanner
{
    public static readonly string[] Kinds = [BackupKinds.Backup, BackupKinds.Expire, BackupKinds.Restore, OperationKinds.Drill, OperationKinds.Experiment, TopologyPlanner.KindName];

    public string Kind => kind;

    public Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel) => Task.FromResult(new Plan
    {
        Kind = kind, Title = $"A {kind}", Severity = Severity.Low, Targets = [new PlanTarget($"scripted:{kind}", ResourceClass.Topology)],
        Steps = [new PlanStep { Step = "test.scripted", Name = "act", Reversibility = Reversibility.Neutral, Parameters = new JsonObject { ["name"] = "act", ["address"] = "one" } }],
    });

    public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel) => Task.FromResult(Preflight.Nothing);
}

internal sealed class ScriptedStep(ScriptedFailover script) : IStep
{
    private readonly HashSet<string> _done = [];

    public string Name => "test.scripted";

    public Task<WorldState> CheckAsync(StepContext context)
    {
        lock (_done) return Task.FromResult(_done.Contains(Key(context)) ? WorldState.Done : WorldState.NotDone);
    }

    public async Task ActAsync(StepContext context)
    {
        await context.SayAsync("at it");
        await script.GateAsync(context.Cancel);
        lock (_done) _done.Add(Key(context));
    }

    public Task UndoAsync(StepContext context)
    {
        lock (_done) _done.Remove(Key(context));
        return Task.CompletedTask;
    }

    private static string Key(StepContext context) => $"{context.OperationId}:{context.Index}";
}
