using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Failover.Topology;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>A standby that was out of reach when the primary moved was led nowhere. Once it answers, an operation has it follow the present primary. One that
/// people have pointed elsewhere since is left alone.</summary>
internal sealed partial class LeftBehind(ClusterOptions cluster, FleetModel fleet, DetectorPolicy policy, OperationReader reader, OperationService operations, TimeProvider time, ILogger log)
{
    /// <summary>Receivers change over within moments: only what stays away so long was left behind.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(60);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _since = [];
    private int _asking;

    /// <summary>Returns at once; one region is dealt with at a time.</summary>
    public void Judge(string primary, IReadOnlyDictionary<string, NodeReading> readings, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        foreach (var (region, reading) in readings)
        {
            if (region == primary || reading is not { Answers: true, Standby: true } || (reading.Streams && reading.Upstream == fleet.Link(cluster.Id, primary, region)?.Address)) _since.TryRemove(region, out _);
            else _since.TryAdd(region, now);
        }
        if (readings[primary] is not { Answers: true, Standby: false } || policy.Of(cluster.Id).Holder is not null || policy.Hold(cluster) is not null) return;
        if (_since.Where(s => now - s.Value > Patience).Select(s => s.Key).Order(StringComparer.Ordinal).FirstOrDefault() is not { } waiting || Interlocked.Exchange(ref _asking, 1) == 1) return;
        _ = Task.Run(() => LeadAsync(waiting, primary, cancel), CancellationToken.None);
    }

    private async Task LeadAsync(string region, string primary, CancellationToken cancel)
    {
        try
        {
            if (await WasLeftAsync(region, primary, cancel))
            {
                LogLeft(cluster.Id, region, primary);
                var request = new JsonObject { ["cluster"] = cluster.Id, ["region"] = region, ["upstream"] = primary };
                await operations.SubmitAsync(new OperationRequest(RejoinPlanner.KindName, request, "automatic: out of reach when the primary moved") { StandingApproval = true }, Person.Console, cancel);
            }
        }
        catch (BlockedException blocked)
        {
            LogNotLed(cluster.Id, region, blocked.Message); // by the other console, or by what goes first
        }
        catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or TimeoutException or RequestRefusedException or InvalidOperationException)
        {
            LogNotLed(cluster.Id, region, e.Message);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return;
        }
        finally
        {
            _since[region] = time.GetUtcNow() + Again - Patience;
            Volatile.Write(ref _asking, 0);
        }
    }

    /// <summary>By the newest move of the primary on record, and no change of that standby since.</summary>
    private async Task<bool> WasLeftAsync(string region, string primary, CancellationToken cancel)
    {
        var resource = $"cluster:{cluster.Id}";
        var moves = await reader.ListAsync(OperationKinds.Failover, resource: resource, limit: 10, cancel: cancel);
        if (moves.FirstOrDefault(m => m.Outputs[Outputs.PromotedAt] is not null && m.Outputs[Outputs.Standbys] is JsonArray) is not { } move) return false;
        if ((string?)move.Request["target"] != primary || (string?)move.Request["source"] == region || move.Outputs[Outputs.Standbys]!.AsArray().Any(r => (string?)r == region)) return false;
        var changes = await reader.ListAsync(TopologyPlanner.KindName, OperationState.Succeeded, resource, limit: 20, cancel: cancel);
        return !changes.Any(c => c.CreatedAt > move.CreatedAt && (string?)c.Request["region"] == region);
    }

    [LoggerMessage(5120, LogLevel.Warning, "{Cluster}: {Region} was out of reach when the primary moved to {Primary}. It is led there")]
    private partial void LogLeft(string cluster, string region, string primary);

    [LoggerMessage(5121, LogLevel.Information, "{Cluster}: {Region} is not led from here: {Problem}")]
    private partial void LogNotLed(string cluster, string region, string problem);
}
