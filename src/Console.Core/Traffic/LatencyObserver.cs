using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Traffic;

/// <summary>TR-4. Console to region: a timed HTTP request on a warm connection (or, for a tcp endpoint, a TCP handshake). Region to region:
/// the host command <c>net.latency {host} {port}</c> of the one region against the other's database as it reaches it; where no such command
/// is declared the figure stays unknown.</summary>
public sealed partial class LatencyObserver(
    FleetModel fleet, IFleetReducer reducer, IMetricSink metrics, IOptions<ReplicationOptions> options, TimeProvider time, ILogger<LatencyObserver> logger, IHostShell? shell = null) : IObserver
{
    public const string Command = "net.latency";
    private const string Console = "console";
    private const int Samples = 5;
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ShellTimeout = TimeSpan.FromSeconds(40);

    public string Name => "latency";

    public async Task RunAsync(CancellationToken cancel)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(10) }) { Timeout = RequestTimeout };
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.LatencyIntervalSeconds), time);
        do
        {
            await Task.WhenAll([
                .. fleet.Options.Regions.Where(r => r.LatencyEndpoint.Length > 0).Select(r => FromConsoleAsync(client, r, cancel)),
                .. fleet.Options.Regions.Where(r => shell?.Offers(r.Id, Command) == true).Select(r => FromRegionAsync(shell!, r.Id, cancel)),
            ]);
        }
        while (await timer.WaitForNextTickAsync(cancel));
    }

    private async Task FromConsoleAsync(HttpClient client, RegionOptions region, CancellationToken cancel)
    {
        var endpoint = new Uri(region.LatencyEndpoint);
        var times = new List<double?>();
        if (endpoint.Scheme == "tcp")
            for (var i = 0; i < Samples; i++)
                times.Add(await TimedAsync(() => HandshakeAsync(endpoint, cancel), cancel));
        else if (await TimedAsync(() => RequestAsync(client, endpoint, cancel), cancel) is null) // opens the connection; not counted when it succeeds
            times.Add(null);
        else
            for (var i = 0; i < Samples; i++)
                times.Add(await TimedAsync(() => RequestAsync(client, endpoint, cancel), cancel));
        Post(Console, region.Id, RoundTrip.Of(times));
    }

    private async Task FromRegionAsync(IHostShell hosts, string source, CancellationToken cancel)
    {
        foreach (var link in fleet.Options.Links.Where(l => l.Target == source).DistinctBy(l => l.Source))
        {
            var address = HostPort.Parse(link.Address);
            var arguments = new Dictionary<string, string> { ["host"] = address.Host, ["port"] = address.Port.ToString(System.Globalization.CultureInfo.InvariantCulture) };
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            deadline.CancelAfter(ShellTimeout);
            try
            {
                var result = await hosts.RunAsync(source, Command, arguments, null, deadline.Token);
                Post(source, link.Source, RoundTrip.Parse(result.Output));
            }
            catch (Exception e) when (e is HostShellException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                LogNotMeasured(logger, source, link.Source, e.Message); // the host was not reached: nothing is known of the link
            }
        }
    }

    private void Post(string source, string target, RoundTrip measured)
    {
        var now = time.GetUtcNow();
        reducer.Latency(source, target, measured.Milliseconds, measured.LossPercent, now);
        if (measured.Milliseconds is { } known)
            metrics.Record($"latency:{source}>{target}:ms", now, known);
    }

    private async Task<double?> TimedAsync(Func<Task> act, CancellationToken cancel)
    {
        var start = time.GetTimestamp();
        try
        {
            await act();
            return time.GetElapsedTime(start).TotalMilliseconds;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return null;
        }
    }

    private static async Task RequestAsync(HttpClient client, Uri endpoint, CancellationToken cancel)
    {
        // Any answer is a round trip, also an error of the application.
        using var response = await client.GetAsync(endpoint, HttpCompletionOption.ResponseContentRead, cancel);
    }

    private static async Task HandshakeAsync(Uri endpoint, CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(RequestTimeout);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(endpoint.Host, endpoint.Port, deadline.Token);
    }

    [LoggerMessage(3201, LogLevel.Debug, "The round trip from {Source} to {Target} was not measured: {Problem}")]
    private static partial void LogNotMeasured(ILogger logger, string source, string target, string problem);
}
