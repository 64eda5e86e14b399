using Microsoft.Extensions.Logging.Abstractions;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Health.Telemetry;
using OpsConsole.Core.Live;
using OpsConsole.Core.Live.Nodes;
using OpsConsole.Core.Persistence;
using OpsConsole.Core.Tests.Health;

namespace OpsConsole.Core.Tests.Live.Nodes;

/// <summary>One console node's observing half on a shared database, in real time; its only observer runs what the test gives.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public TestNode(ConsoleDatabase database, FleetOptions options)
    {
        var (fleet, settings, time) = (new FleetModel(options), ProbedFleet.Settings(), TimeProvider.System);
        var plan = ProbePlan.From(fleet);
        var (buffer, ids) = (new TelemetryBuffer(), new SeriesIds(database));
        State = new FleetState(fleet, plan, Feed, buffer, buffer, settings, time);
        Lease = new ObserverLease(database, settings);
        Commands = new ObserverCommands(database, State);
        var writer = new TelemetryWriter(buffer, ids, plan, database, State, settings, time, NullLogger<TelemetryWriter>.Instance);
        Node = new ObserverNode(Lease, State, [new Watcher(Leading), Commands], writer,
            new RecentSamples(database, ids, plan, settings, time, NullLogger<RecentSamples>.Instance),
            new BatchPublisher(database, State, Feed, time), new BatchFollower(database, Feed, time), time, NullLogger<ObserverNode>.Instance);
        _running = Node.RunAsync(_stop.Token);
    }

    public FleetFeed Feed { get; } = new();
    public FleetState State { get; }
    public ObserverLease Lease { get; }
    public ObserverNode Node { get; }
    public ObserverCommands Commands { get; }
    /// <summary>Ends when this node's observers have been started.</summary>
    public TaskCompletionSource Leading { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Waits for a picture.</summary>
    public async Task<FleetSnapshot> UntilAsync(Func<FleetSnapshot, bool> reached)
    {
        using var subscription = Feed.Subscribe();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        while (!reached(Feed.Current))
            await subscription.Batches.ReadAsync(patience.Token);
        return Feed.Current;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private sealed class Watcher(TaskCompletionSource leading) : IObserver
    {
        public string Name => "watcher";

        public Task RunAsync(CancellationToken cancel)
        {
            leading.TrySetResult();
            return Task.Delay(Timeout.InfiniteTimeSpan, cancel);
        }
    }
}
