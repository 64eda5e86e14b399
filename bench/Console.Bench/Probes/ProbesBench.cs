using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Npgsql;

namespace OpsConsole.Bench.Probes;

/// <summary>The whole console with many HTTP probes, everything stored, beside Prometheus with its blackbox exporter and a bare loop on the same
/// targets: processor time per 1,000 probes, resident memory, lateness of starts, probes missed.</summary>
internal static class ProbesBench
{
    public static async Task RunAsync(int targets, double interval, int seconds, int port, bool peers)
    {
        using var target = Start(Environment.ProcessPath!, ["targets", "--port", $"{port + 1}"]);
        try
        {
            await WaitForAsync($"http://127.0.0.1:{port + 1}/");
            await ConsoleAsync(targets, interval, seconds, port);
            if (!peers) return;
            await PrometheusAsync(targets, interval, seconds, port);
            await BareLoopAsync(targets, interval, seconds, port);
        }
        finally
        {
            target.Kill();
        }
    }

    private static async Task ConsoleAsync(int targets, double interval, int seconds, int port)
    {
        await using var console = await ConsoleUnderTest.StartAsync(Fleet(targets, interval, port + 1), port, new Dictionary<string, string>());
        await Task.Delay(TimeSpan.FromSeconds(interval * 2));
        var from = TimeProvider.System.GetUtcNow();
        var cpu = console.CpuSeconds();
        var clock = Stopwatch.StartNew();
        long resident = 0;
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            await Task.Delay(1000);
            resident = Math.Max(resident, console.ResidentBytes());
        }
        cpu = console.CpuSeconds() - cpu;
        var until = TimeProvider.System.GetUtcNow();
        await Task.Delay(TimeSpan.FromSeconds(Math.Min(5, interval) + 3)); // What had started has ended or timed out, and is written.
        var (probes, missed, unseen) = await CountAsync(console.Database.Console.OwnerConnectionString, targets, interval, from, until);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/status");
        request.Headers.Add("Cookie", console.Cookie);
        using var response = await console.Http.SendAsync(request);
        using var status = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        var engine = status.RootElement.GetProperty("components").EnumerateArray().First(c => c.GetProperty("name").GetString() == "probe engine").GetProperty("detail").GetString();
        Report("console", cpu, probes, resident, $"schedule {targets * (until - from).TotalSeconds / interval:0}, {missed} skipped, {unseen} targets unseen; {engine}");
    }

    /// <summary>Stored samples of the window; starts that the schedule had and the samples of their target skip; targets without any sample.</summary>
    public static async Task<(long Stored, long Missed, long Unseen)> CountAsync(string database, int targets, double interval, DateTimeOffset from, DateTimeOffset until)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("""
            WITH seen AS (SELECT probe, at, extract(epoch FROM at - lag(at) OVER (PARTITION BY probe ORDER BY at)) AS gap FROM telemetry.sample WHERE at >= $1 AND at < $2)
            SELECT count(*), coalesce(sum(greatest(0, round(gap / $3) - 1)), 0)::bigint, $4 - count(DISTINCT probe) FROM seen
            """, connection) { Parameters = { new() { Value = from.UtcDateTime }, new() { Value = until.UtcDateTime }, new() { Value = interval }, new() { Value = (long)targets } } };
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
    }

    /// <summary>Debian's packages <c>prometheus</c> and <c>prometheus-blackbox-exporter</c>; said when they are absent.</summary>
    private static async Task PrometheusAsync(int targets, double interval, int seconds, int port)
    {
        if (!File.Exists("/usr/bin/prometheus") || !File.Exists("/usr/bin/prometheus-blackbox-exporter"))
        {
            Console.WriteLine("prometheus + blackbox exporter: not installed (apt-get install prometheus prometheus-blackbox-exporter), not compared");
            return;
        }
        var directory = Directory.CreateTempSubdirectory("opsconsole-bench-prometheus-").FullName;
        var list = new StringBuilder();
        for (var i = 0; i < targets; i++) list.Append(CultureInfo.InvariantCulture, $"    - http://127.0.0.1:{port + 1}/{i}\n");
        await File.WriteAllTextAsync(Path.Combine(directory, "targets.yml"), $"- targets:\n{list}");
        await File.WriteAllTextAsync(Path.Combine(directory, "blackbox.yml"), "modules:\n  http_2xx:\n    prober: http\n    timeout: 5s\n");
        await File.WriteAllTextAsync(Path.Combine(directory, "prometheus.yml"), string.Create(CultureInfo.InvariantCulture, $$"""
            global: { scrape_interval: {{interval}}s, scrape_timeout: {{Math.Min(5, interval)}}s }
            scrape_configs:
              - job_name: blackbox
                metrics_path: /probe
                params: { module: [http_2xx] }
                file_sd_configs: [ { files: [ {{directory}}/targets.yml ] } ]
                relabel_configs:
                  - { source_labels: [__address__], target_label: __param_target }
                  - { target_label: __address__, replacement: 127.0.0.1:{{port + 2}} }
            """));
        using var blackbox = Start("/usr/bin/prometheus-blackbox-exporter", ["--config.file", $"{directory}/blackbox.yml", "--web.listen-address", $"127.0.0.1:{port + 2}"]);
        using var prometheus = Start("/usr/bin/prometheus", ["--config.file", $"{directory}/prometheus.yml", "--storage.tsdb.path", $"{directory}/data", "--web.listen-address", $"127.0.0.1:{port + 3}"]);
        try
        {
            await WaitForAsync($"http://127.0.0.1:{port + 3}/-/ready");
            await Task.Delay(TimeSpan.FromSeconds(interval * 2));
            var cpu = Cpu(blackbox) + Cpu(prometheus);
            var clock = Stopwatch.StartNew();
            long resident = 0;
            while (clock.Elapsed.TotalSeconds < seconds)
            {
                await Task.Delay(1000);
                blackbox.Refresh();
                prometheus.Refresh();
                resident = Math.Max(resident, blackbox.WorkingSet64 + prometheus.WorkingSet64);
            }
            Report("prometheus + blackbox exporter", Cpu(blackbox) + Cpu(prometheus) - cpu, (long)(targets * clock.Elapsed.TotalSeconds / interval), resident, "probes by schedule");
        }
        finally
        {
            prometheus.Kill();
            blackbox.Kill();
        }
    }

    /// <summary>The floor: HttpClient, a new connection each time, nothing kept.</summary>
    private static async Task BareLoopAsync(int targets, double interval, int seconds, int port)
    {
        using var loop = Start(Environment.ProcessPath!, ["bare", "--port", $"{port + 1}", "--targets", $"{targets}", "--interval", interval.ToString(CultureInfo.InvariantCulture), "--seconds", $"{seconds}"]);
        await Task.Delay(TimeSpan.FromSeconds(3));
        var cpu = Cpu(loop);
        var clock = Stopwatch.StartNew();
        await Task.Delay(TimeSpan.FromSeconds(seconds - 5));
        loop.Refresh();
        Report("bare loop", Cpu(loop) - cpu, (long)(targets * clock.Elapsed.TotalSeconds / interval), loop.WorkingSet64, "probes by schedule");
        await loop.WaitForExitAsync();
    }

    public static async Task LoopAsync(int targets, double interval, int seconds, int port)
    {
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero, UseProxy = false, UseCookies = false });
        var clock = Stopwatch.StartNew();
        var perTick = targets / interval / 50;
        for (var tick = 0L; clock.Elapsed.TotalSeconds < seconds; tick++)
        {
            for (var i = (long)(tick * perTick); i < (long)((tick + 1) * perTick); i++) _ = ProbeAsync(http, $"http://127.0.0.1:{port}/{i % targets}");
            var wait = TimeSpan.FromMilliseconds((tick + 1) * 20) - clock.Elapsed;
            if (wait > TimeSpan.Zero) await Task.Delay(wait);
        }
    }

    private static async Task ProbeAsync(HttpClient http, string url)
    {
        using var response = await http.GetAsync(url);
        await response.Content.CopyToAsync(Stream.Null);
    }

    private static void Report(string name, double cpu, long probes, long resident, string more) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{name}: {cpu / probes * 1000:0.000} CPU-s per 1,000 probes, {resident / 1048576.0:0} MiB resident, {probes} probes ({more})"));

    private static object Fleet(int targets, double interval, int targetPort) => new
    {
        Name = "bench",
        Environment = "development",
        Regions = new[] { new { Id = "local", Name = "Local", CloudRegion = "local", Role = "primary", Priority = 1, CapacityRps = 100, LatencyEndpoint = $"http://127.0.0.1:{targetPort}/latency" } },
        Services = Enumerable.Range(0, targets).Select(i => new
        {
            Id = $"svc-{i:0000}",
            Region = "local",
            Kind = "api",
            Tier = "low",
            Probes = new[] { new { Kind = "http", Target = $"http://127.0.0.1:{targetPort}/{i}", IntervalSeconds = interval, TimeoutSeconds = Math.Min(5, interval) } },
        }).ToArray(),
    };

    private static Process Start(string program, string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = false })!;

    private static double Cpu(Process process)
    {
        process.Refresh();
        return process.TotalProcessorTime.TotalSeconds;
    }

    private static async Task WaitForAsync(string url)
    {
        using var http = new HttpClient();
        for (var attempt = 0; attempt < 200; attempt++)
        {
            try
            {
                using var response = await http.GetAsync(url);
                if (response.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet: asked again below.
            }
            await Task.Delay(100);
        }
        throw new InvalidOperationException($"{url} does not answer.");
    }
}
