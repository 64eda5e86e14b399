using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace OpsConsole.Testing.Failover;

/// <summary>One measured event.</summary>
/// <param name="Pause">longest time without an acknowledged write</param>
/// <param name="Failed">transactions that ended with an error</param>
/// <param name="Lost">acknowledged rows that are missing afterwards</param>
/// <param name="Rejoin">from the first write on the new primary until the old one streams from it; null: not within the limit</param>
/// <param name="Story">steps with their durations</param>
public sealed record Measured(string Case, TimeSpan Pause, int Failed, int Lost, int TwoPrimaries, TimeSpan? Rejoin, double? ConsoleRto, string Story);

/// <summary>A fleet under a console, with clients that write all the time.</summary>
public sealed class Scene : IAsyncDisposable
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(90);

    private Scene(FleetUnderTest fleet, ConsoleApi api, AckWriter writer, AckWriter direct) => (Fleet, Api, Writer, Direct) = (fleet, api, writer, direct);

    public FleetUnderTest Fleet { get; }
    public ConsoleApi Api { get; }
    /// <summary>Each 20 ms through the write endpoint.</summary>
    public AckWriter Writer { get; }
    /// <summary>Each 50 ms round the pooler.</summary>
    public AckWriter Direct { get; }

    public static async Task<Scene> StartAsync(int portBase, int consoles, bool latency, IEnumerable<string> settings)
    {
        var fleet = await FleetUnderTest.StartAsync(portBase, consoles, [$"Sandbox:Latency={(latency ? "on" : "off")}", "Sandbox:CustomersPerSecond=5", .. settings]);
        var writer = await AckWriter.StartAsync(fleet.WriteEndpoint, "bench_writer", TimeSpan.FromMilliseconds(20));
        var direct = await AckWriter.StartAsync(fleet.WriteProxy, "bench_direct", TimeSpan.FromMilliseconds(50));
        return new Scene(fleet, new ConsoleApi(fleet), writer, direct);
    }

    /// <summary>Until a primary serves three standbys, clients write, and the console sees the same.</summary>
    /// <returns>the primary's region</returns>
    public async Task<string> SettledAsync(TimeSpan? limit = null)
    {
        var start = Stopwatch.GetTimestamp();
        var said = "";
        while (Stopwatch.GetElapsedTime(start) < (limit ?? Settle))
        {
            var (primary, standbys) = await Fleet.PrimaryAsync();
            if (primary is null || standbys < Fleet.Regions.Count - 1) said = $"primary {primary ?? "none"} with {standbys} standbys";
            else if (!await Writer.WritesAsync(TimeSpan.FromSeconds(1))) said = $"{primary} leads, the client does not write; its last failure: {Writer.LastFailure}";
            else if (await ConsoleMissesAsync(primary) is not { } missed) return primary;
            else said = missed;
            await Task.Delay(200);
        }
        throw new TimeoutException($"The fleet did not settle: {said}");
    }

    /// <summary>Switches over to another region by the API, with approval.</summary>
    public async Task<Measured> SwitchoverAsync()
    {
        var source = await SettledAsync();
        var target = Fleet.Regions.First(r => r != source);
        await Task.Delay(1000);
        var began = Stopwatch.GetTimestamp();
        var operation = await Api.EndAsync(await Api.SwitchAsync(source, target), TimeSpan.FromSeconds(120));
        return await MeasureAsync("switchover", source, operation, began);
    }

    /// <summary>Signals the primary's processes and lets the console find out.</summary>
    /// <param name="thawAfter">SIGCONT to the same processes so much later; null: never</param>
    public async Task<Measured> LoseAsync(string name, string signal, TimeSpan? thawAfter)
    {
        var source = await SettledAsync();
        await Task.Delay(1000);
        var before = (await Api.FailoversAsync()).Select(o => (string)o["id"]!).ToHashSet();
        var pid = Fleet.Postmaster(source);
        var began = Stopwatch.GetTimestamp();
        await FleetUnderTest.SignalAsync(pid, signal);
        if (thawAfter is { } after)
        {
            await Task.Delay(after);
            await FleetUnderTest.SignalAsync(pid, "CONT");
        }
        JsonNode? operation = null;
        while (operation is null)
        {
            if (Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(60)) throw new TimeoutException($"No failover began by itself after SIG{signal} in {source}.");
            await Task.Delay(200);
            operation = (await Api.FailoversAsync()).FirstOrDefault(o => !before.Contains((string)o["id"]!));
        }
        operation = await Api.EndAsync((string)operation["id"]!, TimeSpan.FromSeconds(120));
        return await MeasureAsync(name, source, operation, began);
    }

    private async Task<Measured> MeasureAsync(string name, string source, JsonNode operation, long began)
    {
        var state = (string)operation["state"]!;
        if (state != "succeeded") throw new InvalidOperationException($"The {name} ended as {state}: {operation["endReason"]}\n{Story(operation)}");
        await Writer.WritesAsync(TimeSpan.FromSeconds(10));
        var region = (string)operation["result"]!["newPrimaryRegion"]!;
        var rejoin = await RejoinedAsync(source, region, began);
        var lost = (await Invariants.LostAsync(Fleet, region, Writer)).Count + (await Invariants.LostAsync(Fleet, region, Direct)).Count;
        return new Measured(name, Writer.PauseSince(began), Writer.FailuresSince(began), lost, Invariants.TwoPrimaries(Writer, Direct), rejoin,
            (double?)operation["result"]!["measuredRtoSeconds"], Story(operation));
    }

    /// <summary>From the first write that the new primary acknowledged until the old one streams.</summary>
    private async Task<TimeSpan?> RejoinedAsync(string source, string primary, long began)
    {
        var newest = Writer.Acks[^1].Timeline;
        var first = Writer.Acks.First(a => a.Answered > began && a.Timeline == newest).Answered;
        while (Stopwatch.GetElapsedTime(first) < TimeSpan.FromSeconds(60))
        {
            if (await Fleet.AskAsync(primary, $"SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name = '{source.Replace('-', '_')}'") == 1) return Stopwatch.GetElapsedTime(first);
            await Task.Delay(50);
        }
        return null;
    }

    /// <returns>what the console does not show yet; null: nothing is missing</returns>
    private async Task<string?> ConsoleMissesAsync(string primary)
    {
        try
        {
            if ((await Api.GetAsync("replication"))["clusters"]!.AsArray().FirstOrDefault() is not { } cluster) return "the console has no picture of the cluster yet"; // it has just started
            if ((string?)cluster["primaryRegion"] != primary) return $"{primary} leads, the console shows {cluster["primaryRegion"]}";
            var streams = cluster["links"]!.AsArray().Count(l => (string?)l!["state"] == "streaming");
            if (streams < Fleet.Regions.Count - 1) return $"the console shows {streams} links that stream";
            var ill = (await Api.GetAsync("status"))["regions"]!.AsArray().Where(r => (string?)r!["status"] is not ("healthy" or "degraded")).ToList();
            return ill.Count == 0 ? null : "the console shows " + string.Join("; ", ill.Select(r => $"{r!["id"]} {r["status"]}: {r["reason"]}"));
        }
        catch (HttpRequestException e)
        {
            return $"the console does not answer: {e.Message}"; // it is being started again
        }
    }

    private static string Story(JsonNode operation)
    {
        var start = When(operation["startedAt"]);
        return string.Join('\n', operation["steps"]!.AsArray().Select(s => string.Create(CultureInfo.InvariantCulture,
            $"      {(When(s!["startedAt"]) - start)?.TotalMilliseconds,7:0} +{(When(s["endedAt"]) - When(s["startedAt"]))?.TotalMilliseconds,5:0} ms {(string?)s["state"],-8} {s["name"]}: {s["detail"]}")));
    }

    private static DateTimeOffset? When(JsonNode? value) => (string?)value is { } text ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture) : null;

    public async ValueTask DisposeAsync()
    {
        await Writer.DisposeAsync();
        await Direct.DisposeAsync();
        Api.Dispose();
        await Fleet.DisposeAsync();
    }
}
