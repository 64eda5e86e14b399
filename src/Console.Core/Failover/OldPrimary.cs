using System.Collections.Concurrent;
using System.Net.Sockets;
using Npgsql;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Detection;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Failover;

/// <summary>Rungs of the fencing ladder. Each is verified by looking, not by the call's return.</summary>
public enum FenceRung { None = 0, Traffic = 1, Sql = 2, Host = 3 }

/// <param name="Reached">the highest rung that was verified</param>
/// <param name="Said">what happened on each rung, in words</param>
public sealed record FenceResult(FenceRung Reached, IReadOnlyList<string> Said);

/// <summary>What is done to a node that was the primary: kept from serving, then brought back as a standby.</summary>
public sealed class OldPrimary(FleetModel fleet, NodeHost hosts, RoundTrips ways, FailoverOptions options, TimeProvider time)
{
    private const int MostRewinds = 2;
    /// <summary>Round trips of what is done beyond the sign-in: a look, and the fence with its verification.</summary>
    private const int LookTrips = RoundTrips.ToConnect + 2, FenceTrips = RoundTrips.ToConnect + 10;
    private readonly ConcurrentDictionary<(string Cluster, string Region), int> _rewinds = [];
    private static readonly TimeSpan SqlLimit = TimeSpan.FromSeconds(1);
    /// <summary>For a standby that is led to another primary to stream from there.</summary>
    private static readonly TimeSpan LedLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan HostLimit = TimeSpan.FromSeconds(8);

    /// <summary>Rung 2: rejects everybody but the console, ends all clients. Quick when the node answers.</summary>
    /// <returns>null when fenced and verified; otherwise why not</returns>
    public async Task<string?> FenceBySqlAsync(string cluster, string region, CancellationToken cancel)
    {
        try
        {
            // A silent server keeps the log-in busy for longer than it may take: it is left to itself then.
            return await TrySqlAsync(cluster, region, cancel).WaitAsync(ways.Beyond(SqlLimit, cluster, region, FenceTrips), time, cancel);
        }
        catch (Exception e) when (IsOutOfReach(e, cancel))
        {
            return e is OperationCanceledException or TimeoutException ? "it does not answer" : e.Message;
        }
    }

    private async Task<string?> TrySqlAsync(string cluster, string region, CancellationToken cancel)
    {
        await using var node = await OpenAsync(cluster, region, cancel);
        if (await Promotion.InRecoveryAsync(node, cancel)) return null; // a standby takes no writes
        await SqlFence.FenceAsync(node, cancel);
        return await SqlFence.HoldsAsync(node, cancel) ? null : "the rules do not reject clients after the reload";
    }

    /// <summary>Rung 3: SIGKILL to every process of the server.</summary>
    /// <returns>null when it is verified to be gone; otherwise why not</returns>
    public async Task<string?> KillAsync(string cluster, string region, CancellationToken cancel)
    {
        if (!hosts.Offers(region, NodeHost.Kill)) return $"its shell declares no {NodeHost.Kill}";
        using var limit = Limit(HostLimit, cancel);
        try
        {
            await hosts.KillAsync(cluster, region, limit.Token);
            await using var node = await OpenAsync(cluster, region, limit.Token);
            return "it still answers";
        }
        catch (HostShellException e)
        {
            return e.Message;
        }
        catch (Exception e) when (IsOutOfReach(e, cancel))
        {
            return e is OperationCanceledException ? "its host does not answer" : null;
        }
    }

    /// <summary>Both rungs, until one is verified.</summary>
    public async Task<FenceResult> FenceAsync(string cluster, string region, CancellationToken cancel)
    {
        var said = new List<string>();
        if (await FenceBySqlAsync(cluster, region, cancel) is not { } sql) return new FenceResult(FenceRung.Sql, [$"{region} rejects clients; verified."]);
        said.Add($"{region} cannot be fenced by SQL: {sql}");
        if (await KillAsync(cluster, region, cancel) is not { } host) return new FenceResult(FenceRung.Host, [.. said, $"Every server process in {region} was killed; verified."]);
        said.Add($"Its processes cannot be killed: {host}");
        return new FenceResult(FenceRung.None, said);
    }

    /// <summary>Brings it back as a standby of the present primary. One that is a standby is led there as it runs; where that does not do, as with a former primary, it is
    /// stopped, rewound (or copied afresh), demoted and started.</summary>
    /// <param name="clean">it was stopped in order and its whole log is on the primary: nothing to rewind</param>
    /// <param name="names">its own list of synchronous standbys, should it ever be promoted</param>
    public async Task RejoinAsync(string cluster, string region, string primary, bool clean, string names, Func<string, Task> say, CancellationToken cancel)
    {
        var address = Upstream.Address(fleet, cluster, region, primary);
        if (await StreamsAsync(cluster, region, address, cancel) || (!clean && await LedAsync(cluster, region, primary, say, cancel))) return;
        await StopAsync(cluster, region, say, cancel);
        if (!clean) await ReconcileAsync(cluster, region, primary, say, cancel);
        await StartAsStandbyAsync(cluster, region, primary, names, say, cancel);
    }

    /// <summary>Replaces whatever lies there by a fresh copy of <paramref name="primary"/>, which may be a standby, and starts it as a standby of it.</summary>
    public async Task CopyAfreshAsync(string cluster, string region, string primary, string names, Func<string, Task> say, CancellationToken cancel)
    {
        try
        {
            await StopAsync(cluster, region, say, cancel);
        }
        catch (HostShellException nothing)
        {
            await say($"Nothing to stop in {region}: {nothing.Message}"); // a new host has no data yet
        }
        await hosts.CopyAsync(cluster, region, primary, cancel);
        await say($"{region} holds a fresh copy of {primary}.");
        await StartAsStandbyAsync(cluster, region, primary, names, say, cancel);
    }

