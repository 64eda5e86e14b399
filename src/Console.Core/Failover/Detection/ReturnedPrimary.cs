using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>A former primary that answers as one is demoted on sight: at once it rejects clients; then it rejoins by an operation.</summary>
internal sealed partial class ReturnedPrimary(ClusterOptions cluster, OldPrimary oldPrimary, DetectorPolicy policy, OperationService operations, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(2);
    private readonly Lock _gate = new();
    private readonly HashSet<string> _fencing = [];

    /// <summary>Returns at once; one region is dealt with once at a time.</summary>
    public void Demote(string region, int timeline, string primary, int newest, CancellationToken cancel)
    {
        if (policy.Hold(cluster) is not null) return;
        lock (_gate)
        {
            if (!_fencing.Add(region)) return;
        }
        _ = Task.Run(() => DemoteAsync(region, timeline, primary, newest, cancel), CancellationToken.None);
    }

    private async Task DemoteAsync(string region, int timeline, string primary, int newest, CancellationToken cancel)
    {
        try
        {
            LogReturned(cluster.Id, region, timeline, newest);
            var why = await oldPrimary.FenceBySqlAsync(cluster.Id, region, cancel);
            if (why is null) LogFenced(cluster.Id, region);
            else LogNotFenced(cluster.Id, region, why);
            var request = new JsonObject { ["cluster"] = cluster.Id, ["region"] = region, ["upstream"] = primary };
            await operations.SubmitAsync(new OperationRequest(RejoinPlanner.KindName, request, "automatic: a former primary has returned") { StandingApproval = true }, Person.Console, cancel);
        }
        catch (BlockedException blocked)
        {
            LogNotRejoined(cluster.Id, region, blocked.Message); // the failover that it fell from brings it back itself
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (!cancel.IsCancellationRequested) LogNotFenced(cluster.Id, region, e.Message);
        }
        finally
        {
            await Task.WhenAny(Task.Delay(Again, time, cancel)); // the operation needs a moment to show
            lock (_gate) _fencing.Remove(region);
        }
    }

    [LoggerMessage(5107, LogLevel.Error, "{Cluster}: {Region} answers as a primary on timeline {Timeline}; the primary is on {Newest}. It is demoted")]
    private partial void LogReturned(string cluster, string region, int timeline, int newest);

    [LoggerMessage(5108, LogLevel.Information, "{Cluster}: {Region} rejects clients, verified")]
    private partial void LogFenced(string cluster, string region);

    [LoggerMessage(5109, LogLevel.Error, "{Cluster}: {Region} could not be fenced or rejoined: {Problem}")]
    private partial void LogNotFenced(string cluster, string region, string problem);

    [LoggerMessage(5112, LogLevel.Information, "{Cluster}: {Region} is not rejoined from here: {Problem}")]
    private partial void LogNotRejoined(string cluster, string region, string problem);
}
