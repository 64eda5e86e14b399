using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Bench.Failover;

/// <summary>Many faults at random moments, and what must never happen counted afterwards.</summary>
internal static class Campaigns
{
    private static readonly string[] Settings = ["Failover:Detection:CooldownSeconds=0"];

    /// <returns>0 when no invariant was broken</returns>
    public static async Task<int> RunAsync(string kind, int count, int port, int seed)
    {
        await using var scene = await Scene.StartAsync(port, consoles: kind == "console" ? 2 : 1, latency: false, Settings);
        await scene.SettledAsync();
        await scene.Api.EnableAutomaticAsync("orders");
        await Task.Delay(TimeSpan.FromSeconds(5)); // the detector reads what is allowed once a second
        var random = new Random(seed);
        Console.WriteLine($"campaign {kind}, {count} times, seed {seed}, {TimeProvider.System.GetUtcNow():u}");
        return kind switch
        {
            "stalls" => await StallsAsync(scene, count, random, frozen: false),
            "frozen" => await StallsAsync(scene, count, random, frozen: true),
            "observer" => await ObserverAsync(scene, count, random),
            "console" => await RepeatAsync(scene, count, () => ConsoleKilledAsync(scene, random)),
            "primary" => await RepeatAsync(scene, count, () => PrimaryReturnsAsync(scene, random)),
            _ => throw new InvalidOperationException($"Unknown campaign {kind}: stalls, frozen, observer, console or primary."),
        };
    }

