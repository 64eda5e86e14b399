using System.Globalization;
using System.Net.Sockets;
using System.Text;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.HaProxy;

/// <summary>One server of a backend, from <c>show stat</c>. Counters grow from HAProxy's start.</summary>
/// <param name="Status">UP, DOWN, MAINT, NOLB, "no check", ...; a transition shows as in <c>UP 1/3</c></param>
/// <param name="Errors">connection errors and responses of 5xx</param>
public sealed record HaProxyServer(string Backend, string Server, string Status, int Weight, long CurrentSessions, long Requests, long Errors)
{
    public bool InMaintenance => Status.StartsWith("MAINT", StringComparison.Ordinal);
    public bool Serves => !InMaintenance && !Status.StartsWith("DOWN", StringComparison.Ordinal) && !Status.StartsWith("NOLB", StringComparison.Ordinal);
}

/// <summary>HAProxy's runtime API. One connection a call, several commands in it. What is set is read back.</summary>
/// <exception cref="SocketException">from every call: it cannot be reached</exception>
public sealed class HaProxyRuntime(string address)
{
    public async Task<IReadOnlyList<HaProxyServer>> ReadAsync(CancellationToken cancel) => Parse(await RunAsync("show stat", cancel));

    public async Task<IReadOnlyList<HaProxyServer>> ReadAsync(string backend, CancellationToken cancel) =>
        (await ReadAsync(cancel)).Where(s => s.Backend == backend).ToList();

    /// <summary>Lets a server take connections, or takes it out; ends its sessions when asked to.</summary>
    /// <exception cref="InvalidOperationException">read back, it is not so</exception>
    public async Task SetServesAsync(string backend, string server, bool serves, bool endSessions, CancellationToken cancel)
    {
        var commands = new List<string> { $"set server {backend}/{server} state {(serves ? "ready" : "maint")}" };
        if (endSessions) commands.Add($"shutdown sessions server {backend}/{server}");
        commands.Add("show stat");
        var seen = Parse(await RunAsync(string.Join("; ", commands), cancel)).FirstOrDefault(s => s.Backend == backend && s.Server == server);
        if (seen is null || seen.InMaintenance == serves)
            throw new InvalidOperationException($"{backend}/{server} is {seen?.Status ?? "not there"} after it was set to {(serves ? "ready" : "maint")}.");
    }

    /// <param name="weights">0 to 256 by server</param>
    /// <exception cref="InvalidOperationException">read back, it is not so</exception>
    public async Task SetWeightsAsync(string backend, IReadOnlyDictionary<string, int> weights, CancellationToken cancel)
    {
        var commands = weights.Select(w => string.Create(CultureInfo.InvariantCulture, $"set server {backend}/{w.Key} weight {w.Value}")).Append("show stat");
        var seen = Parse(await RunAsync(string.Join("; ", commands), cancel)).Where(s => s.Backend == backend).ToDictionary(s => s.Server, s => s.Weight);
        foreach (var (server, weight) in weights)
        {
            if (seen.GetValueOrDefault(server, -1) != weight)
                throw new InvalidOperationException($"{backend}/{server} has weight {seen.GetValueOrDefault(server, -1)} after it was set to {weight}.");
        }
    }

    public async Task<string> RunAsync(string commands, CancellationToken cancel)
    {
        var at = HostPort.Parse(address);
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(at.Host, at.Port, cancel);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(commands + "\n"), cancel);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        return await reader.ReadToEndAsync(cancel);
    }

    internal static IReadOnlyList<HaProxyServer> Parse(string text)
    {
        var lines = text.Split('\n');
        var head = Array.FindIndex(lines, l => l.StartsWith("# pxname", StringComparison.Ordinal));
        if (head < 0) throw new InvalidOperationException($"HAProxy did not answer with statistics: {text.Trim()}");
        var columns = lines[head][2..].Split(',').Select((name, index) => (name, index)).Where(c => c.name.Length > 0).ToDictionary(c => c.name, c => c.index);
        var servers = new List<HaProxyServer>();
        foreach (var fields in lines.Skip(head + 1).Select(l => l.Split(',')).Where(f => f.Length > 10))
        {
            if (fields[1] is "FRONTEND" or "BACKEND") continue;
            long Number(string name) => long.TryParse(fields[columns[name]], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;
            servers.Add(new HaProxyServer(fields[0], fields[1], fields[columns["status"]], (int)Number("weight"), Number("scur"),
                Math.Max(Number("req_tot"), Number("stot")), Number("econ") + Number("eresp") + Number("hrsp_5xx")));
        }
        return servers;
    }
}
