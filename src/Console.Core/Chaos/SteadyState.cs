using System.Collections.Concurrent;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Chaos;

/// <summary>Measures conditions for an experiment: requests of its own to customers' endpoint and to services, heartbeats through the clients'
/// write endpoint, and the live picture.</summary>
public sealed class SteadyStates(FleetModel fleet, IFleetFeed feed, PulseMeters pulses, ChaosOptions options, TimeProvider time)
{
    /// <summary>Measures until it is disposed.</summary>
    public SteadyState Begin(IEnumerable<Condition> conditions) => new(fleet, feed, pulses, options, time, [.. conditions.DistinctBy(c => (c.Of, c.Metric))]);
}

/// <summary>Running measurements.</summary>
public sealed class SteadyState : IAsyncDisposable
{
    private static readonly TimeSpan CustomerInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ServiceInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromMilliseconds(100);
    private const int FewestRequests = 3;

    private readonly IFleetFeed _feed;
    private readonly PulseMeters _pulses;
    private readonly TimeProvider _time;
    private readonly string _name = $"chaos-{Guid.NewGuid():N}";
    private readonly Dictionary<string, RequestMeter> _requests = [];
    private readonly List<string> _clusters;
    private readonly DateTimeOffset _began;

    internal SteadyState(FleetModel fleet, IFleetFeed feed, PulseMeters pulses, ChaosOptions options, TimeProvider time, IReadOnlyList<Condition> conditions)
    {
        (_feed, _pulses, _time, _began) = (feed, pulses, time, time.GetUtcNow());
        foreach (var of in conditions.Select(c => c.Of).Distinct())
        {
            if (of == Condition.Customers && options.CustomerUrl.Length > 0) _requests[of] = new RequestMeter(options.CustomerUrl, CustomerInterval, time);
            else if (of.StartsWith("service:", StringComparison.Ordinal) && UrlOf(fleet, of) is { } url) _requests[of] = new RequestMeter(url, ServiceInterval, time);
        }
        _clusters = [.. conditions.Where(c => c.Metric == "writeGapSeconds").Select(c => c.Of["cluster:".Length..]).Distinct()];
    }

    /// <param name="window">how far back; not before the measuring began</param>
    public IReadOnlyList<Measurement> Measure(IEnumerable<Condition> conditions, TimeSpan window)
    {
        // Heartbeats go on only while somebody asks.
        foreach (var cluster in _clusters) _pulses.Of(cluster)?.Keep(_name, HeartbeatInterval, TimeSpan.FromSeconds(10));
        return [.. conditions.Select(c => new Measurement(c, MeasureOne(c, window)))];
    }

    private double? MeasureOne(Condition condition, TimeSpan window)
    {
        var picture = _feed.Current;
        if (_requests.TryGetValue(condition.Of, out var requests)) return requests.Measure(condition.Metric, window, FewestRequests);
        if (condition.Of == Condition.Fleet) return picture.Regions.Count == 0 ? null : picture.Regions.Values.Count(r => r.Status is HealthStatus.Healthy or HealthStatus.Degraded);
        var id = condition.Of[(condition.Of.IndexOf(':', StringComparison.Ordinal) + 1)..];
        if (condition.Metric == "lagSeconds")
        {
            var lags = picture.Links.Values.Where(l => l.Cluster == id).Select(l => l.HeartbeatLagSeconds ?? l.LagSeconds).ToList();
            return lags.Count == 0 || lags.Any(l => l is null) ? null : lags.Max();
        }
        if (condition.Metric == "writeGapSeconds") return WriteGap(id, window);
        var service = picture.Services.GetValueOrDefault(id);
        return condition.Metric switch { "availabilityPercent" => service?.AvailabilityPercent, "errorRatePercent" => service?.ErrorRatePercent, _ => service?.P95Ms };
    }

    /// <summary>The longest time without an acknowledged write in the window, the present one included.</summary>
    private double? WriteGap(string cluster, TimeSpan window)
    {
        if (_pulses.Of(cluster) is not { } meter) return null;
        var now = _time.GetUtcNow();
        var since = now - window > _began ? now - window : _began;
        var acknowledged = meter.Report(since).Acknowledged;
        if (acknowledged.Count == 0) return (now - since).TotalSeconds;
        var longest = Math.Max((acknowledged[0].At - since).TotalSeconds, (now - acknowledged[^1].At).TotalSeconds);
        for (var i = 1; i < acknowledged.Count; i++) longest = Math.Max(longest, (acknowledged[i].At - acknowledged[i - 1].At).TotalSeconds);
        return longest;
    }

    private static string? UrlOf(FleetModel fleet, string of) =>
        fleet.Services.GetValueOrDefault(of["service:".Length..])?.Probes.FirstOrDefault(p => p.Kind == ProbeKind.Http)?.Target;

    public async ValueTask DisposeAsync()
    {
        foreach (var cluster in _clusters) _pulses.Of(cluster)?.Release(_name);
        foreach (var meter in _requests.Values) await meter.DisposeAsync();
    }
}

/// <summary>GETs of one URL at a steady pace, however slow the answers are; an answer of 5xx, none, or none in time has failed.</summary>
internal sealed class RequestMeter : IAsyncDisposable
{
    private const int Remembered = 2000;
    private const int AtOnce = 40;
    private static readonly TimeSpan GiveUp = TimeSpan.FromSeconds(2);

    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = GiveUp, PooledConnectionLifetime = TimeSpan.FromSeconds(5), MaxConnectionsPerServer = AtOnce }) { Timeout = GiveUp };
    private readonly ConcurrentQueue<(long At, bool Ok, double Milliseconds)> _answers = [];
    private readonly CancellationTokenSource _over = new();
    private readonly SemaphoreSlim _room = new(AtOnce);
    private readonly TimeProvider _time;
    private readonly Task _loop;

    public RequestMeter(string url, TimeSpan interval, TimeProvider time)
    {
        _time = time;
        _loop = Task.Run(() => RunAsync(new Uri(url), interval));
    }

    public double? Measure(string metric, TimeSpan window, int fewest)
    {
        var recent = _answers.Where(a => _time.GetElapsedTime(a.At) <= window).ToList();
        if (recent.Count < fewest) return null;
        if (metric == "p95Ms") return recent.Select(a => a.Milliseconds).Order().ElementAt((int)Math.Ceiling(recent.Count * 0.95) - 1);
        var failed = 100.0 * recent.Count(a => !a.Ok) / recent.Count;
        return metric == "errorRatePercent" ? failed : 100 - failed;
    }

    private async Task RunAsync(Uri url, TimeSpan interval)
    {
        using var timer = new PeriodicTimer(interval, _time);
        var open = new List<Task>();
        try
        {
            while (await timer.WaitForNextTickAsync(_over.Token))
            {
                open.RemoveAll(t => t.IsCompleted);
                if (_room.CurrentCount > 0) open.Add(AskAsync(url));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(open);
        }
    }

    private async Task AskAsync(Uri url)
    {
        await _room.WaitAsync(CancellationToken.None);
        var began = _time.GetTimestamp();
        var ok = false;
        try
        {
            using var answer = await _client.GetAsync(url, _over.Token);
            ok = (int)answer.StatusCode < 500;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            if (_over.IsCancellationRequested) return;
        }
        finally
        {
            _room.Release();
        }
        _answers.Enqueue((_time.GetTimestamp(), ok, _time.GetElapsedTime(began).TotalMilliseconds));
        while (_answers.Count > Remembered) _answers.TryDequeue(out _);
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _loop;
        _client.Dispose();
        _over.Dispose();
        _room.Dispose();
    }
}
