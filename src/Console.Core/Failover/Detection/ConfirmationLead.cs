using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>A failover with few standbys in reach lowers how many of them confirm a commit, and its last step may find too few to raise it again. What
/// is declared is then asserted here, as soon as enough standbys stream. Only a list that the console writes is touched, and nothing while an operation has the
/// cluster or people want hands off.</summary>
internal sealed partial class ConfirmationLead(ClusterOptions cluster, IAuditLog audit, DetectorPolicy policy, Func<bool> leads, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <param name="primary">the node that serves now, followed by a majority; null when that is in doubt</param>
    /// <param name="inForce">standbys that must confirm a commit there; null: unknown, or a list that somebody else wrote</param>
    public async Task RunAsync(Func<string?> primary, Func<string, int?> inForce, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await Task.WhenAny(Task.Delay(Every, time, cancel));
            if (cancel.IsCancellationRequested) return;
            if (!leads() || primary() is not { } region || !(inForce(region) < cluster.SynchronousStandbys) || policy.Hold(cluster) is not null || policy.Of(cluster.Id).Holder is not null) continue;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(Limit);
            try
            {
                await RaiseAsync(region, limit.Token);
            }
            catch (Exception e) when (e is NpgsqlException or SocketException or IOException or TimeoutException or InvalidOperationException or OperationCanceledException)
            {
                if (!cancel.IsCancellationRequested) LogNotRaised(cluster.Id, region, e.Message);
            }
        }
    }

    private async Task RaiseAsync(string region, CancellationToken cancel)
    {
        await using var node = await NodeConnection.OpenAsync(cluster, cluster.Nodes.First(n => n.Region == region), "opsconsole confirmations", cancel);
        if (await Promotion.InRecoveryAsync(node, cancel) || (await SynchronousCommit.ServedAsync(node, cancel)).Count < cluster.SynchronousStandbys) return;
        var names = SynchronousCommit.Names(cluster.SynchronousStandbys, cluster.Nodes.Where(n => n.Region != region).Select(n => Upstream.NameOf(cluster, n.Region)));
        await SynchronousCommit.SetAsync(node, names, Limit, time, cancel);
        LogRaised(cluster.Id, region, cluster.SynchronousStandbys);
        await audit.AppendAsync(new AuditDraft("system", "failover.confirmationsRaised", $"cluster:{cluster.Id}", $"{cluster.SynchronousStandbys} standbys confirm each commit of {region} again, as declared."), cancel);
    }

    [LoggerMessage(5117, LogLevel.Warning, "{Cluster}: {Confirmations} standbys confirm each commit of {Primary} again, as declared")]
    private partial void LogRaised(string cluster, string primary, int confirmations);

    [LoggerMessage(5118, LogLevel.Warning, "{Cluster}: fewer standbys than declared confirm the commits of {Primary}, and that could not be mended: {Problem}")]
    private partial void LogNotRaised(string cluster, string primary, string problem);
}