    /// <summary>Every process of the primary stands still for at most 300 ms, again and again: no failover.</summary>
    /// <param name="frozen">the console stands still as well: it begins up to 250 ms earlier, and goes on up to 900 ms after the primary does</param>
    private static async Task<int> StallsAsync(Scene scene, int count, Random random, bool frozen)
    {
        var pid = scene.Fleet.Postmaster(await scene.SettledAsync());
        var consoles = frozen ? scene.Fleet.ConsolePids : [];
        var stalls = new List<(DateTimeOffset At, TimeSpan Length)>();
        for (var i = 0; i < count && Directory.Exists($"/proc/{pid}"); i++) // a failover kills it
        {
            foreach (var console in consoles) Signals.Stop(console);
            if (frozen) await Task.Delay(random.Next(0, 250));
            var processes = Processes(pid);
            var start = Stopwatch.GetTimestamp();
            foreach (var process in processes) Signals.Stop(process);
            await Task.Delay(random.Next(20, 280));
            foreach (var process in processes) Signals.Continue(process);
            stalls.Add((TimeProvider.System.GetUtcNow(), Stopwatch.GetElapsedTime(start)));
            if (frozen && random.Next(2) == 0) await Task.Delay(random.Next(0, 900));
            foreach (var console in consoles) Signals.Continue(console);
            await Task.Delay(random.Next(20, 120));
        }
        await scene.SettledAsync();
        var failovers = await scene.Api.FailoversAsync();
        foreach (var failover in failovers)
        {
            var at = DateTimeOffset.Parse((string)failover["startedAt"]!, CultureInfo.InvariantCulture);
            Console.WriteLine($"  failover at {at:HH:mm:ss.fff}Z: {failover["reason"]}");
            foreach (var stall in stalls.Where(s => s.At > at.AddSeconds(-2) && s.At < at.AddSeconds(1))) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"    stall of {stall.Length.TotalMilliseconds:0} ms until {stall.At:HH:mm:ss.fff}Z"));
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"stalls: {stalls.Count} of {count}, longest {stalls.Max(s => s.Length).TotalMilliseconds:0} ms ({stalls.Count(s => s.Length > TimeSpan.FromMilliseconds(300))} longer than 300 ms); failovers {failovers.Count}"));
        return failovers.Count == 0 && await HeldAsync(scene) ? 0 : 1;
    }

    /// <summary>The console alone loses the primary for seconds: no failover.</summary>
    private static async Task<int> ObserverAsync(Scene scene, int count, Random random)
    {
        var primary = await scene.SettledAsync();
        using var http = new HttpClient { BaseAddress = new Uri(scene.Fleet.NetworkApi) };
        for (var i = 0; i < count; i++)
        {
            await EnableAsync(http, $"console.{primary}.postgres", false);
            // A loss is decided upon within 0.6 s; one in twenty lasts long enough for everything that comes after.
            await Task.Delay(random.Next(20) == 0 ? 3000 : random.Next(300, 600));
            await EnableAsync(http, $"console.{primary}.postgres", true);
            await Task.Delay(random.Next(20, 60));
        }
        var failovers = (await scene.Api.FailoversAsync()).Count;
        Console.WriteLine($"partitions of the console from the primary: {count}; failovers {failovers}");
        await scene.SettledAsync(TimeSpan.FromMinutes(7)); // the region is judged by its last five minutes, in which the console could not see its database
        return failovers == 0 && await HeldAsync(scene) ? 0 : 1;
    }

    /// <summary>The primary is lost, and at a random moment after that one console, or both, are killed.</summary>
    private static async Task<string> ConsoleKilledAsync(Scene scene, Random random)
    {
        var primary = await scene.SettledAsync();
        var pids = scene.Fleet.ConsolePids;
        await FleetUnderTest.SignalAsync(scene.Fleet.Postmaster(primary), random.Next(2) == 0 ? "KILL" : "STOP");
        var after = random.Next(0, 2500);
        await Task.Delay(after);
        var killed = random.Next(3) switch { 0 => pids.Take(1), 1 => pids.Skip(1), _ => pids };
        await FleetUnderTest.ShellAsync($"kill -KILL {string.Join(' ', killed)}");
        return $"{killed.Count()} console(s) killed {after} ms after the loss of {primary}";
    }

    /// <summary>The primary hangs or is cut off and returns at a random moment.</summary>
    private static async Task<string> PrimaryReturnsAsync(Scene scene, Random random)
    {
        var primary = await scene.SettledAsync();
        var after = random.Next(200, 5000);
        if (random.Next(2) == 0)
        {
            var processes = Processes(scene.Fleet.Postmaster(primary));
            foreach (var process in processes) Signals.Stop(process);
            await Task.Delay(after);
            foreach (var process in processes) Signals.Continue(process);
            return $"{primary} hung for {after} ms";
        }
        using var http = new HttpClient { BaseAddress = new Uri(scene.Fleet.NetworkApi) };
        var ways = (await http.GetFromJsonAsync<JsonObject>("/proxies"))!.Select(p => p.Key).Where(n => n.EndsWith($".{primary}.postgres", StringComparison.Ordinal)).ToList();
        await Task.WhenAll(ways.Select(w => EnableAsync(http, w, false)));
        await Task.Delay(after);
        await Task.WhenAll(ways.Select(w => EnableAsync(http, w, true)));
        return $"{primary} was cut off for {after} ms";
    }

    private static async Task<int> RepeatAsync(Scene scene, int count, Func<Task<string>> once)
    {
        var held = true;
        for (var i = 1; i <= count && held; i++)
        {
            var what = await once();
            var start = Stopwatch.GetTimestamp();
            var primary = await scene.SettledAsync();
            held = await HeldAsync(scene);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {i}: {what}; {primary} leads, whole again after {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s"));
        }
        return held ? 0 : 1;
    }

    /// <summary>Nothing acknowledged is missing, nobody was acknowledged by two, every operation has ended. Looked at on a fleet at rest: while a
    /// failover is under way the rows that its target takes are not on the node that was asked.</summary>
    private static async Task<bool> HeldAsync(Scene scene)
    {
        int open;
        string primary;
        List<Ack> lost;
        do
        {
            await Task.Delay(1000); // what was brought about last is acted upon by then
            open = await OpenAsync(scene);
            primary = await scene.SettledAsync();
            lost = [.. await LostAsync(scene, primary, scene.Writer), .. await LostAsync(scene, primary, scene.Direct)];
        } while (lost.Count > 0 && (await scene.SettledAsync() != primary || await OpenAsync(scene) > open));
        var two = Invariants.TwoPrimaries(scene.Writer, scene.Direct);
        Console.WriteLine($"     lost rows {lost.Count} of {scene.Writer.Acks.Count + scene.Direct.Acks.Count}, two primaries {two}, operations not ended {open}, failovers {string.Join(", ", (await scene.Api.FailoversAsync()).GroupBy(o => (string)o["state"]!).Select(g => $"{g.Count()} {g.Key}"))}");
        foreach (var group in lost.GroupBy(a => (a.Node, a.Timeline))) Console.WriteLine($"     {group.Count()} of them acknowledged by {group.Key.Node} on timeline {group.Key.Timeline}; {primary} leads");
        return lost.Count == 0 && two == 0 && open == 0;
    }

    private static async Task<IEnumerable<Ack>> LostAsync(Scene scene, string primary, AckWriter writer)
    {
        var ids = (await Invariants.LostAsync(scene.Fleet, primary, writer)).ToHashSet();
        return writer.Acks.Where(a => ids.Contains(a.Id));
    }

    /// <returns>operations that have not ended after 90 s</returns>
    private static async Task<int> OpenAsync(Scene scene)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            var open = (await scene.Api.FailoversAsync()).Count(o => (string?)o["state"] is "running" or "rollingBack" or "approved" or "planned");
            if (open == 0 || Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(90)) return open;
            await Task.Delay(500);
        }
    }

    private static async Task EnableAsync(HttpClient http, string proxy, bool enabled)
    {
        using var answer = await http.PostAsJsonAsync($"/proxies/{proxy}", new { enabled });
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>The postmaster and its children.</summary>
    private static List<int> Processes(int postmaster) =>
        [postmaster, .. Directory.EnumerateDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), out var pid) ? pid : 0).Where(p => p > 0 && Parent(p) == postmaster)];

    /// <returns>null: the process has ended</returns>
    private static int? Parent(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat"); // "pid (name) state parent ...": a name may contain blanks and brackets
            return int.Parse(stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
