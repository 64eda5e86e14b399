using OpsConsole.Core.Drivers.Redis;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Steps;

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
        var roles = await Task.WhenAll(caches.Select(async cache => (Cache: cache, Role: await Parts.Caches.TryRoleAsync(cache, cancel))));
        return roles.Where(r => r.Role is not null).ToDictionary(r => r.Cache, r => r.Role!);
    }

    private static string Earlier(ServiceOptions cache) => $"cache:{cache.Id}";
}

/// <summary>The cache of a region that has come back follows the one that took over while it was away. Unless that one takes no writes itself: then nobody
/// knows who should, and nothing is changed.</summary>
public sealed class FollowCache(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.followCache";

    public override async Task<WorldState> CheckAsync(StepContext context)
    {
        var (own, leader) = Pair(context);
        return await Parts.Caches.RoleAsync(own, context.Cancel) is { Follows: { } follows } && follows == own.Peers[leader.Id] ? WorldState.Done : WorldState.NotDone;
    }

    public override async Task ActAsync(StepContext context)
    {
        var (own, leader) = Pair(context);
        if (await Parts.Caches.RoleAsync(leader, context.Cancel) is { Follows: { } other }) throw new StepFailedException($"{leader.Id} takes no writes, it follows {other}: {own.Id} is left as it is.") { Final = true };
        await Parts.Caches.FollowAsync(own, own.Peers[leader.Id], context.Cancel);
    }

    private (ServiceOptions Own, ServiceOptions Leader) Pair(StepContext context) => (Parts.Fleet.Services[context.Parameter<string>("service")], Parts.Fleet.Services[context.Parameter<string>("leader")]);
}
