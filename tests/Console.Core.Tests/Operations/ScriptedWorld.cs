using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Operations.Execution;

namespace OpsConsole.Core.Tests.Operations;

/// <summary>What steps act upon. Lives outside of every runner, as the real fleet does.</summary>
internal sealed class ScriptedWorld
{
    public ConcurrentDictionary<string, string> Facts { get; } = new();
    public ConcurrentDictionary<string, int> Acts { get; } = new();
    public ConcurrentDictionary<string, int> Undos { get; } = new();
    /// <summary>Called inside an act, before its effect is in the world.</summary>
    public Func<string, Task> BeforeAct { get; set; } = _ => Task.CompletedTask;
    /// <summary>Called inside an act, after its effect is in the world.</summary>
    public Func<StepContext, string, Task> OnAct { get; set; } = (_, _) => Task.CompletedTask;
    public Func<string, bool> UndoFails { get; set; } = _ => false;
    /// <summary>Epoch of the runner that is inside an act; two at once are two runners.</summary>
    public int Concurrent;
    public int MostConcurrent;

    public string this[string key] => Facts.GetValueOrDefault(key, "initial");

    /// <summary>Lets an act stop once its effect is in the world, until it is let go or cancelled.</summary>
    public HeldAct HoldAt(string held)
    {
        var hold = new HeldAct();
        OnAct = (context, key) => key == held ? hold.StopAsync(context.Cancel) : Task.CompletedTask;
        return hold;
    }
}

internal sealed class HeldAct
{
    private readonly TaskCompletionSource _inside = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _go = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Reached => _inside.Task.WaitAsync(TimeSpan.FromSeconds(10));

    public void LetGo() => _go.TrySetResult();

    internal Task StopAsync(CancellationToken cancel)
    {
        _inside.TrySetResult();
        return _go.Task.WaitAsync(cancel);
    }
}

/// <summary>Sets a fact; undone by setting what was there before: a parameter in a critical section, elsewhere found out by looking.</summary>
internal sealed class SetStep(ScriptedWorld world) : IStep
{
    public string Name => "test.set";

    public Task<WorldState> CheckAsync(StepContext context)
    {
        var (key, value) = (context.Parameter<string>("key"), context.Parameter<string>("value"));
        var now = world[key];
        if (!context.Step.Critical && !context.Outputs.Has($"before.{key}")) context.Outputs.Set($"before.{key}", now);
        return Task.FromResult(now == value ? WorldState.Done : WorldState.NotDone);
    }

    public async Task ActAsync(StepContext context)
    {
        var key = context.Parameter<string>("key");
        var inside = Interlocked.Increment(ref world.Concurrent);
        world.MostConcurrent = Math.Max(world.MostConcurrent, inside);
        try
        {
            await world.BeforeAct(key);
            world.Acts.AddOrUpdate(key, 1, (_, n) => n + 1);
            world.Facts[key] = context.Parameter<string>("value");
            await world.OnAct(context, key);
        }
        finally
        {
            Interlocked.Decrement(ref world.Concurrent);
        }
    }

    public Task UndoAsync(StepContext context)
    {
        var key = context.Parameter<string>("key");
        world.Undos.AddOrUpdate(key, 1, (_, n) => n + 1);
        if (world.UndoFails(key)) throw new StepFailedException("the world resists");
        if ((context.Step.Critical ? "initial" : context.Outputs.Get<string>($"before.{key}")) is { } before) world.Facts[key] = before;
        return Task.CompletedTask;
    }
}

/// <summary>Must not be repeated: a second act would do harm. Its effect can be seen.</summary>
internal sealed class OnceStep(ScriptedWorld world) : IStep
{
    public string Name => "test.once";
    public bool Repeatable => false;

    public Task<WorldState> CheckAsync(StepContext context) =>
        Task.FromResult(world.Acts.ContainsKey(context.Parameter<string>("key")) ? WorldState.Done : WorldState.NotDone);

    public async Task ActAsync(StepContext context)
    {
        var key = context.Parameter<string>("key");
        world.Acts.AddOrUpdate(key, 1, (_, n) => n + 1);
        await world.OnAct(context, key);
    }
}

