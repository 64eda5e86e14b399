using Microsoft.Extensions.Logging;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>Where a failover may begin at any moment, the first one must not pay for what a process does once: code is compiled and the ways to
/// nodes, hosts and traffic managers are walked beforehand. Changes nothing in the fleet.</summary>
internal sealed partial class WarmUp(TrafficEdge edge, NodeHost hosts, IFleetSessions sessions, LocalOperations local, ILogger log)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private static readonly string[] Parts = ["OpsConsole.Core.Failover", "OpsConsole.Core.Operations", "OpsConsole.Core.Drivers.Postgres", "OpsConsole.Core.Drivers.PgBouncer", "OpsConsole.Core.Drivers.HaProxy", "OpsConsole.Core.Drivers.Redis", "OpsConsole.Core.Drivers.Hosts", "OpsConsole.Core.Traffic"];
    private bool _compiled;

    public async Task KeepAsync(ClusterOptions cluster, CancellationToken cancel)
    {
        if (!_compiled) await TryAsync("code", _ => Task.Run(() => Compile(cancel), cancel), cancel);
        _compiled = true;
        var (source, target) = (cluster.Nodes[0].Region, cluster.Nodes[1].Region);
        await TryAsync("plan", _ => local.RehearseAsync(OperationKinds.Failover, LossResponse.Request(cluster, source, target), cancel), cancel);
        await TryAsync("traffic managers", async token =>
        {
            await edge.WritersAsync(token);
            await edge.AnyPausedAsync(cluster.Id, token);
        }, cancel);
        await using (var session = sessions.Rehearse(cluster.Id))
        {
            await TryAsync("nodes", session.OpenAllAsync, cancel);
            await Task.WhenAll(cluster.Nodes.Select(node => TryAsync(node.Region, token => LookAsync(session, node.Region, token), cancel)));
        }
        foreach (var node in cluster.Nodes.Where(n => hosts.Offers(n.Region, NodeHost.ControlData)))
            await TryAsync($"host of {node.Region}", token => hosts.ControlAsync(cluster.Id, node.Region, token), cancel);
    }

    private static async Task LookAsync(IFleetSession session, string region, CancellationToken cancel)
    {
        await session.UseAsync(region, async (node, token) => (await NodeView.ReadAsync(node, token), await EpochRegister.ReadAsync(node, token)), cancel);
        await session.UseAsync(region, EpochRegister.ReadAsync, cancel);
        await session.UseAsync(region, NodeView.ReadAsync, cancel);
        await session.UseAsync(region, async (node, token) => (await Slots.ReadAsync(node, token)).Count > 0, cancel);
    }

    private async Task TryAsync(string what, Func<CancellationToken, Task> walk, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Limit);
        try
        {
            await walk(limit.Token);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (!cancel.IsCancellationRequested) LogAway(what, e.Message); // others tell people that it is not in reach
        }
    }

    /// <summary>What is compiled at its first call otherwise, in the middle of a failover; and what a failure costs the first time that one is put into words.</summary>
    private static void Compile(CancellationToken cancel)
    {
        AheadOfTime.Compile(typeof(WarmUp).Assembly.GetTypes().Where(t => Parts.Any(p => t.Namespace?.StartsWith(p, StringComparison.Ordinal) == true)), cancel);
        try
        {
            throw new TimeoutException("Nothing has happened.");
        }
        catch (TimeoutException rehearsed)
        {
            _ = rehearsed.ToString();
        }
    }

    [LoggerMessage(5115, LogLevel.Debug, "Not in reach beforehand: {What}: {Problem}")]
    private partial void LogAway(string what, string problem);
}
