using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Bench.Circuits;
using OpsConsole.Bench.Probes;
using OpsConsole.Core.Chaos;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Bench.Together;

/// <summary>The embedded fleet with many more probed services and many live pages, at rest and then while five network and application experiments run: do the
/// probes start in time, are none left out, and does a change come to every page as fast as before?</summary>
internal static class TogetherBench
{
    private static readonly string[] Experiments = ["network-latency", "network-bandwidth", "network-resets", "application-latency", Own];
    /// <summary>Declared here: the shipped ones on networks and applications want one another's targets.</summary>
    private const string Own = "slow-primary-api";
    private const double Interval = 10;

    public static async Task RunAsync(int targets, int pages, int seconds, int port)
    {
        var target = new SwitchableTarget();
        await using var server = await target.StartAsync(port + 250);
        await using var fleet = await FleetUnderTest.StartAsync(port, consoles: 1, [.. Settings(targets, port + 250)]);
        using var api = new ConsoleApi(fleet);
        using var process = Process.GetProcessById(fleet.ConsolePids[0]);
        using var cancel = new CancellationTokenSource();
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false });
        var console = new Uri(fleet.Consoles[0]);
        var cookie = await SessionAsync(http, console, fleet);
        var watch = new ChangeWatch();
        var circuits = new List<Circuit>();
        for (var i = 0; i < pages; i++)
        {
            var circuit = new Circuit(console, cookie, "/services") { OnBatch = watch.Seen };
            await circuit.OpenAsync(http, cancel.Token);
            circuits.Add(circuit);
        }
        await Task.Delay(TimeSpan.FromSeconds(Interval * 2));
        await MeasureAsync("at rest");

        var operations = new List<string>();
        foreach (var experiment in Experiments)
        {
            var call = new JsonObject { ["durationSeconds"] = seconds + 90, ["reason"] = "measurement" };
            call["planHash"] = (string)(await api.PostAsync($"experiments/{experiment}/preview", call.DeepClone().AsObject()))["plan"]!["hash"]!;
            var asked = await api.PostAsync($"experiments/{experiment}/run", call);
            operations.Add((string)asked["operationId"]!);
            if ((string?)asked["approvalId"] is { } approval)
                await api.PostAsync($"approvals/{approval}/approve", new JsonObject { ["planHash"] = (string)call["planHash"]!, ["comment"] = "measurement" }, "approver1");
        }
        foreach (var operation in operations)
            while ((string?)(await api.GetAsync($"operations/{operation}"))["result"]?["injection"] != "passed") await Task.Delay(200);
        await MeasureAsync("five experiments run");
        var running = 0;
        foreach (var operation in operations) running += (string?)(await api.GetAsync($"operations/{operation}"))["state"] == "running" ? 1 : 0;
        Console.WriteLine($"  still running at the end: {running} of {operations.Count}");
        await cancel.CancelAsync();
        foreach (var circuit in circuits) await circuit.DisposeAsync();

        async Task MeasureAsync(string when)
        {
            watch.Latencies.Clear();
            var (from, cpu, batches, missed, failing) = (TimeProvider.System.GetUtcNow(), Cpu(process), circuits.Sum(c => c.Batches), 0, false);
            var clock = Stopwatch.StartNew();
            while (clock.Elapsed.TotalSeconds < seconds || failing)
            {
                failing = !failing;
                watch.Expect(failing ? "failed" : "healthy", pages);
                target.Switch(failing, watch.Start);
                missed += await watch.WaitAsync(TimeSpan.FromSeconds(6));
                await Task.Delay(TimeSpan.FromSeconds(2));
                circuits.ForEach(c => c.ThrowIfBroken());
            }
            var (length, until) = (clock.Elapsed.TotalSeconds, TimeProvider.System.GetUtcNow());
            cpu = Cpu(process) - cpu;
            await Task.Delay(TimeSpan.FromSeconds(8)); // What had started has ended or timed out, and is written.
            var (stored, skipped, unseen) = await SamplesAsync(fleet, targets, from, until);
            var engine = (await api.GetAsync("status"))["components"]!.AsArray().First(c => (string)c!["name"]! == "probe engine")!["detail"];
            var latencies = watch.Latencies.Order().ToList();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{when}: {targets} probed targets, {stored} probes stored, {skipped} skipped, {unseen} targets unseen, {engine}; {pages} pages, change to batch p50 {ChangeWatch.Percentile(latencies, 0.5):0} p95 {ChangeWatch.Percentile(latencies, 0.95):0} p99 {ChangeWatch.Percentile(latencies, 0.99):0} ms, {latencies.Count} deliveries, {missed} missed, {(circuits.Sum(c => c.Batches) - batches) / length / pages:0.00} batches a page a second; console {cpu / length:0.000} CPU-s/s"));
        }
    }

    private static double Cpu(Process process)
    {
        process.Refresh();
        return process.TotalProcessorTime.TotalSeconds;
    }

    /// <summary>Of the added targets: samples stored, starts left out and targets never seen.</summary>
    private static async Task<(long Stored, long Skipped, long Unseen)> SamplesAsync(FleetUnderTest fleet, int targets, DateTimeOffset from, DateTimeOffset until)
    {
        await using var connection = new NpgsqlConnection(FleetDatabase.Of(fleet));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("""
            WITH seen AS (SELECT s.probe, s.at, extract(epoch FROM s.at - lag(s.at) OVER (PARTITION BY s.probe ORDER BY s.at)) AS gap
                FROM telemetry.sample s WHERE s.at >= $1 AND s.at < $2 AND s.probe IN (SELECT p.id FROM telemetry.probe p JOIN telemetry.series k ON k.id = p.series WHERE k.key LIKE '%added-%' AND k.key NOT LIKE '%added-0000'))
            SELECT count(*), coalesce(sum(greatest(0, round(gap / $3) - 1)), 0)::bigint, $4 - count(DISTINCT probe) FROM seen
            """, connection) { Parameters = { new() { Value = from.UtcDateTime }, new() { Value = until.UtcDateTime }, new() { Value = Interval }, new() { Value = (long)targets - 1 } } };
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
    }

    private static async Task<string> SessionAsync(HttpClient http, Uri console, FleetUnderTest fleet)
    {
        var viewer = fleet.Credentials.OfType<JsonNode>().First(c => ((string)c["email"]!).StartsWith("viewer@", StringComparison.Ordinal));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(console, "/api/v1/session"))
        {
            Content = JsonContent.Create(new { email = (string)viewer["email"]!, password = (string)viewer["password"]!, totp = Totp.Code((string)viewer["totpSecret"]!, TimeProvider.System.GetUtcNow()) }),
        };
        request.Headers.Add("X-OpsConsole", "1");
        using var response = await http.SendAsync(request);
        response.EnsureSuccessStatusCode();
        return string.Join("; ", response.Headers.GetValues("Set-Cookie").Select(c => c.Split(';')[0]));
    }

    /// <summary>Number 0 is the one whose changes are timed.</summary>
    private static IEnumerable<string> Settings(int targets, int targetPort)
    {
        yield return "Sandbox:CustomersPerSecond=10";
        const string own = "Chaos:Experiments:0";
        yield return $"{own}:Id={Own}";
        yield return $"{own}:Title=Slow the API beside the primary down";
        yield return $"{own}:Group=application";
        yield return $"{own}:Severity=low";
        yield return $"{own}:Fault={FaultKinds.ApplicationLatency}";
        yield return $"{own}:Targets:Pool=service";
        yield return $"{own}:Targets:Kind=api";
        yield return $"{own}:Targets:Role=primary";
        yield return $"{own}:Settings:latencyMs=300";
        yield return $"{own}:Hypothesis:0=fleet.servingRegions >= 1";
        for (var i = 0; i < targets; i++)
        {
            var service = $"Fleet:Services:{1000 + i}";
            yield return $"{service}:Id=added-{i:0000}";
            yield return $"{service}:Region=eu-west-1";
            yield return $"{service}:Kind=external";
            yield return $"{service}:Tier=low";
            yield return $"{service}:Probes:0:Kind=http";
            yield return $"{service}:Probes:0:Target=http://127.0.0.1:{targetPort}/{i}";
            yield return string.Create(CultureInfo.InvariantCulture, $"{service}:Probes:0:IntervalSeconds={(i == 0 ? 0.25 : Interval)}");
            yield return string.Create(CultureInfo.InvariantCulture, $"{service}:Probes:0:TimeoutSeconds={(i == 0 ? 0.2 : 5)}");
            if (i > 0) continue;
            yield return $"{service}:Probes:0:FailureThreshold=1";
            yield return $"{service}:Probes:0:SuccessThreshold=1";
        }
    }
}
