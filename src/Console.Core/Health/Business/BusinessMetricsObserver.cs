using Microsoft.Extensions.Logging;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Health.Probing.Net;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Health.Business;

/// <summary>HE-6: reads the declared business metrics from services' own Prometheus endpoints, each 15 s. A counter (<c>..._total</c>)
/// is shown as its rate per second, anything else as it is. Services do not wait for each other.</summary>
public sealed partial class BusinessMetricsObserver(FleetModel fleet, Names names, IFleetReducer reducer, IMetricSink metrics, TimeProvider time, ILogger<BusinessMetricsObserver> log) : IObserver
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public string Name => "business metrics";

    public Task RunAsync(CancellationToken cancel)
    {
        var services = fleet.Options.Services.Where(s => s.MetricsUrl.Length > 0 && s.BusinessMetrics.Count > 0);
        // Without any there is still something to await: an observer runs until it is cancelled.
        return Task.WhenAll([Task.Delay(Timeout.InfiniteTimeSpan, time, cancel), .. services.Select(s => ReadForeverAsync(s, cancel))]);
    }

    private async Task ReadForeverAsync(ServiceOptions service, CancellationToken cancel)
    {
        var reader = new Reader(service);
        var failing = false;
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            try
            {
                await ReadAsync(service, reader, cancel);
                failing = false;
            }
            catch (Exception e) when (!cancel.IsCancellationRequested && (e is OperationCanceledException || ProbeErrors.Describe(e) is not null))
            {
                if (!failing)
                    LogUnread(service.Id, ProbeErrors.Describe(e) ?? "no answer in time");
                failing = true;
            }
        }
        while (await timer.WaitForNextTickAsync(cancel));
    }

    private async Task ReadAsync(ServiceOptions service, Reader reader, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Patience);
        var reply = await reader.Exchange.SendAsync(names, time, limit.Token);
        if (reply.Status != 200)
            throw new InvalidDataException($"HTTP {reply.Status}");
        var now = time.GetUtcNow();
        foreach (var (name, value) in reader.Values(reply.Body!, time))
        {
            reducer.Gauge(service.Id, name, value, now);
            metrics.Record($"service:{service.Id}:gauge:{name}", now, value);
        }
    }

    [LoggerMessage(2030, LogLevel.Warning, "Business metrics of {Service} cannot be read: {Reason}")]
    private partial void LogUnread(string service, string reason);

    /// <summary>What is kept between two readings of a service.</summary>
    internal sealed class Reader(ServiceOptions service)
    {
        private readonly HashSet<string> _wanted = [.. service.BusinessMetrics.Values];
        private (long At, Dictionary<string, double> Sums)? _last;

        public HttpExchange Exchange { get; } = new(new Uri(service.MetricsUrl), wantBody: true);

        public IReadOnlyList<(string Name, double Value)> Values(string text, TimeProvider time)
        {
            var values = new List<(string, double)>();
            var (at, sums) = (time.GetTimestamp(), PrometheusText.Sums(text, _wanted));
            foreach (var (name, metric) in service.BusinessMetrics)
            {
                if (!sums.TryGetValue(metric, out var value))
                    continue;
                if (!metric.EndsWith("_total", StringComparison.Ordinal))
                    values.Add((name, value));
                // A counter that fell began anew.
                else if (_last is { } last && last.Sums.TryGetValue(metric, out var before) && value >= before)
                    values.Add((name, Math.Round((value - before) / time.GetElapsedTime(last.At, at).TotalSeconds, 3)));
            }
            _last = (at, sums);
            return values;
        }
    }
}
