using OpsConsole.Sandbox.Backups;
using OpsConsole.Sandbox.Edge;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Postgres;

namespace OpsConsole.Sandbox.Consoles;

/// <summary>A region's shell as the console reaches it.</summary>
public sealed record ShellAccess(string User, string KeyFile, string Fingerprint, Dictionary<string, string> Commands);

/// <summary><c>fleet.json</c>: the fleet as an operator would declare it to the console, with every address as the console's own site
/// reaches it, and secrets by file.</summary>
public sealed class FleetFile(SandboxPaths paths, PortPlan ports, SecretStore secrets)
{
    public const string Cluster = "orders";
    public const string FirstAdministrator = "administrator@opsconsole.local";

    public void Write(IReadOnlyDictionary<string, ShellAccess> shells)
    {
        var configuration = new
        {
            Access = new { FirstAdministrator },
            ConnectionStrings = new
            {
                Owner_FILE = secrets.PathOf("console-owner.connection"),
                Console_FILE = secrets.PathOf("console-app.connection"),
            },
            Fleet = new
            {
                Name = "Orders",
                Environment = "development",
                ProbeIntervalSeconds = 1,
                Regions = Sites.Regions.Select(r => Region(r, shells[r.Id])),
                Services = Sites.Regions.SelectMany(r => ServicesOf(r.Id)),
                Clusters = new[] { ClusterOf() },
                Links = Sites.Regions.SelectMany(s => Sites.Regions.Where(t => t != s).Select(t => Link(s.Id, t.Id))),
                TrafficManagers = TrafficManagers(),
                BackupRepositories = Sites.Regions.Select(Repository),
                BackupKeys = new[] { new { Id = "sandbox-1", Key_FILE = BackupKey() } },
                Contacts = Contacts(),
            },
            Chaos = Chaos(),
            Backups = BackupsOf(),
        };
        AtomicFile.WriteJson(paths.FleetFile, configuration);
    }

    private object Region(RegionSite region, ShellAccess shell) => new
    {
        region.Id,
        region.Name,
        CloudRegion = region.Id,
        region.Role,
        region.Priority,
        region.CapacityRps,
        ComplianceZones = region.Zones,
        LatencyEndpoint = $"http://{Address(region.Id, Services.Storage)}/minio/health/live",
        region.Latitude,
        region.Longitude,
        Shell = new
        {
            Kind = "ssh",
            Host = "127.0.0.1",
            Port = ports.Via(Sites.Console, region.Id, Services.Ssh),
            shell.User,
            shell.KeyFile,
            HostKeyFingerprint = shell.Fingerprint,
            shell.Commands,
        },
    };

    private IEnumerable<object> ServicesOf(string region)
    {
        var (database, cache, api) = (Address(region, Services.Postgres), Address(region, Services.Redis), Address(region, Services.Api));
        yield return new
        {
            Id = $"{region}-db",
            Region = region,
            Kind = "database",
            Tier = "critical",
            Labels = new { team = "data" },
            Nodes = new[] { new { Id = $"{region}-db-1", Address = database, Weight = 100 } },
            Probes = new[]
            {
                new
                {
                    Kind = "postgres", Target = database, IntervalSeconds = 1, TimeoutSeconds = 1, FailureThreshold = 3,
                    Username = OrdersCluster.Operator, Password_FILE = secrets.PathOf("postgres-operator"), OrdersCluster.Database,
                },
            },
        };
        yield return new
        {
            Id = $"{region}-cache",
            Region = region,
            Kind = "cache",
            Tier = "medium",
            Labels = new { team = "platform" },
            Nodes = new[] { new { Id = $"{region}-cache-1", Address = cache, Weight = 100 } },
            Probes = new[]
            {
                new { Kind = "redis", Target = cache, IntervalSeconds = 1, TimeoutSeconds = 1, FailureThreshold = 3, Password_FILE = secrets.PathOf("redis") },
            },
            Commands = new { start = "redis.start", status = "redis.status", stop = "redis.stop" },
            Peers = Sites.Regions.Where(r => r.Id != region).ToDictionary(r => $"{r.Id}-cache", r => ports.AddressVia(region, r.Id, Services.Redis)),
        };
        yield return new
        {
            Id = $"{region}-orders",
            Region = region,
            Kind = "api",
            Tier = "high",
            DependsOn = new[] { $"{region}-db", $"{region}-cache" },
            Labels = new { team = "orders" },
            Nodes = new[] { new { Id = $"{region}-orders-1", Address = api, Weight = 100 } },
            Probes = new[]
            {
                new { Kind = "http", Target = $"http://{api}/health", IntervalSeconds = 1, TimeoutSeconds = 1, FailureThreshold = 3, ExpectBody = "\"ok\"" },
            },
            Commands = new { start = "api.start", status = "api.status", stop = "api.stop", scale = "api.scale" },
            MetricsUrl = $"http://{api}/metrics",
            BusinessMetrics = new Dictionary<string, string> { ["User sessions"] = "user_sessions", ["Orders"] = "orders_total" },
        };
    }

