using System.Globalization;
using OpsConsole.Core.Drivers.Redis;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Steps;

/// <summary>A standby service is started by its host. One that runs already is left as it is.</summary>
public sealed class StartService(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.startService";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    // A region's availability is a share of five minutes: two of them mend what one stopped service has spoilt.
    private static readonly TimeSpan RegionPatience = TimeSpan.FromSeconds(200);

    public override async Task<WorldState> CheckAsync(StepContext context) => await RunsAsync(context) ? WorldState.Done : WorldState.NotDone;

    public override async Task ActAsync(StepContext context)
    {
        if (context.Step.Reversibility == Reversibility.Neutral && await RunsAsync(context)) return;
        await GuardAsync(context);
        var service = Service(context);
        await Parts.Hosts.RunHookAsync(service.Region, service.Commands[ServiceCommands.Start], Arguments(service), context.Cancel);
        await context.SayAsync($"{service.Id} was told to start.");
        var at = Parts.Time.GetUtcNow();
        for (var began = Parts.Time.GetTimestamp(); !await RunsAsync(context) || !Answers(service, at);)
        {
            if (Parts.Time.GetElapsedTime(began) > Patience) throw new StepFailedException($"{service.Id} does not serve {Patience.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s after it was started.");
            await Task.Delay(Look, Parts.Time, context.Cancel);
        }
        await context.SayAsync($"{service.Id} runs and answers its probes.");
        for (var began = Parts.Time.GetTimestamp(); Parts.Feed.Current.Regions.GetValueOrDefault(service.Region)?.Status is HealthStatus.Critical or HealthStatus.Failed && Parts.Time.GetElapsedTime(began) < RegionPatience;)
            await Task.Delay(Look, Parts.Time, context.Cancel); // traffic that comes sooner would be turned back at once by the watch
    }

    protected override async Task TakeBackAsync(StepContext context)
    {
        var service = Service(context);
        await Parts.Hosts.RunHookAsync(service.Region, service.Commands[ServiceCommands.Stop], Arguments(service), context.Cancel);
        for (var began = Parts.Time.GetTimestamp(); await RunsAsync(context) && Parts.Time.GetElapsedTime(began) < Patience;) await Task.Delay(Look, Parts.Time, context.Cancel);
    }

    /// <summary>What its host says; without such a command, what probes say.</summary>
    private async Task<bool> RunsAsync(StepContext context)
    {
        var service = Service(context);
        return service.Commands.TryGetValue(ServiceCommands.Status, out var status)
            ? await Parts.Hosts.SucceedsAsync(service.Region, status, Arguments(service), context.Cancel)
            : Parts.Feed.Current.Services.GetValueOrDefault(service.Id)?.Status is HealthStatus.Healthy or HealthStatus.Degraded;
    }

    /// <summary>A process that runs does not serve yet: its probes must have passed since.</summary>
    private bool Answers(ServiceOptions service, DateTimeOffset since) =>
        Parts.Feed.Current.Services.GetValueOrDefault(service.Id) is { Status: HealthStatus.Healthy or HealthStatus.Degraded } seen && seen.LastSampleAt > since;

    private ServiceOptions Service(StepContext context) => Parts.Fleet.Services[context.Parameter<string>("service")];

    private static Dictionary<string, string> Arguments(ServiceOptions service) => new() { ["service"] = service.Id };
}

/// <summary>A standby service gets what it needs to serve for two.</summary>
public sealed class ScaleService(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.scaleService";

    public override Task ActAsync(StepContext context) => ScaleAsync(context, context.Parameter<double>("percent"));

    // The command answers when it is done; there is nothing else to read back.
    public override Task VerifyAsync(StepContext context) => Task.CompletedTask;

    protected override Task TakeBackAsync(StepContext context) => ScaleAsync(context, 100);

    public override Task<bool> IsUndoneAsync(StepContext context) => Task.FromResult(true);

    private async Task ScaleAsync(StepContext context, double percent)
    {
        await GuardAsync(context);
        var service = Parts.Fleet.Services[context.Parameter<string>("service")];
        var said = await Parts.Hosts.RunHookAsync(service.Region, service.Commands[ServiceCommands.Scale],
            new Dictionary<string, string> { ["service"] = service.Id, ["percent"] = percent.ToString("0", CultureInfo.InvariantCulture) }, context.Cancel);
        await context.SayAsync(said.Length == 0 ? FormattableString.Invariant($"{service.Id} has {percent:0} % of its usual size.") : $"{service.Id}: {said}");
    }
}

