using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using Npgsql;
using OpsConsole.Sandbox;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Postgres;

namespace OpsConsole.Fleet.Tests.Sandbox;

/// <summary>Everything that flows between sites, and which of it works at the moment.</summary>
public sealed class FleetStreams(EmbeddedFleet fleet, string primary) : IDisposable
{
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(8) };
    private readonly PortPlan _ports = fleet.Ports;

    private static IEnumerable<string> Regions => Sites.Regions.Select(r => r.Id);
    private IEnumerable<string> Standbys => Regions.Where(r => r != primary);

    /// <summary>The streams that must stop, and no others, when nothing gets from one site to the other.</summary>
    public HashSet<string> Crossing(string from, string to)
    {
        var crossing = new HashSet<string>();
        void Add(bool crosses, string stream)
        {
            if (crosses)
            {
                crossing.Add(stream);
            }
        }
        foreach (var region in Standbys)
        {
            Add((from, to) == (region, primary), $"replication to {region}");
            Add((from, to) == (region, primary), $"cache of {region}");
        }
        foreach (var region in Regions)
        {
            Add((from, to) == (region, Sites.Edge) || (from, to) == (Sites.Edge, primary), $"orders placed in {region}");
            Add((from, to) == (Sites.Edge, region), $"customers of {region}");
            Add((from, to) == (Sites.Console, region), $"console to {region}");
        }
        Add((from, to) == (Sites.Edge, primary), "writes at the edge");
        Add((from, to) == (Sites.Console, Sites.Edge), "console to edge");
        return crossing;
    }

    /// <summary>What the newest write that failed said.</summary>
    public string WriteFailure { get; private set; } = "none failed";

    /// <summary>The streams that do not work now.</summary>
    public async Task<HashSet<string>> BrokenAsync()
    {
        var streaming = await StreamingAsync();
        var up = await ServersUpAsync();
        var checks = new List<(string Stream, Task<bool> Works)> { ("writes at the edge", WritesAsync()), ("console to edge", AnswersAsync(_ports.Via(Sites.Console, Sites.Edge, Services.Http), "/orders")) };
        foreach (var region in Standbys)
        {
            checks.Add(($"replication to {region}", Task.FromResult(streaming.Contains(Sites.Region(region).SqlName))));
            checks.Add(($"cache of {region}", FollowsAsync(region)));
        }
        foreach (var region in Regions)
        {
            checks.Add(($"orders placed in {region}", PlacesAsync(region)));
            checks.Add(($"customers of {region}", Task.FromResult(up.Contains(region))));
            checks.Add(($"console to {region}", AnswersAsync(_ports.Via(Sites.Console, region, Services.Api), "/ping")));
        }
        var broken = new HashSet<string>();
        foreach (var (stream, works) in checks)
        {
            if (!await works)
            {
                broken.Add(stream);
            }
        }
        return broken;
    }

    /// <summary>The streams that do not work at two looks in a row: a cut lasts, what a busy machine does to one write does not.</summary>
    public async Task<HashSet<string>> StayingBrokenAsync()
    {
        var broken = await BrokenAsync();
        if (broken.Count > 0) broken.IntersectWith(await BrokenAsync());
        return broken;
    }

    public void Dispose() => _http.Dispose();

    public async Task<string> RedisAsync(string region, string command)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", _ports.Redis(region));
        using var reader = new StreamReader(client.GetStream());
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"AUTH {fleet.Secrets.Get("redis")}\r\n{command}\r\nQUIT\r\n"));
        return await reader.ReadToEndAsync();
    }

    private async Task<HashSet<string>> StreamingAsync()
    {
        var names = await fleet.Cluster.Nodes[primary].QueryAsync<string>("SELECT coalesce(string_agg(application_name, ','), '') FROM pg_stat_replication WHERE state = 'streaming'");
        return [.. names!.Split(',')];
    }

    private async Task<bool> FollowsAsync(string region) =>
        (await RedisAsync(region, "INFO replication")).Contains("master_link_status:up", StringComparison.Ordinal);

    private async Task<bool> PlacesAsync(string region)
    {
        try
        {
            using var answer = await _http.PostAsJsonAsync($"http://127.0.0.1:{_ports.Api(region)}/orders", new { amount = 1 });
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> AnswersAsync(int port, string path)
    {
        try
        {
            using var answer = await _http.GetAsync($"http://127.0.0.1:{port}{path}");
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> WritesAsync()
    {
        try
        {
            await using var connection = new NpgsqlConnection(
                $"Host=127.0.0.1;Port={_ports.PgBouncer};Username={OrdersCluster.Application};Password={fleet.Secrets.Get("postgres-orders")};Database={OrdersCluster.Database};Pooling=false;Timeout=5;Command Timeout=5");
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand("INSERT INTO orders (region, customer, amount) VALUES ('test', 'test', 1)", connection);
            return await command.ExecuteNonQueryAsync() == 1;
        }
        catch (NpgsqlException e)
        {
            WriteFailure = e.ToString();
            return false;
        }
    }

    // Servers that pass HAProxy's own check.
    private async Task<HashSet<string>> ServersUpAsync()
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", _ports.HaProxyRuntime);
        await client.GetStream().WriteAsync("show stat\n"u8.ToArray());
        using var reader = new StreamReader(client.GetStream());
        var rows = (await reader.ReadToEndAsync()).Split('\n').Select(l => l.Split(',')).Where(f => f.Length > 17 && f[0] == "orders_http");
        return [.. rows.Where(f => f[17] is "UP").Select(f => f[1])];
    }
}
