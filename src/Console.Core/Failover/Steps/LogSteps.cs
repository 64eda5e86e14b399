using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Steps;

/// <summary>Commands of the regions' shells about where a node's host brings the log (backup repositories of a region). They get <c>{region}</c>.</summary>
public static class LogCommands
{
    /// <summary>Ends with 0 when the repository in that region answers this host, in use or not, and when this host's log never goes to that region.</summary>
    public const string Reach = "log.reach";
    /// <summary>The host brings no log to that region any more; fails when no other would be left.</summary>
    public const string Leave = "log.leave";
    /// <summary>It brings log there again.</summary>
    public const string Return = "log.return";
    /// <summary>Ends with 0 when the host brings no log there.</summary>
    public const string Left = "log.left";
}

/// <summary>A step that changes where the hosts of a cluster bring its log. What is about the source's region is done on every other host in reach.</summary>
public abstract class LogStep(FailoverParts parts, string name) : FailoverStep(parts, name)
{
    // A host that does not answer shall not hold up the rest.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    protected IEnumerable<string> Hosts(StepContext context) => Cluster(context).Nodes.Select(n => n.Region).Where(r => r != Source(context) && Parts.Hosts.Offers(r, LogCommands.Leave));

    protected Task<bool> ReachedAsync(StepContext context) => AskAsync(context, Target(context), LogCommands.Reach);

    protected Task<bool> HasLeftAsync(StepContext context, string host) => AskAsync(context, host, LogCommands.Left);

    /// <returns>hosts that could not be asked</returns>
    protected async Task<IReadOnlyList<string>> TellAsync(StepContext context, IEnumerable<string> hosts, string command)
    {
        var silent = await Task.WhenAll(hosts.Select(async host =>
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.Cancel);
            limit.CancelAfter(Patience);
            try
            {
                await Parts.Hosts.RunHookAsync(host, command, About(context), limit.Token);
                return null;
            }
            catch (Exception e) when (host != Target(context) && (e is HostShellException || (e is OperationCanceledException && !context.Cancel.IsCancellationRequested)))
            {
                await context.SayAsync($"{host} could not be told: {e.Message}");
                return host;
            }
        }));
        return [.. silent.OfType<string>()];
    }

    private Task<bool> AskAsync(StepContext context, string host, string command) => Parts.Hosts.SucceedsAsync(host, command, About(context), context.Cancel);

    private static Dictionary<string, string> About(StepContext context) => new() { ["region"] = Source(context) };
}

/// <summary>The repository of a lost region leaves the way of the log: with one of several out of reach the archiver ticks nothing off, and log piles up on the new primary.</summary>
public sealed class LeaveLogDestination(FailoverParts parts) : LogStep(parts, StepName)
{
    public const string StepName = "failover.leaveLog";
    private const string Stays = "logStays";

    public override async Task<WorldState> CheckAsync(StepContext context) => await HasLeftAsync(context, Target(context)) ? WorldState.Done : WorldState.NotDone;

    public override async Task ActAsync(StepContext context)
    {
        if (await ReachedAsync(context))
        {
            context.Outputs.Set(Stays, true);
            await context.SayAsync($"No log destination in {Source(context)} is out of {Target(context)}'s reach: nothing is changed.");
            return;
        }
        await GuardAsync(context);
        await TellAsync(context, Hosts(context), LogCommands.Leave);
        await context.SayAsync($"The log goes to the other repositories only. That of {Source(context)} is taken up again when its node rejoins; until then backups have no copy there.");
    }

    public override Task VerifyAsync(StepContext context) => context.Outputs.Has(Stays) ? Task.CompletedTask : base.VerifyAsync(context);

    protected override Task TakeBackAsync(StepContext context) => TellAsync(context, Hosts(context), LogCommands.Return);

    public override async Task<bool> IsUndoneAsync(StepContext context) => !await HasLeftAsync(context, Target(context));
}

/// <summary>The repository of a region that is back takes log again, once it answers.</summary>
public sealed class ReturnLogDestination(FailoverParts parts) : LogStep(parts, StepName)
{
    public const string StepName = "failover.returnLog";

    public override async Task<WorldState> CheckAsync(StepContext context)
    {
        foreach (var host in Hosts(context))
        {
            if (await HasLeftAsync(context, host)) return WorldState.NotDone;
        }
        return WorldState.Done;
    }

    public override async Task ActAsync(StepContext context)
    {
        if (!await ReachedAsync(context)) throw new StepFailedException($"The repository of {Source(context)} does not answer yet: the log goes on to the others only. Rejoin {Source(context)} again when it does.");
        if (await TellAsync(context, Hosts(context), LogCommands.Return) is { Count: > 0 } silent) throw new StepFailedException($"{string.Join(", ", silent)} could not be told.");
        await context.SayAsync($"Log goes to the repository of {Source(context)} again. What was written meanwhile is in the others; the next full backup has a copy there again.");
    }
}
