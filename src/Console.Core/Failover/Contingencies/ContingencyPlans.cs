using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Failover.Contingencies;

/// <summary>Plans for the loss of each region, renewed all the time and kept in memory: they are there also when the console's database is
/// not.</summary>
public sealed partial class ContingencyPlans(FleetModel fleet, IFailoverFacts facts, FailoverPlanner planner, FailoverOptions options, TimeProvider time, ILogger<ContingencyPlans> log) : BackgroundService
{
    private readonly ContingencyRules _rules = new(planner);
    private volatile ContingencyReport? _latest;

    /// <summary>The newest plans; look at their age. Null until the first are made.</summary>
    public ContingencyReport? Latest => _latest;

    /// <summary>The newest plans; made now when there are none.</summary>
    public async Task<ContingencyReport> GetAsync(CancellationToken cancel = default) => _latest ?? await RenewAsync(cancel);

    public async Task<ContingencyReport> RenewAsync(CancellationToken cancel)
    {
        var known = new SortedDictionary<string, PreflightFacts>(StringComparer.Ordinal);
        foreach (var cluster in fleet.Options.Clusters) known[cluster.Id] = await facts.GatherAsync(cluster.Id, cancel);
        return _latest = known.Count == 0 ? new ContingencyReport(time.GetUtcNow(), []) : _rules.Report(known);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.ReadinessSeconds), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RenewAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or IOException or TimeoutException)
            {
                LogKept(e.Message);
            }
        }
    }

    [LoggerMessage(5130, LogLevel.Warning, "Contingency plans are not renewed, the last ones stay: {Problem}")]
    private partial void LogKept(string problem);
}
