using System.Globalization;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Bench.Failover;

/// <summary>Planned switchovers, crashes and hangs on the embedded fleet: what an independent client experiences.</summary>
internal static class FailoverBench
{
    private static readonly string[] Automatic = ["Failover:Detection:CooldownSeconds=0"];

    public static async Task<int> RunAsync(int runs, int port, bool latency, string cases, bool steps, string results)
    {
        await using var scene = await Scene.StartAsync(port, consoles: 1, latency, Automatic);
        Console.WriteLine($"latency {(latency ? "on" : "off")}, {runs} runs each, {TimeProvider.System.GetUtcNow():u}");
        var worst = 0;
        var wanted = cases.Split(',');
        if (wanted.Contains("switchover")) worst |= await RepeatAsync(runs, steps, results, () => scene.SwitchoverAsync());
        if (wanted.Contains("kill") || wanted.Contains("hang"))
        {
            await scene.SettledAsync();
            await scene.Api.EnableAutomaticAsync("orders");
            await Task.Delay(TimeSpan.FromSeconds(5)); // the detector reads what is allowed once a second
        }
        if (wanted.Contains("kill")) worst |= await RepeatAsync(runs, steps, results, () => scene.LoseAsync("kill -9", "KILL", null));
        if (wanted.Contains("hang")) worst |= await RepeatAsync(runs, steps, results, () => scene.LoseAsync("hang and thaw", "STOP", TimeSpan.FromSeconds(3)));
        return worst;
    }

    /// <returns>1 when a row was lost or two primaries were seen</returns>
    private static async Task<int> RepeatAsync(int runs, bool steps, string results, Func<Task<Measured>> run)
    {
        var all = new List<Measured>();
        for (var i = 0; i < runs; i++)
        {
            var one = await run();
            all.Add(one);
            Results.Append(results, "console", one.Case, one.Pause, one.Failed, one.Lost, one.TwoPrimaries, one.Rejoin);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {one.Case,-22} pause {one.Pause.TotalSeconds:0.000} s, failed {one.Failed}, lost {one.Lost}, two primaries {one.TwoPrimaries}, rejoin {one.Rejoin?.TotalSeconds:0.0} s, console's RTO {one.ConsoleRto:0.000} s"));
            if (steps) Console.WriteLine(one.Story);
        }
        var pauses = all.Select(m => m.Pause.TotalSeconds).Order().ToList();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{all[0].Case}: pause median {pauses[pauses.Count / 2]:0.000} s, worst {pauses[^1]:0.000} s, n {all.Count}; failed transactions {all.Sum(m => m.Failed)}, lost rows {all.Sum(m => m.Lost)}, two primaries {all.Sum(m => m.TwoPrimaries)}, rejoin worst {all.Max(m => m.Rejoin?.TotalSeconds ?? double.NaN):0.0} s"));
        return all.Any(m => m.Lost > 0 || m.TwoPrimaries > 0) ? 1 : 0;
    }
}
