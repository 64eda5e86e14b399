using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Core.Chaos;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;
using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Fleet.Tests.Chaos;

/// <summary>Each fault on real parts: its effect is measured from outside, never read from the injector. It is injected twice, and taken
/// back twice by another process than the one that brought it about.</summary>
[Collection(SharedFleetForFaults.Faults)]
public sealed class FaultInjectorTests(SandboxFixture sandbox)
{
    private const string East = "us-east-1", West = "us-west-2", Ireland = "eu-west-1";
    private static readonly CancellationToken None = CancellationToken.None;
    private readonly LiveFleet _fleet = LiveFleet.Of(sandbox);

    [Fact]
    public Task Latency_OnALink_IsFeltThere() => RunAsync(new(FaultKinds.NetworkLatency, $"link:{West}>{East}/postgres", "", 50, 60, new() { ["latencyMs"] = 150 }),
        async () => (await TimedAsync(() => AskOverAsync(West, East, "SELECT 1", 10))).TotalMilliseconds >= 300);

    [Fact]
    public Task Bandwidth_OnALink_IsFeltThere() => RunAsync(new(FaultKinds.NetworkBandwidth, $"link:{West}>{East}/postgres", "", 50, 60, new() { ["kilobytesPerSecond"] = 64 }),
        async () => (await TimedAsync(() => AskOverAsync(West, East, "SELECT repeat('x', 65536)", 20))).TotalMilliseconds >= 800);

    [Theory]
    [InlineData("stall")]
    [InlineData("reset")]
    public Task Loss_OfAllConnectionsOfALink_LetsNobodyThrough(string how) => RunAsync(new(FaultKinds.NetworkLoss, $"link:{West}>{East}/postgres", "", 100, 60, new() { ["as"] = how }),
        async () => !await WorksAsync(() => AskOverAsync(West, East, "SELECT 1", 2)));

    [Fact]
    public Task Partition_OfALink_LetsNothingThroughThereAndElsewhereAll() => RunAsync(new(FaultKinds.NetworkPartition, $"link:{West}>{East}/postgres", "", 50, 60, []),
        async () => !await WorksAsync(() => AskOverAsync(West, East, "SELECT 1", 2)) && await WorksAsync(() => AskOverAsync(Ireland, East, "SELECT 1", 5)));

    [Fact]
    public Task CutOff_OfARegion_CutsItsApiAndItsShell() => RunAsync(new(FaultKinds.RegionCutOff, $"region:{Ireland}", "", 50, 60, []),
        async () => !await WorksAsync(() => GetAsync(_fleet.Ports.Via(Sites.Edge, Ireland, Services.Api), "/ping", 2)) && !await WorksAsync(() => AskOverAsync(Ireland, East, "SELECT 1", 2)));

    [Fact]
    public Task Cpu_OfAHost_IsBusy() => RunAsync(new(FaultKinds.HostCpu, $"region:{West}", "", 50, 20, []), tag => Task.FromResult(BusyTicks(tag) > 0));

    [Fact]
    public Task Memory_OfAHost_IsHeld() => RunAsync(new(FaultKinds.HostMemory, $"region:{West}", "", 50, 20, new() { ["megabytes"] = 40 }),
        tag => Task.FromResult(Session(tag).Sum(p => Stat(p, "VmRSS:")) >= 36_000));

    [Fact]
    public Task Disk_OfAHost_IsFilledInTheScratchArea() => RunAsync(new(FaultKinds.HostDisk, $"region:{West}", "", 50, 20, new() { ["megabytes"] = 16 }),
        tag => Task.FromResult(new FileInfo(Path.Combine(Scratch, tag + ".fill")) is { Exists: true, Length: 16 << 20 }));

    [Theory]
    [InlineData(FaultKinds.ProcessKill, "cache")]
    [InlineData(FaultKinds.ProcessFreeze, "cache")]
    [InlineData(FaultKinds.ProcessKill, "orders")]
    [InlineData(FaultKinds.ProcessRestart, "orders")]
    [InlineData(FaultKinds.ProcessKill, "db")]
    [InlineData(FaultKinds.ProcessFreeze, "db")]
    public Task Process_OfAService_DoesNotAnswer(string kind, string service) => RunAsync(new(kind, $"service:{Ireland}-{service}", "", 50, 60, []),
        async () => !await WorksAsync<object>(async () => service switch
        {
            "cache" => await PingRedisAsync(),
            "orders" => await GetAsync(_fleet.Ports.Api(Ireland), "/ping", 2),
            _ => await _fleet.AskAsync<int>(_fleet.Node(Ireland) + ";Timeout=2;Command Timeout=2", "SELECT 1"),
        }));

