namespace OpsConsole.Core.Operations;

/// <summary>What a look at the world says about a step's effect.</summary>
public enum WorldState { NotDone, Done, Unclear }

/// <summary>The code of one step. Holds no state of its own: everything is in the context, the parameters and the world, so that any
/// node can go on where another one died. Registered as a singleton; found by <see cref="Name"/>.
/// <para>Any method may throw; the engine decides by the plan whether to try again, go on or undo. <see cref="LeaseLostException"/> must
/// be let through.</para></summary>
public interface IStep
{
    /// <summary>Dotted and stable, since it is in stored plans: <c>failover.promote</c>.</summary>
    string Name { get; }

    /// <summary>False: acting twice would do harm. After a crash such a step is never acted again while <see cref="CheckAsync"/> says
    /// <see cref="WorldState.Unclear"/>; it is watched, and then a person decides.</summary>
    bool Repeatable => true;

    /// <summary>Looks, changes nothing. Called before acting, after acting (unless <see cref="VerifyAsync"/> says otherwise), after a crash
    /// and after an undo. May put what an undo needs (earlier values) into the outputs: they are on record before <see cref="ActAsync"/>.
    /// Not called for neutral steps.</summary>
    Task<WorldState> CheckAsync(StepContext context);

    /// <summary>Acts. Called only after its intent is on record and the world said NotDone or Unclear.</summary>
    Task ActAsync(StepContext context);

    /// <summary>Reads back from the real system; throws when the effect is not there.</summary>
    async Task VerifyAsync(StepContext context)
    {
        if (await CheckAsync(context) != WorldState.Done)
            throw new StepFailedException("Read back, the effect is not there.");
    }

    /// <summary>Takes the effect back, whole or partial. Idempotent: it is repeated until <see cref="IsUndoneAsync"/>.</summary>
    Task UndoAsync(StepContext context) => Task.CompletedTask;

    /// <summary>Reads back that nothing of the effect is left.</summary>
    async Task<bool> IsUndoneAsync(StepContext context) => await CheckAsync(context) == WorldState.NotDone;
}

/// <summary>A step failed for a reason that a person can read.</summary>
public sealed class StepFailedException : Exception
{
    public StepFailedException(string message) : base(message) { }
    public StepFailedException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Trying again is pointless (a bound is exceeded, the request is refused): undo at once.</summary>
    public bool Final { get; init; }
}

/// <summary>Step code by name, so that a plan read from the database can be executed by any node.</summary>
public sealed class StepRegistry
{
    private readonly Dictionary<string, IStep> _steps;

    public StepRegistry(IEnumerable<IStep> steps)
    {
        _steps = [];
        foreach (var step in steps)
        {
            if (!_steps.TryAdd(step.Name, step)) throw new InvalidOperationException($"Two steps are registered under '{step.Name}'.");
        }
    }

    public bool Knows(string name) => _steps.ContainsKey(name);

    public IStep Get(string name) => _steps.TryGetValue(name, out var step) ? step
        : throw new StepFailedException($"No code is registered under '{name}': this node runs another version than the one that made the plan.") { Final = true };
}