internal sealed class WaitStep : IStep
{
    public string Name => "test.wait";
    public Task<WorldState> CheckAsync(StepContext context) => throw new InvalidOperationException("A neutral step is not looked at.");
    public Task ActAsync(StepContext context) => context.SayAsync("looked around");
}

/// <summary>Plans whatever the request says: <c>steps</c> is a list of words such as <c>set:a</c>, <c>once:b</c>, <c>wait</c>, with
/// marks: <c>!</c> forward-only, <c>*</c> critical, <c>?</c> optional, <c>~</c> after the undo.</summary>
internal sealed class ScriptedPlanner(string kind) : IPlanner
{
    public string Kind => kind;
    /// <summary>Goes into every plan: changing it changes what would run.</summary>
    public string Value { get; set; } = "new";
    public string[] Overrides { get; set; } = [];
    public Func<Plan, Preflight> Measure { get; set; } = _ => Preflight.Nothing;

    public Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel) => Task.FromResult(new Plan
    {
        Kind = kind,
        Title = $"Try {request["resource"]}",
        Severity = Enum.Parse<Severity>(request["severity"]?.GetValue<string>() ?? "Low"),
        Targets = [new PlanTarget(request["resource"]!.GetValue<string>(), Enum.Parse<ResourceClass>(request["class"]?.GetValue<string>() ?? "Topology"))],
        Steps = [.. request["steps"]!.GetValue<string>().Split(' ').Select(Step)],
        Overrides = [.. Overrides.Select(o => new PlanOverride(o))],
        UndoAtEnd = request["undoAtEnd"]?.GetValue<bool>() ?? false,
        CommitWindowSeconds = request["window"]?.GetValue<double>() ?? 0,
    });

    public IReadOnlyList<PreflightCheck> WayBack { get; set; } = [];

    public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel) => Task.FromResult(Measure(plan));

    public Task<IReadOnlyList<PreflightCheck>> WayBackAsync(Operation running, CancellationToken cancel) => Task.FromResult(WayBack);

    public JsonObject? Reverse(Operation succeeded)
    {
        var request = succeeded.Request.DeepClone().AsObject();
        request["steps"] = "set:back";
        return request;
    }

    private PlanStep Step(string word)
    {
        var text = word.TrimEnd('!', '*', '?', '~');
        var (kind, key) = text.Split(':') is [var k, var v] ? (k, v) : (text, "");
        return new PlanStep
        {
            Step = $"test.{kind}",
            Name = $"{kind} {key}",
            Undo = kind == "set" && !word.Contains('!') ? "set it back" : "",
            Reversibility = kind == "wait" ? Reversibility.Neutral : word.Contains('!') ? Reversibility.ForwardOnly : Reversibility.Reversible,
            Critical = word.Contains('*'),
            Optional = word.Contains('?'),
            AfterUndo = word.Contains('~'),
            TimeoutSeconds = 20,
            Parameters = new JsonObject { ["key"] = key, ["value"] = Value },
        };
    }
}

/// <summary>The process dies here: nothing more of it runs.</summary>
internal sealed class KilledException() : LeaseLostException("killed");

internal sealed class KillTrace(Microsoft.Extensions.Logging.ILogger<ExecutionTrace> log) : ExecutionTrace(log)
{
    private readonly List<string> _seen = [];

    /// <summary>Index of the moment at which to die; -1: live.</summary>
    public int KillAt { get; set; } = -1;
    public bool Killed { get; private set; }
    public IReadOnlyList<string> Seen => _seen;
    public Func<string, Task>? OnPoint { get; set; }

    public override void At(Guid operation, int? step, string point)
    {
        lock (_seen)
        {
            if (Killed) throw new KilledException();
            _seen.Add($"{step}: {point}");
            if (_seen.Count - 1 == KillAt)
            {
                Killed = true;
                throw new KilledException();
            }
        }
        OnPoint?.Invoke($"{step}: {point}").GetAwaiter().GetResult();
    }
}
