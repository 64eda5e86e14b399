using System.Diagnostics;
using System.Globalization;

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
        double Percentile(double p) => ChangeWatch.Percentile(latencies, p);
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
}
