using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>Asserts once a second that writes are led to the primary and to nobody else: a traffic manager forgets with a restart what it
/// was told. Nothing is asserted while an operation has the cluster, nor while people want hands off.</summary>
internal sealed partial class WriteLead(ClusterOptions cluster, TrafficEdge edge, IFleetSessions sessions, IAuditLog audit, DetectorPolicy policy, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);
    private bool _suspected;

    /// <param name="primary">the region whose node is the primary, writable now and followed by standbys; null when that is in doubt</param>
    public async Task RunAsync(Func<string?> primary, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await Task.WhenAny(Task.Delay(Every, time, cancel));
            if (cancel.IsCancellationRequested) return;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(Limit);
            try
            {
                await AssertAsync(primary, limit.Token);
            }
            catch (Exception e) when (e is SocketException or IOException or InvalidOperationException or Npgsql.NpgsqlException or TimeoutException or OperationCanceledException)
            {
                if (!cancel.IsCancellationRequested) LogNotAsserted(cluster.Id, e.Message); // a manager that is down is asked again in a second
            }
        }
    }

    private async Task AssertAsync(Func<string?> primary, CancellationToken cancel)
    {
        if (primary() is not { } region || policy.Hold(cluster) is not null || policy.Of(cluster.Id).Holder is not null)
        {
            _suspected = false;
            return;
        }
        var writers = await edge.WritersAsync(cancel);
        if (writers.SetEquals([region]))
        {
            _suspected = false;
            return;
        }
        // Nobody gets writes: that is mended at the first sight. Somebody else does: only what is seen twice is no operation that just began or ended.
        if (writers.Count > 0 && !_suspected)
        {
            _suspected = true;
            return;
        }
        if (!await sessions.HolderGoneAsync(cluster.Id, cancel) || primary() != region) return;
        await edge.LeadWritesAsync(region, cancel);
        _suspected = false;
        var before = writers.Count == 0 ? "nobody" : string.Join(", ", writers.Order(StringComparer.Ordinal));
        LogAsserted(cluster.Id, region, before);
        await audit.AppendAsync(new AuditDraft("system", "traffic.writesAsserted", $"cluster:{cluster.Id}", $"Writes led to {before}; the primary is {region}."), cancel);
    }

    [LoggerMessage(5113, LogLevel.Warning, "{Cluster}: writes are led to {Primary} again; they led to {Before}")]
    private partial void LogAsserted(string cluster, string primary, string before);

    [LoggerMessage(5114, LogLevel.Debug, "{Cluster}: where writes are led was not asserted: {Problem}")]
    private partial void LogNotAsserted(string cluster, string problem);
}
