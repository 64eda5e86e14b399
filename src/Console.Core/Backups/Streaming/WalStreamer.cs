using Microsoft.Extensions.Logging;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Streams the log of every cluster that has repositories for it, from whichever node is the primary. Runs where the fleet is observed.</summary>
public sealed class WalStreamer(
    FleetModel fleet, IFleetFeed feed, Repositories repositories, DeclaredKeys keys, IWalSource source, IWalSlots slots, WalStreamStates states, WalStreamOptions options, ILogGaps gaps, IEnumerable<IAlarmSink> alarms,
    TimeProvider time, ILogger<WalStreamer> log) : IObserver
{
    public string Name => "wal-streaming";

    public async Task RunAsync(CancellationToken cancel)
    {
        var clusters = options.Enabled ? fleet.Options.Clusters.Where(c => repositories.ForStreaming(c).Count > 0).ToList() : [];
        var parts = new ClusterLogParts(feed, keys, source, slots, states, options, gaps, [.. alarms], time, log);
        try
        {
            // None of them ends by itself: the first that does takes the others along, and says why.
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var running = clusters.Select(c => new ClusterLog(c, repositories.ForStreaming(c), parts).RunAsync(stop.Token)).Append(Task.Delay(Timeout.InfiniteTimeSpan, time, cancel)).ToList();
            await Task.WhenAny(running);
            await stop.CancelAsync();
            await Task.WhenAll(running.SkipLast(1));
            cancel.ThrowIfCancellationRequested();
        }
        finally
        {
            foreach (var cluster in clusters) states.Remove(cluster.Id);
        }
    }
}
