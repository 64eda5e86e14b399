using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Bench.Faults;

/// <summary>Looks for faults where they would be, past the console and its injectors: at the proxies, in the scratch directories, in the databases'
/// lists of sessions, at the applications' switches, at the ports of processes.</summary>
internal sealed class Leftovers(FleetUnderTest fleet) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(3) };

    public async Task<IReadOnlyList<string>> FindAsync()
    {
        var found = await Task.WhenAll([ToxicsAsync(), SessionsAsync(), PortsAsync(), .. fleet.Regions.Select(SwitchAsync), Task.FromResult(Markers())]);
        return [.. found.SelectMany(f => f)];
    }

    private async Task<IReadOnlyList<string>> ToxicsAsync()
    {
        JsonObject? proxies;
        try
        {
            proxies = await _http.GetFromJsonAsync<JsonObject>($"{fleet.NetworkApi.TrimEnd('/')}/proxies");
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return ["the network's API does not answer"];
        }
        return [.. proxies!.SelectMany(p => p.Value!["toxics"]!.AsArray().Select(t => $"toxic {t!["name"]} on {p.Key}")), .. proxies!.Where(p => !(bool)p.Value!["enabled"]!).Select(p => $"{p.Key} is disabled")];
    }

    private IReadOnlyList<string> Markers() =>
        [.. Directory.EnumerateDirectories(Path.Combine(fleet.Root, "sites")).Select(d => Path.Combine(d, "scratch")).Where(Directory.Exists).SelectMany(Directory.EnumerateFiles).Select(f => $"file {Path.GetFileName(f)}")];

    private async Task<IReadOnlyList<string>> SessionsAsync()
    {
        var counts = await Task.WhenAll(fleet.Regions.Select(async r => (Region: r, Count: await fleet.AskAsync(r, "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^opsconsole-[0-9a-f]{12}-'"))));
        return [.. counts.Where(c => c.Count is not 0).Select(c => c.Count is { } n ? $"{n} sessions on {c.Region}" : $"the database of {c.Region} does not answer")];
    }

    private async Task<IReadOnlyList<string>> SwitchAsync(string region)
    {
        try
        {
            var now = await _http.GetFromJsonAsync<JsonObject>($"{(string)fleet.Endpoints["regions"]![region]!["api"]!}/faults");
            return (double)now!["errorPercent"]! > 0 || (double)now["latencyMs"]! > 0 ? [$"the fault switch of {region} is on"] : [];
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return [$"the API of {region} does not answer"];
        }
    }

    /// <summary>Caches and the edge take connections and, unless frozen, answer.</summary>
    private async Task<IReadOnlyList<string>> PortsAsync()
    {
        var ports = fleet.Regions.Select((r, i) => ($"the cache of {r}", fleet.PortBase + 21 + (10 * i), "PING\r\n")).Append(("the load balancer", fleet.PortBase + 12, "GET /orders HTTP/1.0\r\n\r\n"));
        var answers = await Task.WhenAll(ports.Select(async p => (p.Item1, Answers: await AnswersAsync(p.Item2, p.Item3))));
        return [.. answers.Where(a => !a.Answers).Select(a => $"{a.Item1} does not answer")];
    }

    private static async Task<bool> AnswersAsync(int port, string question)
    {
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", port, limit.Token);
            await client.GetStream().WriteAsync(System.Text.Encoding.ASCII.GetBytes(question), limit.Token);
            return await client.GetStream().ReadAsync(new byte[16], limit.Token) > 0;
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            return false;
        }
    }

    public void Dispose() => _http.Dispose();
}
