using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace OpsConsole.Bench.Circuits;

/// <summary>Many live pages at once: CPU of the console, resident memory a circuit, time from a change to the batch that shows it.
/// The change is real: a probed service of the fleet begins to answer 503, and the clock starts when the probe got that answer.</summary>
internal static class CircuitsBench
{
    private const int Services = 20;

    public static async Task RunAsync(int count, int seconds, int port, string path)
    {
        var target = new SwitchableTarget();
        await using var server = await target.StartAsync(port + 1);
        await using var console = await ConsoleUnderTest.StartAsync(Fleet(port + 1), port, new Dictionary<string, string>());
        using var cancel = new CancellationTokenSource();
        await Task.Delay(TimeSpan.FromSeconds(8)); // probes settle: the first verdicts are not what is measured
        var before = console.ResidentBytes();
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false });
        var circuits = new List<Circuit>();
        var watch = new ChangeWatch();
        for (var i = 0; i < count; i++)
        {
            var circuit = new Circuit(console.Address, console.Cookie, path);
            circuit.OnBatch = watch.Seen;
            await circuit.OpenAsync(http, cancel.Token);
            circuits.Add(circuit);
        }
        await Task.Delay(TimeSpan.FromSeconds(5));
        var opened = console.ResidentBytes();
        var cpu = console.CpuSeconds();
        var clock = Stopwatch.StartNew();
        var failing = false;
        var missed = 0;
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            failing = !failing;
            watch.Expect(failing ? "failed" : "healthy", count);
            target.Switch(failing, watch.Start);
            missed += await watch.WaitAsync(TimeSpan.FromSeconds(6));
            await Task.Delay(TimeSpan.FromSeconds(2));
            circuits.ForEach(c => c.ThrowIfBroken());
        }
        var perSecond = (console.CpuSeconds() - cpu) / clock.Elapsed.TotalSeconds;
        var memory = (opened - before) / (double)count / 1e6;
        var latencies = watch.Latencies.Order().ToList();
        double Percentile(double p) => latencies.Count == 0 ? double.NaN : latencies[(int)Math.Min(latencies.Count - 1, latencies.Count * p)];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"circuits {count} on {path}: {perSecond:0.000} CPU-s/s, {memory:0.00} MB resident a circuit, change to batch p50 {Percentile(0.5):0} ms p95 {Percentile(0.95):0} ms p99 {Percentile(0.99):0} ms ({latencies.Count} deliveries, {missed} missed), {circuits.Sum(c => c.Batches) / clock.Elapsed.TotalSeconds / count:0.00} batches a circuit a second"));
        await cancel.CancelAsync();
        foreach (var circuit in circuits) await circuit.DisposeAsync();
    }

    private static object Fleet(int targetPort) => new
    {
        Name = "bench",
        Environment = "development",
        Regions = new[] { new { Id = "local", Name = "Local", CloudRegion = "local", Role = "primary", Priority = 1, CapacityRps = 100, LatencyEndpoint = $"http://127.0.0.1:{targetPort}/latency" } },
        Services = Enumerable.Range(0, Services).Select(i => new
        {
            Id = $"svc-{i:00}",
            Region = "local",
            Kind = "api",
            Tier = "low",
            Probes = new[] { new { Kind = "http", Target = $"http://127.0.0.1:{targetPort}/{i}", IntervalSeconds = i == 0 ? 0.25 : 1, TimeoutSeconds = 0.2, FailureThreshold = 1, SuccessThreshold = 1 } },
        }).ToArray(),
    };

    /// <summary>Answers for every service; number 0 turns bad and good on command, and tells when the first such answer went out.</summary>
    private sealed class SwitchableTarget
    {
        private volatile bool _failing;
        private Action? _answered;

        public void Switch(bool failing, Action answered)
        {
            Volatile.Write(ref _answered, answered);
            _failing = failing;
        }

        public async Task<WebApplication> StartAsync(int port)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
            var app = builder.Build();
            app.Run(async context =>
            {
                var first = context.Request.Path == "/0";
                context.Response.StatusCode = first && _failing ? 503 : 200;
                await context.Response.WriteAsync("ok");
                if (first) context.Response.OnCompleted(() =>
                {
                    Interlocked.Exchange(ref _answered, null)?.Invoke();
                    return Task.CompletedTask;
                });
            });
            await app.StartAsync();
            return app;
        }
    }

    /// <summary>Waits until every circuit received a batch that holds the expected word.</summary>
    private sealed class ChangeWatch
    {
        private readonly Lock _lock = new();
        private byte[] _word = [];
        private long _started;
        private int _outstanding;
        private TaskCompletionSource _all = new();
        private readonly HashSet<object> _seen = [];

        public List<double> Latencies { get; } = [];

        public void Expect(string word, int circuits)
        {
            lock (_lock)
            {
                (_word, _started, _outstanding, _all) = (Encoding.UTF8.GetBytes(word), 0, circuits, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
                _seen.Clear();
            }
        }

        public void Start()
        {
            lock (_lock) _started = Stopwatch.GetTimestamp();
        }

        public void Seen(Circuit circuit, ReadOnlyMemory<byte> batch)
        {
            if (batch.Span.IndexOf(_word) < 0) return;
            lock (_lock)
            {
                if (_started == 0 || !_seen.Add(circuit)) return;
                Latencies.Add(Stopwatch.GetElapsedTime(_started).TotalMilliseconds);
                if (--_outstanding == 0) _all.TrySetResult();
            }
        }

        /// <summary>How many circuits did not show the change in time.</summary>
        public async Task<int> WaitAsync(TimeSpan limit)
        {
            await Task.WhenAny(_all.Task, Task.Delay(limit));
            lock (_lock) return _outstanding;
        }
    }
}