    private object ClusterOf() => new
    {
        Id = Cluster,
        Tier = "critical",
        Driver = "postgres",
        PrimaryRegion = Sites.Regions[0].Id,
        OrdersCluster.Database,
        Username = OrdersCluster.Operator,
        Password_FILE = secrets.PathOf("postgres-operator"),
        ReplicationUsername = OrdersCluster.Replicator,
        ReplicationPassword_FILE = secrets.PathOf("postgres-replicator"),
        WriteEndpoint = Address(Sites.Edge, Services.PgBouncer),
        SynchronousStandbys = 2,
        Heartbeat = new { Enabled = true, IntervalSeconds = 1 },
        Nodes = Sites.Regions.Select(r => new
        {
            Region = r.Id,
            Service = $"{r.Id}-db",
            Address = Address(r.Id, Services.Postgres),
            ApplicationName = r.SqlName,
            DataDirectory = paths.PostgresData(r.Id),
        }),
    };

    private object Link(string source, string target) =>
        new { Cluster, Source = source, Target = target, Address = ports.AddressVia(target, source, Services.Postgres) };

    private object[] TrafficManagers() =>
    [
        new
        {
            Id = "edge-haproxy",
            Kind = "haProxy",
            Address = Address(Sites.Edge, Services.Runtime),
            HttpBackend = HaProxyServer.HttpBackend,
            WriteBackend = HaProxyServer.WriteBackend,
            Servers = Sites.Regions.ToDictionary(r => r.Id, r => r.Id),
        },
        new
        {
            Id = "edge-pgbouncer",
            Kind = "pgBouncer",
            Address = Address(Sites.Edge, Services.PgBouncer),
            Username = PgBouncerServer.Administrator,
            Password_FILE = secrets.PathOf("pgbouncer"),
            Databases = new Dictionary<string, string> { [OrdersCluster.Database] = Cluster },
        },
    ];

    private object Repository(RegionSite region) => new
    {
        Id = $"{region.Id}-store",
        Region = region.Id,
        Kind = "s3",
        Endpoint = $"http://{Address(region.Id, Services.Storage)}",
        Bucket = Storage.S3Api.BackupBucket,
        Prefix = "streamed",
        Storage.S3Api.AccessKey,
        SecretKey_FILE = secrets.PathOf("storage"),
        // One tool's mistake, or one region's loss, must not take all: pgBackRest beside the database, streaming into another region.
        Streaming = region == Sites.Regions[1],
        ComplianceZones = region.Zones,
    };

    // What experiments may do here: everything, since nobody is hurt; at the places where an operator of a real fleet would allow it.
    private object Chaos() => new
    {
        AllowList = new[] { "*" },
        DefaultDurationSeconds = 60,
        MaxDiskMegabytes = 64,
        MaxMemoryMegabytes = 96,
        CustomerUrl = $"http://{Address(Sites.Edge, Services.Http)}/orders",
        Networks = new[] { new { Url = $"http://127.0.0.1:{ports.NetworkApi}", Names = "{from}.{to}.{service}" } },
        Applications = Sites.Regions.Select(r => new { Service = $"{r.Id}-orders", Url = $"http://{Address(r.Id, Services.Api)}/faults" }),
        Balancers = new[] { new { Manager = "edge-haproxy", Frontends = new[] { "http" } } },
    };

    private object BackupsOf() => new
    {
        PgBackRest = new[] { new { Cluster, PgBackRestHosts.Stanza, Repositories = PgBackRestHosts.Repositories.ToDictionary(r => r.Key, r => $"{r.Value}-store") } },
        PgDump = new[] { new { Cluster, Repositories = Sites.Regions.Take(2).Select(r => $"{r.Id}-store"), Programs = PostgresBinaries.Find().Directory } },
        Configuration = new[] { new { Cluster, Repositories = Sites.Regions.Take(2).Select(r => $"{r.Id}-store") } },
        Places = Sites.Regions.SelectMany(r => Enumerable.Range(0, PortPlan.Instances).Select(i => new
        {
            Region = r.Id,
            Port = ports.Instance(r.Id, i),
            Address = Address(r.Id, $"{Services.Instance}-{i + 1}"),
        })),
        Policies = new[]
        {
            new { Cluster, SecondEngine = "streaming", Queries = new[] { new { Name = "orders can be read", Sql = "SELECT count(*) >= 0 FROM orders", Expect = "true" } } },
        },
    };

    private string BackupKey()
    {
        const string name = "backup-key";
        if (!File.Exists(secrets.PathOf(name)))
        {
            secrets.Put(name, Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32)));
        }
        return secrets.PathOf(name);
    }

    private static object[] Contacts() =>
    [
        new { Role = "hotline", Name = "Emergency hotline", Phone = "+1-555-0100", Email = "hotline@opsconsole.local" },
        new { Role = "onCall", Name = "On-call engineer", Phone = "+1-555-0101", Email = "oncall@opsconsole.local" },
        new { Role = "database", Name = "Database team", Phone = "+1-555-0102", Email = "database@opsconsole.local" },
        new { Role = "security", Name = "Security team", Phone = "+1-555-0103", Email = "security@opsconsole.local" },
        new { Role = "sre", Name = "Site reliability", Phone = "+1-555-0104", Email = "sre@opsconsole.local" },
        new { Role = "compliance", Name = "Compliance officer", Phone = "+1-555-0105", Email = "compliance@opsconsole.local" },
        new { Role = "vendor", Name = "Cloud provider support", Phone = "+1-555-0106", Email = "support@opsconsole.local" },
    ];

    private string Address(string site, string service) => ports.AddressVia(Sites.Console, site, service);
}
