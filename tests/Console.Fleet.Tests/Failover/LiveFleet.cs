using System.Diagnostics;
using Npgsql;
using OpsConsole.Fleet.Tests.Sandbox;
using OpsConsole.Sandbox.Layout;
using StackExchange.Redis;

namespace OpsConsole.Fleet.Tests.Failover;

/// <summary>A running embedded fleet as a test sees it from outside: by its directory and its ports.</summary>
internal sealed class LiveFleet(string directory, int portBase)
{
    private readonly SecretStore _secrets = new(Path.Combine(directory, "secrets"));

    public static LiveFleet Of(SandboxFixture sandbox) => new(sandbox.Place.Directory, sandbox.Place.PortBase);

    public PortPlan Ports { get; } = new(portBase);
    public string FleetFile => Path.Combine(directory, "fleet.json");
    public static IReadOnlyList<string> Regions { get; } = [.. Sites.Regions.Select(r => r.Id)];

    /// <summary>As the application connects, through PgBouncer and HAProxy.</summary>
    public string WriteEndpoint => Connection(Ports.PgBouncer, "orders", "postgres-orders");

    /// <summary>As the database's administrator, straight to a region's node.</summary>
    public string Node(string region) => Connection(Ports.Postgres(region), "opsconsole", "postgres-operator");

    /// <summary>As the application, straight to a region's node: what a client with an old address would do.</summary>
    public string NodeAsApplication(string region) => Connection(Ports.Postgres(region), "orders", "postgres-orders");

    public string Data(string region) => Path.Combine(directory, "sites", region, "postgres");

    /// <summary>A file among those of a region.</summary>
    public string SiteFile(string region, string name) => Path.Combine(directory, "sites", region, name);

    public string Secret(string name) => _secrets.Get(name);

    public int Postmaster(string region) => int.Parse(File.ReadLines(Path.Combine(Data(region), "postmaster.pid")).First(), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>To the postmaster and all its children, as one signal each.</summary>
    public async Task SignalAsync(string region, string signal)
    {
        var pid = Postmaster(region);
        using var process = Process.Start("sh", ["-c", $"kill -{signal} {pid} $(pgrep -P {pid})"]);
        await process.WaitForExitAsync();
    }

    /// <summary>Every process of the node stands still for so long, and no longer: one shell stops and continues them.</summary>
    public async Task StallAsync(string region, TimeSpan length)
    {
        var pid = Postmaster(region);
        using var process = Process.Start("sh", ["-c", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"all=\"{pid} $(pgrep -P {pid} | tr '\\n' ' ')\"; kill -STOP $all; sleep {length.TotalSeconds}; kill -CONT $all")]);
        await process.WaitForExitAsync();
    }

    /// <summary>Until it is disposed the node answers, and no write of anybody comes to an end.</summary>
    public async Task<WriteStall> StallWritesAsync(string region)
    {
        var connection = new NpgsqlConnection(Node(region));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("""
            BEGIN; DO $$ DECLARE t regclass; BEGIN
                FOR t IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
                LOOP EXECUTE format('LOCK TABLE %s IN EXCLUSIVE MODE', t); END LOOP;
            END $$
            """, connection);
        await command.ExecuteNonQueryAsync();
        return new WriteStall(connection);
    }

    /// <summary>Whether the node answers and turns the application away, as the fence does; a standby takes no writes either.</summary>
    public async Task<bool> RefusesApplicationAsync(string region)
    {
        try
        {
            return await AskAsync<bool>(NodeAsApplication(region), "SELECT pg_is_in_recovery()");
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidAuthorizationSpecification)
        {
            return true;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException)
        {
            return false; // it does not answer yet
        }
    }

    /// <summary>master or slave, as the region's cache says.</summary>
    public async Task<string> CacheRoleAsync(string region)
    {
        await using var redis = await CacheAsync(region);
        return redis.GetServers()[0].IsReplica ? "slave" : "master";
    }

    /// <summary>As a cache that was away while another took over.</summary>
    public async Task CacheTakesWritesAsync(string region)
    {
        await using var redis = await CacheAsync(region);
        await redis.GetServers()[0].ExecuteAsync("REPLICAOF", "NO", "ONE");
    }

    private Task<ConnectionMultiplexer> CacheAsync(string region) => ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{Ports.Redis(region)},password={Secret("redis")},allowAdmin=true");

    /// <summary>How many standbys stream from a region's node itself, not from one another.</summary>
    public Task<long> StandbysOfAsync(string region) => AskAsync<long>(Node(region), "SELECT count(*) FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid WHERE r.state = 'streaming' AND s.slot_name NOT LIKE 'opsconsole%'");

    public async Task<T?> AskAsync<T>(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync() is T value ? value : default;
    }

    private string Connection(int port, string user, string secret) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1", Port = port, Database = "orders", Username = user, Password = _secrets.Get(secret),
        Pooling = false, Timeout = 10, CommandTimeout = 30, NoResetOnClose = true, MaxAutoPrepare = 0,
    }.ConnectionString;
}

internal sealed class WriteStall(NpgsqlConnection locks) : IAsyncDisposable
{
    private readonly long _began = Stopwatch.GetTimestamp();

    public TimeSpan For => Stopwatch.GetElapsedTime(_began);

    public ValueTask DisposeAsync() => locks.DisposeAsync();
}