    /// <summary>A standby whose log the primary still has needs no more than to know where to go.</summary>
    /// <returns>false: it does not answer, is no standby, or does not stream from there</returns>
    private async Task<bool> LedAsync(string cluster, string region, string primary, Func<string, Task> say, CancellationToken cancel)
    {
        var (declared, standby) = (fleet.Clusters[cluster], false);
        using var limit = Limit(ways.Beyond(SqlLimit + LedLimit, cluster, region, FenceTrips), cancel);
        try
        {
            await using var node = await OpenAsync(cluster, region, limit.Token);
            if (!(standby = await Promotion.InRecoveryAsync(node, limit.Token))) return false;
            await using (var leader = await OpenAsync(cluster, primary, limit.Token)) await Slots.EnsureAsync(leader, [Upstream.SlotOf(declared, region)], limit.Token);
            await SqlFence.UnfenceAsync(node, limit.Token);
            await Upstream.FollowAsync(node, Upstream.Conninfo(fleet, cluster, region, primary), Upstream.SlotOf(declared, region), limit.Token);
            await Upstream.WaitStreamingAsync(node, Upstream.Address(fleet, cluster, region, primary), LedLimit, time, limit.Token);
        }
        catch (Exception e) when (IsOutOfReach(e, cancel))
        {
            if (standby) await say($"{region} cannot be led to {primary} as it runs: {(e is OperationCanceledException ? "no answer in time" : e.Message)}");
            return false;
        }
        await say($"{region} was led to {primary} and streams from there.");
        return true;
    }

    private async Task StartAsStandbyAsync(string cluster, string region, string primary, string names, Func<string, Task> say, CancellationToken cancel)
    {
        var address = Upstream.Address(fleet, cluster, region, primary);
        await hosts.DemoteAsync(cluster, region, primary, names, cancel);
        await hosts.StartAsync(cluster, region, cancel);
        await using var node = await OpenAsync(cluster, region, cancel);
        if (!await Promotion.InRecoveryAsync(node, cancel)) throw new InvalidOperationException($"{region} started as a primary.");
        await SqlFence.UnfenceAsync(node, cancel);
        var declared = fleet.Clusters[cluster];
        await Slots.EnsureAsync(node, declared.Nodes.Where(n => n.Region != region).Select(n => Upstream.SlotOf(declared, n.Region)), cancel); // a rewind takes them away
        await Upstream.WaitStreamingAsync(node, address, TimeSpan.FromSeconds(options.FollowSeconds), time, cancel);
        await say($"{region} streams from {primary}.");
    }

    public async Task<bool> StreamsAsync(string cluster, string region, string address, CancellationToken cancel)
    {
        using var limit = Limit(ways.Beyond(SqlLimit, cluster, region, LookTrips), cancel);
        try
        {
            await using var node = await OpenAsync(cluster, region, limit.Token);
            var view = await NodeView.ReadAsync(node, limit.Token);
            if (!view.Standby || !view.StreamsFrom(address)) return false;
            _rewinds.TryRemove((cluster, region), out _);
            return true;
        }
        catch (Exception e) when (IsOutOfReach(e, cancel))
        {
            return false;
        }
    }

    private async Task StopAsync(string cluster, string region, Func<string, Task> say, CancellationToken cancel)
    {
        using var limit = Limit(TimeSpan.FromSeconds(5), cancel);
        try
        {
            await hosts.StopAsync(cluster, region, limit.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            await say($"{region} does not stop: its processes are killed.");
            await hosts.KillAsync(cluster, region, cancel);
        }
    }

    private async Task ReconcileAsync(string cluster, string region, string primary, Func<string, Task> say, CancellationToken cancel)
    {
        // The source's control file tells its timeline, and learns of a promotion at the next checkpoint.
        await using (var source = await OpenAsync(cluster, primary, cancel)) await source.ExecuteAsync("CHECKPOINT", cancel);
        // Data that does not stream although it was rewound twice has something in it that a rewind does not see.
        var hopeless = _rewinds.AddOrUpdate((cluster, region), 1, (_, tries) => tries + 1) > MostRewinds;
        var refused = hopeless ? null : await hosts.RewindAsync(cluster, region, primary, cancel);
        if (!hopeless && refused is null)
        {
            await say($"{region} was rewound to where it parted from {primary}.");
            return;
        }
        await say($"{region} {(hopeless ? "does not stream though it was rewound" : "cannot be rewound")}: a fresh copy is made from {primary}.{(refused is null ? "" : $" ({refused})")}");
        await hosts.CopyAsync(cluster, region, primary, cancel);
        _rewinds.TryRemove((cluster, region), out _);
    }

    private Task<NpgsqlConnection> OpenAsync(string cluster, string region, CancellationToken cancel)
    {
        var declared = fleet.Clusters[cluster];
        return NodeConnection.OpenAsync(declared, declared.Nodes.First(n => n.Region == region), "opsconsole rejoin", cancel);
    }

    private static CancellationTokenSource Limit(TimeSpan limit, CancellationToken cancel)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        source.CancelAfter(limit);
        return source;
    }

    private static bool IsOutOfReach(Exception e, CancellationToken cancel) =>
        e is NpgsqlException or SocketException or IOException or TimeoutException || (e is OperationCanceledException && !cancel.IsCancellationRequested);
}