/// <summary>The target's cache takes writes, the others follow it. One that is not in reach is left out: it is the lost one.</summary>
public sealed class PromoteCache(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.promoteCache";

    public override async Task<WorldState> CheckAsync(StepContext context)
    {
        var target = Target(context, out var others);
        var roles = await RolesAsync([target, .. others], context.Cancel);
        foreach (var (cache, role) in roles)
        {
            // On record before anything changes: where the way back leads.
            if (!context.Outputs.Has(Earlier(cache))) context.Outputs.Set(Earlier(cache), role.Follows ?? "");
        }
        return roles.TryGetValue(target, out var own) && own.Follows is null && roles.Where(r => r.Key != target).All(r => r.Value.Follows == r.Key.Peers[target.Id]) ? WorldState.Done : WorldState.NotDone;
    }

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        var target = Target(context, out var others);
        await Parts.Caches.PromoteAsync(target, context.Cancel);
        var roles = await RolesAsync(others, context.Cancel);
        foreach (var (cache, role) in roles.Where(r => r.Value.Follows != r.Key.Peers[target.Id])) await Parts.Caches.FollowAsync(cache, cache.Peers[target.Id], context.Cancel);
        var silent = others.Except(roles.Keys).Select(c => c.Id).ToList();
        await context.SayAsync($"{target.Id} takes writes; {roles.Count} follow it.{(silent.Count > 0 ? $" Not in reach: {string.Join(", ", silent)}." : "")}");
    }

    protected override async Task TakeBackAsync(StepContext context)
    {
        var target = Target(context, out var others);
        // Whoever took writes takes them again before the others follow it.
        foreach (var (cache, role) in (await RolesAsync([.. others, target], context.Cancel)).OrderBy(r => context.Outputs.Get<string>(Earlier(r.Key)) is { Length: > 0 }))
        {
            if (context.Outputs.Get<string>(Earlier(cache)) is not { } earlier || earlier == (role.Follows ?? "")) continue;
            if (earlier.Length == 0) await Parts.Caches.PromoteAsync(cache, context.Cancel);
            else await Parts.Caches.FollowAsync(cache, earlier, context.Cancel);
        }
    }

    public override async Task<bool> IsUndoneAsync(StepContext context)
    {
        var target = Target(context, out var others);
        return (await RolesAsync([target, .. others], context.Cancel)).All(r => context.Outputs.Get<string>(Earlier(r.Key)) is not { } earlier || earlier == (r.Value.Follows ?? ""));
    }

    private ServiceOptions Target(StepContext context, out IReadOnlyList<ServiceOptions> others)
    {
        others = [.. context.Parameter<string[]>("others").Select(id => Parts.Fleet.Services[id])];
        return Parts.Fleet.Services[context.Parameter<string>("service")];
    }

    /// <summary>Of those that answer.</summary>
    private async Task<Dictionary<ServiceOptions, RedisRole>> RolesAsync(IEnumerable<ServiceOptions> caches, CancellationToken cancel)
    {
        var roles = await Task.WhenAll(caches.Select(async cache =>
        {
            try
            {
                return (Cache: cache, Role: (RedisRole?)await Parts.Caches.RoleAsync(cache, cancel));
            }
            catch (Exception e) when (e is System.Net.Sockets.SocketException or IOException or TimeoutException or InvalidDataException)
            {
                return (Cache: cache, Role: null);
            }
        }));
        return roles.Where(r => r.Role is not null).ToDictionary(r => r.Cache, r => r.Role!);
    }

    private static string Earlier(ServiceOptions cache) => $"cache:{cache.Id}";
}