    [Fact]
    public Task Sessions_OfANode_AreEnded() => RunAsync(new(FaultKinds.DatabaseSessions, $"node:orders/{Ireland}", "", 100, 60, []),
        async () => !await WorksAsync(() => _fleet.AskAsync<object>(_fleet.NodeAsApplication(Ireland), "SELECT pg_sleep(1.5)")));

    [Fact]
    public Task Connections_OfANode_AreUsedUp() => RunAsync(new(FaultKinds.DatabaseConnections, $"node:orders/{Ireland}", "", 40, 60, []),
        async () => await _fleet.AskAsync<long>(_fleet.Node(Ireland), "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") >= 60);

    [Fact]
    public async Task SlowQueries_OfThePrimary_MakeWritersWait()
    {
        var primary = await PrimaryAsync();
        await RunAsync(new(FaultKinds.DatabaseSlow, $"node:orders/{primary}", "", 50, 60, new() { ["lockMs"] = 700 }), async () =>
        {
            var longest = TimeSpan.Zero;
            for (var i = 0; i < 8; i++)
            {
                var took = await TimedAsync(() => _fleet.AskAsync<long>(_fleet.WriteEndpoint, "INSERT INTO orders (region, customer, amount) VALUES ('test', 'chaos', 1) RETURNING id"));
                longest = took > longest ? took : longest;
                await Task.Delay(150);
            }
            return longest.TotalMilliseconds >= 300;
        });
    }

    [Fact]
    public Task Errors_OfAnApplication_ReachItsCallers() => RunAsync(new(FaultKinds.ApplicationErrors, $"service:{West}-orders", "", 100, 60, []),
        async () => await StatusAsync(_fleet.Ports.Api(West), "/orders") == 500);

    [Fact]
    public Task Latency_OfAnApplication_ReachesItsCallers() => RunAsync(new(FaultKinds.ApplicationLatency, $"service:{West}-orders", "", 50, 60, new() { ["latencyMs"] = 400 }),
        async () => (await TimedAsync(() => StatusAsync(_fleet.Ports.Api(West), "/orders"))).TotalMilliseconds >= 400);

    [Fact]
    public Task Balancer_Down_TakesNoConnections() => RunAsync(new(FaultKinds.BalancerDown, "trafficManager:edge-haproxy", "", 50, 60, []),
        async () => !await WorksAsync(() => GetAsync(_fleet.Ports.HttpFrontend, "/orders", 2)));

    [Fact]
    public async Task Unavailable_WhereNothingCanBeDone_SaysSoInWords()
    {
        await using var kit = new FaultKit(_fleet);
        Task<string?> WhyAsync(string kind, string target) => kit.Injectors.UnavailableAsync(new Fault(kind, target, "opsconsole-test-0", 50, 60, []), None);

        Assert.Contains("container.stop", await WhyAsync(FaultKinds.ContainerRestart, $"service:{West}-orders"), StringComparison.Ordinal);
        Assert.Contains("no proxy", await WhyAsync(FaultKinds.NetworkLatency, "link:nowhere>us-east-1"), StringComparison.Ordinal);
        Assert.Contains("is no service", await WhyAsync(FaultKinds.ProcessKill, "service:nothing"), StringComparison.Ordinal);
        Assert.Contains("no fault switch", await WhyAsync(FaultKinds.ApplicationErrors, $"service:{West}-db"), StringComparison.Ordinal);
        Assert.Contains("no injector", await WhyAsync("moon.phase", "region:us-east-1"), StringComparison.Ordinal);
    }

    private Task RunAsync(Fault fault, Func<Task<bool>> felt) => RunAsync(fault, _ => felt());

