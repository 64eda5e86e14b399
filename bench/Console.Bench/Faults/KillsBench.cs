using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Bench.Faults;

/// <summary>The console is killed at random moments of experiments. A while after it was started again nothing of them may be left.</summary>
internal static class KillsBench
{
    // What needs nobody's approval, on different targets, so that several run at once.
    private static readonly string[] Experiments = ["network-latency", "network-bandwidth", "network-resets", "application-latency", "host-disk", "host-memory", "cache-kill"];
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    /// <returns>1 when anything was left after the limit</returns>
    public static async Task<int> RunAsync(int kills, int port, int seed)
    {
        await using var fleet = await FleetUnderTest.StartAsync(port, consoles: 1, ["Sandbox:Latency=off", "Sandbox:CustomersPerSecond=5", "Chaos:BaselineSeconds=1", "Chaos:RecoverySeconds=20", "Access:SignInsPerMinute=10000"]);
        using var leftovers = new Leftovers(fleet);
        using var api = new ConsoleApi(fleet);
        var random = new Random(seed);
        var (late, withFaults) = (0, 0);
        var (took, starts) = (new List<double>(), new List<double>());
        for (var kill = 1; kill <= kills; kill++)
        {
            await SettleAsync(api, leftovers);
            var started = await StartAsync(api, random.GetItems(Experiments, 3).Distinct());
            await Task.Delay(TimeSpan.FromSeconds(random.NextDouble() * 6));
            var before = (await leftovers.FindAsync()).Count;
            var pid = fleet.ConsolePids[0];
            await FleetUnderTest.ShellAsync($"kill -KILL {pid}");
            await RestartedAsync(fleet, pid);
            var began = Stopwatch.GetTimestamp();
            var answers = AnswersAsync(fleet.Consoles[0], began);
            IReadOnlyList<string> left;
            while ((left = await leftovers.FindAsync()).Count > 0 && Stopwatch.GetElapsedTime(began) < Limit) await Task.Delay(50);
            var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            var ready = await answers;
            if (before > 0) withFaults++;
            took.Add(seconds);
            starts.Add(ready);
            if (left.Count > 0) late++;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  kill {kill}: {started.Count} experiments, {before} faults at the kill, {left.Count} left {seconds:0.0} s after the new process, which answered after {ready:0.0} s{(left.Count > 0 ? ": " + string.Join("; ", left) : "")}"));
        }
        var sorted = took.Order().ToList();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kills} kills (seed {seed}), faults were there at {withFaults}: {late} times something was left after {Limit.TotalSeconds} s; clean after median {sorted[sorted.Count / 2]:0.0} s, worst {sorted[^1]:0.0} s from the start of the new process, which answered after median {starts.Order().ElementAt(starts.Count / 2):0.0} s"));
        return late == 0 ? 0 : 1;
    }

    private static async Task<List<string>> StartAsync(ConsoleApi api, IEnumerable<string> experiments)
    {
        var started = new List<string>();
        foreach (var id in experiments)
        {
            try
            {
                var preview = await api.PostAsync($"experiments/{id}/preview", new JsonObject { ["durationSeconds"] = 30 });
                var submitted = await api.PostAsync($"experiments/{id}/run", new JsonObject { ["durationSeconds"] = 30, ["planHash"] = (string)preview["plan"]!["hash"]!, ["reason"] = "measurement" });
                started.Add((string)submitted["operationId"]!);
            }
            catch (InvalidOperationException refused) when (refused.Message.Contains(" 409 ", StringComparison.Ordinal) || refused.Message.Contains(" 422 ", StringComparison.Ordinal))
            {
                Console.WriteLine($"  {id} was refused: {refused.Message[..Math.Min(800, refused.Message.Length)]}");
            }
        }
        return started;
    }

    /// <summary>Until the console answers, nothing runs and nothing is left of the round before.</summary>
    private static async Task SettleAsync(ConsoleApi api, Leftovers leftovers)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (true)
        {
            try
            {
                var running = (await api.GetAsync("operations?kind=experiment&limit=20"))["items"]!.AsArray().Count(o => (string)o!["state"]! is "running" or "rollingBack" or "approved");
                var severe = (await api.GetAsync("status"))["regions"]!.AsArray().Any(r => (string)r!["status"]! is "critical" or "failed" or "unknown");
                if (running == 0 && !severe && (await leftovers.FindAsync()).Count == 0) return;
            }
            catch (Exception e) when (e is HttpRequestException or InvalidOperationException or TaskCanceledException && !deadline.IsCancellationRequested)
            {
                // Not up yet: asked again below.
            }
            deadline.Token.ThrowIfCancellationRequested();
            await Task.Delay(300);
        }
    }

    /// <returns>seconds until the console answers</returns>
    private static async Task<double> AnswersAsync(string url, long began)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        while (Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(60))
        {
            try
            {
                using var answer = await http.GetAsync($"{url}/healthz");
                if (answer.IsSuccessStatusCode) break;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                // Not yet.
            }
            await Task.Delay(50);
        }
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static async Task RestartedAsync(FleetUnderTest fleet, int old)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (fleet.ConsolePids is not [var pid, ..] || pid == old || !Directory.Exists($"/proc/{pid}"))
        {
            deadline.Token.ThrowIfCancellationRequested();
            await Task.Delay(20);
        }
    }
}
