using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Traffic;

/// <summary>Traffic managers as components, and the measured share of HTTP traffic of each region.</summary>
public sealed partial class TrafficObserver(
    FleetModel fleet, IEnumerable<ITrafficDriver> drivers, IFleetReducer reducer, IMetricSink metrics, IOptions<ReplicationOptions> options, TimeProvider time, ILogger<TrafficObserver> logger) : IObserver
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, IReadOnlyDictionary<string, RegionCounters>?> _differences = [];

    public string Name => "traffic";

    public Task RunAsync(CancellationToken cancel) => Together.RunAsync(
        fleet.Options.TrafficManagers.Select<TrafficManagerOptions, Func<CancellationToken, Task>>(manager => token => WatchAsync(manager, token)), cancel);

    private async Task WatchAsync(TrafficManagerOptions manager, CancellationToken cancel)
    {
        var view = drivers.First(d => d.Serves(manager.Kind)).View(manager);
        var window = new TrafficWindow(TimeSpan.FromSeconds(options.Value.TrafficWindowSeconds));
        var answered = true;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.TrafficIntervalSeconds), time);
        do
        {
            try
            {
                var reading = await ReadAsync(view, manager, cancel);
                var now = time.GetUtcNow();
                reducer.Component(manager.Id, reading.Status, reading.Detail, now);
                if (reading.Http.Count > 0)
                    Share(manager.Id, window.Next(now, reading.Http), now);
                answered = true;
            }
            catch (TrafficManagerException e)
            {
                if (answered)
                    LogSilent(logger, manager.Id, e.Message);
                answered = false;
                reducer.Component(manager.Id, HealthStatus.Failed, e.Message, time.GetUtcNow());
                Share(manager.Id, null, time.GetUtcNow());
            }
        }
        while (await timer.WaitForNextTickAsync(cancel));
    }

    private async Task<TrafficReading> ReadAsync(ITrafficView view, TrafficManagerOptions manager, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(Patience, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancel);
        try
        {
            return await view.ReadAsync(limit.Token);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new TrafficManagerException($"{manager.Id} at {manager.Address} does not answer within {Patience.TotalSeconds:F0} s", e);
        }
    }

    private void Share(string manager, IReadOnlyDictionary<string, RegionCounters>? difference, DateTimeOffset now)
    {
        lock (_lock)
        {
            _differences[manager] = difference;
            foreach (var (region, percent) in TrafficWindow.Shares(_differences.Values.OfType<IReadOnlyDictionary<string, RegionCounters>>(), fleet.Regions.Keys))
            {
                reducer.TrafficShare(region, percent, now);
                if (percent is { } known)
                    metrics.Record($"region:{region}:traffic", now, known);
            }
        }
    }

    [LoggerMessage(3101, LogLevel.Warning, "Traffic manager {Manager} cannot be observed: {Problem}")]
    private static partial void LogSilent(ILogger logger, string manager, string problem);
}