    private async Task RunAsync(Fault wanted, Func<string, Task<bool>> felt)
    {
        var fault = wanted with { Tag = Fault.TagOf(Guid.NewGuid(), 3) };
        await using var first = new FaultKit(_fleet);
        await using var second = new FaultKit(_fleet);
        var (injector, other) = (first.Injectors.Of(fault.Kind), second.Injectors.Of(fault.Kind));
        Assert.Null(await first.Injectors.UnavailableAsync(fault, None));
        Assert.Equal(FaultPresence.Absent, (await injector.ReadAsync(fault, None)).Presence);
        await Eventually.TrueAsync(async () => !await felt(fault.Tag), "rest before it is injected: whatever came before has ended");
        try
        {
            await injector.InjectAsync(fault, None);
            await injector.InjectAsync(fault, None);
            await Eventually.TrueAsync(async () => (await other.ReadAsync(fault, None)).Presence == FaultPresence.Present, "the fault is read");
            await Eventually.TrueAsync(() => felt(fault.Tag), "the fault is felt");
        }
        finally
        {
            await other.RevertAsync(fault, None);
        }
        await other.RevertAsync(fault, None);
        Assert.Equal(FaultPresence.Absent, (await other.ReadAsync(fault, None)).Presence);
        await Eventually.TrueAsync(async () => !await felt(fault.Tag), "the fault is no longer felt", TimeSpan.FromSeconds(40));
    }

    private string Scratch => Path.Combine(Path.GetDirectoryName(_fleet.Data(West))!, "scratch");

    private async Task<string> PrimaryAsync()
    {
        foreach (var region in LiveFleet.Regions)
        {
            if (!await _fleet.AskAsync<bool>(_fleet.Node(region), "SELECT pg_is_in_recovery()")) return region;
        }
        throw new InvalidOperationException("No primary.");
    }

    private async Task<bool> AskOverAsync(string from, string to, string sql, int seconds)
    {
        var address = new NpgsqlConnectionStringBuilder(_fleet.Node(to)) { Port = _fleet.Ports.Via(from, to, Services.Postgres), Timeout = seconds, CommandTimeout = seconds };
        await using var connection = new NpgsqlConnection(address.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteScalarAsync();
        return true;
    }

    private async Task<bool> PingRedisAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", _fleet.Ports.Redis(Ireland), limit.Token);
        await client.GetStream().WriteAsync("PING\r\n"u8.ToArray(), limit.Token);
        return await client.GetStream().ReadAsync(new byte[64], limit.Token) > 0; // an error for want of a password is an answer
    }

    private static async Task<bool> GetAsync(int port, string path, int seconds)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(seconds) };
        using var answer = await client.GetAsync(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}{path}"));
        return answer.IsSuccessStatusCode;
    }

    private static async Task<int> StatusAsync(int port, string path)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        using var answer = await client.GetAsync(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}{path}"));
        return (int)answer.StatusCode;
    }

    private static async Task<bool> WorksAsync<T>(Func<Task<T>> work)
    {
        try
        {
            await work();
            return true;
        }
        catch (Exception e) when (e is NpgsqlException or HttpRequestException or SocketException or IOException or TimeoutException or OperationCanceledException)
        {
            return false;
        }
    }

    private static async Task<TimeSpan> TimedAsync<T>(Func<Task<T>> work)
    {
        var began = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(began);
    }

    private IEnumerable<string> Session(string tag)
    {
        var file = Path.Combine(Scratch, tag + ".pid");
        if (!File.Exists(file)) return [];
        var session = File.ReadAllText(file).Trim();
        return Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0]) && Fields(d) is { Length: > 15 } f && f[3] == session);
    }

    // After the command's closing bracket: state, parent, group, session, ..., user time at 11.
    private static string[]? Fields(string process)
    {
        try
        {
            var stat = File.ReadAllText(Path.Combine(process, "stat"));
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null; // it has ended meanwhile
        }
    }

    private long BusyTicks(string tag) => Session(tag).Sum(p => Fields(p) is { } f ? long.Parse(f[11], CultureInfo.InvariantCulture) : 0);

    private static long Stat(string process, string name) => File.Exists(Path.Combine(process, "status"))
        && Array.Find(File.ReadAllLines(Path.Combine(process, "status")), l => l.StartsWith(name, StringComparison.Ordinal)) is { } line
        ? long.Parse(line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) : 0;
}
