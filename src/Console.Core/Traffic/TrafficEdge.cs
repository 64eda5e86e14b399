using OpsConsole.Core.Drivers.HaProxy;
using OpsConsole.Core.Drivers.PgBouncer;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Traffic;

/// <summary>Requests and errors of one region's servers, counted from the traffic manager's start.</summary>
public sealed record RegionCounters(string Region, long Requests, long Errors);

/// <summary>The fleet's traffic managers together: who receives writes, who receives which share of the HTTP traffic. All of them
/// follow, or the call fails; what is set is read back.</summary>
public sealed class TrafficEdge(FleetModel fleet) : IDisposable
{
    /// <summary>For a PAUSE whose end nobody waits for to reach its pooler.</summary>
    private static readonly TimeSpan Hold = TimeSpan.FromMilliseconds(60);
    // Each keeps a connection: in a failover a log-in costs more than the command.
    private readonly Dictionary<string, PgBouncerAdmin> _poolers = fleet.Options.TrafficManagers.Where(m => m.Kind == TrafficManagerKind.PgBouncer).ToDictionary(m => m.Id, m => new PgBouncerAdmin(m));

    private IEnumerable<TrafficManagerOptions> Proxies => fleet.Options.TrafficManagers.Where(m => m.Kind == TrafficManagerKind.HaProxy);

    private IEnumerable<(PgBouncerAdmin Admin, string Database)> Poolers(string cluster) =>
        fleet.Options.TrafficManagers.Where(m => m.Kind == TrafficManagerKind.PgBouncer)
            .SelectMany(m => m.Databases.Where(d => d.Value == cluster).Select(d => (_poolers[m.Id], d.Key)));

    public void Dispose()
    {
        foreach (var pooler in _poolers.Values) pooler.Dispose();
    }

    public bool HasPooler(string cluster) => Poolers(cluster).Any();

    /// <summary>Takes the region out of every write endpoint and ends its sessions: fencing rung 1.</summary>
    public Task CutWritesAsync(string region, bool endSessions, CancellationToken cancel) => EachAsync(m => m.WriteBackend, region,
        (proxy, backend, server) => proxy.SetServesAsync(backend, server, serves: false, endSessions, cancel));

    /// <summary>Leads writes to one region alone. The others are taken out first, so that there are never two.</summary>
    public async Task LeadWritesAsync(string region, CancellationToken cancel)
    {
        foreach (var other in (await WritersAsync(cancel)).Where(w => w != region)) await CutWritesAsync(other, endSessions: true, cancel);
        await EachAsync(m => m.WriteBackend, region, (proxy, backend, server) => proxy.SetServesAsync(backend, server, serves: true, endSessions: false, cancel));
    }

    /// <summary>Regions that any write endpoint leads to now.</summary>
    public async Task<IReadOnlySet<string>> WritersAsync(CancellationToken cancel)
    {
        var writers = new HashSet<string>();
        foreach (var manager in Proxies.Where(m => m.WriteBackend.Length > 0))
        {
            foreach (var server in await new HaProxyRuntime(manager.Address).ReadAsync(manager.WriteBackend, cancel))
            {
                if (!server.InMaintenance && manager.Servers.TryGetValue(server.Server, out var region)) writers.Add(region);
            }
        }
        return writers;
    }

    /// <summary>Holds back every client of the cluster until running transactions have ended. All poolers or none: when one does not
    /// drain in time all are resumed.</summary>
    /// <exception cref="TimeoutException">transactions ran on past the deadline</exception>
    public async Task PauseAsync(string cluster, TimeSpan drain, TimeProvider time, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(drain, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancel);
        try
        {
            await Task.WhenAll(Poolers(cluster).Select(p => p.Admin.PauseAsync(p.Database, limit.Token)));
        }
        catch
        {
            await ResumeAsync(cluster, CancellationToken.None);
            if (deadline.IsCancellationRequested && !cancel.IsCancellationRequested)
                throw new TimeoutException($"Transactions ran on for {drain.TotalSeconds:0.#} s after PAUSE; clients were let go on.");
            throw;
        }
    }

    /// <summary>Holds back new queries of the cluster's clients at once, without waiting for those under way: their servers are gone or
    /// about to be cut off.</summary>
    /// <returns>null, or why a pooler does not hold them back</returns>
    public async Task<string?> HoldAsync(string cluster, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Hold);
        var problems = await Task.WhenAll(Poolers(cluster).Select(async p =>
        {
            try
            {
                await p.Admin.PauseAsync(p.Database, limit.Token);
                return null;
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                return null; // it holds new queries; some old ones have not ended yet
            }
            catch (Exception e) when (e is Drivers.Postgres.Wire.WireException or IOException or System.Net.Sockets.SocketException or InvalidOperationException)
            {
                return e.Message;
            }
        }));
        return problems.FirstOrDefault(p => p is not null);
    }

    public Task ResumeAsync(string cluster, CancellationToken cancel) =>
        Task.WhenAll(Poolers(cluster).Select(p => p.Admin.ResumeAsync(p.Database, cancel)));

    /// <summary>Whether every pooler holds the cluster's clients back; false when none or only some do.</summary>
    public async Task<bool> PausedAsync(string cluster, CancellationToken cancel) => await PausesAsync(cluster, cancel) is { Length: > 0 } paused && paused.All(p => p);

    public async Task<bool> AnyPausedAsync(string cluster, CancellationToken cancel) => (await PausesAsync(cluster, cancel)).Any(p => p);

    private Task<bool[]> PausesAsync(string cluster, CancellationToken cancel) =>
        Task.WhenAll(Poolers(cluster).Select(async p => (await p.Admin.ReadAsync(cancel)).Any(d => d.Name == p.Database && d.Paused)));

    /// <summary>Weights of the HTTP traffic by region, of the first traffic manager that has any.</summary>
    public async Task<IReadOnlyDictionary<string, int>> WeightsAsync(CancellationToken cancel)
    {
        foreach (var manager in Proxies.Where(m => m.HttpBackend.Length > 0))
        {
            return (await new HaProxyRuntime(manager.Address).ReadAsync(manager.HttpBackend, cancel))
                .Where(s => manager.Servers.ContainsKey(s.Server)).ToDictionary(s => manager.Servers[s.Server], s => s.Weight);
        }
        return new Dictionary<string, int>();
    }

    public async Task SetWeightsAsync(IReadOnlyDictionary<string, int> weights, CancellationToken cancel)
    {
        foreach (var manager in Proxies.Where(m => m.HttpBackend.Length > 0))
        {
            var servers = manager.Servers.Where(s => weights.ContainsKey(s.Value)).ToDictionary(s => s.Key, s => weights[s.Value]);
            await new HaProxyRuntime(manager.Address).SetWeightsAsync(manager.HttpBackend, servers, cancel);
        }
    }

    /// <summary>Requests and errors per region over all traffic managers.</summary>
    public async Task<IReadOnlyDictionary<string, RegionCounters>> CountersAsync(CancellationToken cancel)
    {
        var counters = new Dictionary<string, RegionCounters>();
        foreach (var manager in Proxies.Where(m => m.HttpBackend.Length > 0))
        {
            foreach (var server in await new HaProxyRuntime(manager.Address).ReadAsync(manager.HttpBackend, cancel))
            {
                if (!manager.Servers.TryGetValue(server.Server, out var region)) continue;
                var sum = counters.GetValueOrDefault(region, new RegionCounters(region, 0, 0));
                counters[region] = sum with { Requests = sum.Requests + server.Requests, Errors = sum.Errors + server.Errors };
            }
        }
        return counters;
    }

    /// <summary>Traffic managers that do not answer, each with what it said last. One is asked twice before it counts as silent: a refusal
    /// for a moment's delay would stand in the way of a failover.</summary>
    /// <param name="limit">for each of the two looks</param>
    public async Task<IReadOnlyList<string>> UnreachableAsync(TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        var answers = await Task.WhenAll(fleet.Options.TrafficManagers.Where(m => m.Kind != TrafficManagerKind.Route53).Select(async manager =>
            await ProblemAsync(manager, limit, time, cancel) is null || await ProblemAsync(manager, limit, time, cancel) is not { } problem ? null : $"{manager.Id}: {problem}"));
        return answers.OfType<string>().ToList();
    }

    private async Task<string?> ProblemAsync(TrafficManagerOptions manager, TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(limit, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancel);
        try
        {
            if (manager.Kind == TrafficManagerKind.HaProxy) await new HaProxyRuntime(manager.Address).ReadAsync(both.Token);
            else await _poolers[manager.Id].ReadAsync(both.Token);
            return null;
        }
        catch (Exception) when (deadline.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            return $"no answer within {limit.TotalSeconds:0.#} s";
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            return e.Message; // whatever the reason: it did not answer as it should
        }
    }

    private async Task EachAsync(Func<TrafficManagerOptions, string> backendOf, string region, Func<HaProxyRuntime, string, string, Task> act)
    {
        var work = Proxies.Where(m => backendOf(m).Length > 0)
            .SelectMany(m => m.Servers.Where(s => s.Value == region).Select(s => act(new HaProxyRuntime(m.Address), backendOf(m), s.Key)));
        await Task.WhenAll(work);
    }
}
