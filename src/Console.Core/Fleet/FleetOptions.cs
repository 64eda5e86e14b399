using System.ComponentModel.DataAnnotations;
using OpsConsole.Core.Fleet.Configuration;

namespace OpsConsole.Core.Fleet;

/// <summary>The declared fleet: configuration section <c>Fleet</c>. Read and validated as a whole by
/// <see cref="FleetConfiguration"/>; nothing starts while one setting is wrong.</summary>
public sealed class FleetOptions
{
    public const string Section = "Fleet";

    [Required] public string Name { get; set; } = "";
    /// <summary>development, staging or production: production refuses weak settings.</summary>
    [Required] public FleetEnvironment Environment { get; set; }
    public List<RegionOptions> Regions { get; set; } = [];
    public List<ServiceOptions> Services { get; set; } = [];
    public List<ClusterOptions> Clusters { get; set; } = [];
    public List<LinkOptions> Links { get; set; } = [];
    public List<TrafficManagerOptions> TrafficManagers { get; set; } = [];
    public List<BackupRepositoryOptions> BackupRepositories { get; set; } = [];
    public List<BackupKeyOptions> BackupKeys { get; set; } = [];
    public List<ContactOptions> Contacts { get; set; } = [];

    /// <summary>Interval for every probe that declares none. 0.25 s or more; null: the default of its kind (HE-1).</summary>
    [Range(0.25, 86_400)] public double? ProbeIntervalSeconds { get; set; }
}

public sealed class RegionOptions
{
    /// <summary>Short stable id, lower case letters, digits and dashes: <c>us-east-1</c>.</summary>
    [Required, Id] public string Id { get; set; } = "";
    [Required] public string Name { get; set; } = "";
    /// <summary>The provider's name of the region.</summary>
    public string CloudRegion { get; set; } = "";
    [Required] public RegionRole Role { get; set; }
    /// <summary>Lower wins when a target must be chosen. 1 to 1000, unique.</summary>
    [Required, Range(1, 1000)] public int Priority { get; set; }
    /// <summary>Requests per second that the region can serve at most.</summary>
    [Range(0, 1e9)] public double CapacityRps { get; set; }
    /// <summary>Where data in this region legally is: US, EU, GDPR, APAC, ...</summary>
    public List<string> ComplianceZones { get; set; } = [];
    /// <summary>Target of the inter-region round trip measurement (TR-4), an http or tcp URL as the console reaches it.</summary>
    [SettingUrl("http", "https", "tcp")] public string LatencyEndpoint { get; set; } = "";
    /// <summary>Map position in degrees, for the topology and geographic routing.</summary>
    [Range(-90, 90)] public double? Latitude { get; set; }
    [Range(-180, 180)] public double? Longitude { get; set; }
    public ShellOptions? Shell { get; set; }
}

/// <summary>How host commands reach a region's host. Commands are templates from configuration only; arguments
/// <c>{name}</c> are quoted by the shell driver, never spliced raw.</summary>
public sealed class ShellOptions
{
    [Required] public ShellKind Kind { get; set; }
    public string Host { get; set; } = "";
    [Range(1, 65_535)] public int Port { get; set; } = 22;
    public string User { get; set; } = "";
    /// <summary>Path of the private key (OpenSSH format).</summary>
    [SettingFile] public string KeyFile { get; set; } = "";
    /// <summary>Expected host key, as <c>SHA256:...</c>; a different one is refused.</summary>
    [Fingerprint] public string HostKeyFingerprint { get; set; } = "";
    /// <summary>Command templates by name: <c>postgres.stop</c>, <c>postgres.start</c>, <c>postgres.kill</c>, <c>postgres.rewind</c>, <c>host.metrics</c>, ...</summary>
    public Dictionary<string, string> Commands { get; set; } = [];
}

public sealed class ServiceOptions
{
    [Required, Id] public string Id { get; set; } = "";
    [Required] public string Region { get; set; } = "";
    [Required] public ServiceKind Kind { get; set; }
    public ServiceTier Tier { get; set; } = ServiceTier.Medium;
    /// <summary>Ids of services this one needs. Cycles are refused; recovery starts services in this order.</summary>
    public List<string> DependsOn { get; set; } = [];
    public Dictionary<string, string> Labels { get; set; } = [];
    public List<NodeOptions> Nodes { get; set; } = [];
    public List<ProbeOptions> Probes { get; set; } = [];
    /// <summary>The service's own Prometheus endpoint for business metrics (HE-6); empty when it has none.</summary>
    [SettingUrl("http", "https")] public string MetricsUrl { get; set; } = "";
    /// <summary>Business metrics to read there: display name to Prometheus metric name.</summary>
    public Dictionary<string, string> BusinessMetrics { get; set; } = [];
    /// <summary>How a failover brings it up: <c>start</c>, <c>status</c> (ends with 0 while it runs), <c>stop</c>, <c>scale</c>, each the name of
    /// a command of the region's shell. The command gets <c>{service}</c>, scale also <c>{percent}</c> of its usual size.</summary>
    public Dictionary<string, string> Commands { get; set; } = [];
    /// <summary>A cache that replicates: how it reaches the same cache of other regions, service id to <c>host:port</c>.</summary>
    public Dictionary<string, string> Peers { get; set; } = [];
}

/// <summary>Keys of <see cref="ServiceOptions.Commands"/>.</summary>
public static class ServiceCommands
{
    public const string Start = "start";
    public const string Status = "status";
    public const string Stop = "stop";
    public const string Scale = "scale";

    public static IReadOnlyList<string> All { get; } = [Start, Status, Stop, Scale];
}

public sealed class NodeOptions
{
    [Required, Id] public string Id { get; set; } = "";
    /// <summary><c>host:port</c> as the console reaches it.</summary>
    [Required, HostPortText] public string Address { get; set; } = "";
    /// <summary>0 to 256.</summary>
    [Range(0, 256)] public int Weight { get; set; } = 100;
}

public sealed class ProbeOptions
{
    [Required] public ProbeKind Kind { get; set; }
    /// <summary>http(s) URL, <c>host:port</c>, a DNS name, or for PostgreSQL and Redis the <c>host:port</c> of the node.</summary>
    public string Target { get; set; } = "";
    /// <summary>Node this probe speaks for; empty: the service as a whole.</summary>
    public string Node { get; set; } = "";
    /// <summary>0.25 to 86,400 s. Null: the fleet's interval, else the default of the kind (HE-1).</summary>
    [Range(0.25, 86_400)] public double? IntervalSeconds { get; set; }
    /// <summary>0.05 to 300 s. Null: the default of the kind (HE-1).</summary>
    [Range(0.05, 300)] public double? TimeoutSeconds { get; set; }
    /// <summary>Failures in a row before the verdict is down. 1 to 100. Null: the default of the kind.</summary>
    [Range(1, 100)] public int? FailureThreshold { get; set; }
    /// <summary>Successes in a row before the verdict is up again. 1 to 100.</summary>
    [Range(1, 100)] public int SuccessThreshold { get; set; } = 2;
    /// <summary>HTTP status codes that count as success, such as <c>200-399</c> or <c>200,204</c>.</summary>
    [StatusSet] public string ExpectStatus { get; set; } = "200-399";
    /// <summary>Regular expression that the HTTP body must match; empty: not read.</summary>
    [Pattern] public string ExpectBody { get; set; } = "";
    public string Username { get; set; } = "";
    /// <summary>Secret: value, <c>Password_FILE</c>, or a reference (<c>aws-sm:</c>, <c>vault:</c>).</summary>
    [Secret] public string Password { get; set; } = "";
    public string Database { get; set; } = "";
    /// <summary>Steps of a user journey, in order.</summary>
    public List<JourneyStepOptions> Steps { get; set; } = [];
    /// <summary>Queue and host probes: name of the thing looked at (queue list key, mount point).</summary>
    public string Resource { get; set; } = "";
}

public sealed class JourneyStepOptions
{
    public string Name { get; set; } = "";
    [HttpMethodName] public string Method { get; set; } = "GET";
    [Required, SettingUrl("http", "https")] public string Url { get; set; } = "";
    public string Body { get; set; } = "";
    [StatusSet] public string ExpectStatus { get; set; } = "200-399";
    [Pattern] public string ExpectBody { get; set; } = "";
}

public sealed class ClusterOptions
{
    [Required, Id] public string Id { get; set; } = "";
    public ServiceTier Tier { get; set; } = ServiceTier.Critical;
    /// <summary>postgres: streaming replication managed by the console.</summary>
    public ClusterDriver Driver { get; set; }
    /// <summary>Region whose node is the primary when nothing has moved. Another one is drift (FL-1).</summary>
    [Required] public string PrimaryRegion { get; set; } = "";
    [Required] public string Database { get; set; } = "postgres";
    /// <summary>Role of the console on every node: needs pg_monitor, and for operations the rights that the guide names.</summary>
    [Required] public string Username { get; set; } = "";
    [Secret] public string Password { get; set; } = "";
    /// <summary>Role that standbys use to stream.</summary>
    public string ReplicationUsername { get; set; } = "";
    [Secret] public string ReplicationPassword { get; set; } = "";
    public List<ClusterNodeOptions> Nodes { get; set; } = [];
    /// <summary>The endpoint that clients write through (<c>host:port</c>), as the console reaches it.</summary>
    [HostPortText] public string WriteEndpoint { get; set; } = "";
    /// <summary>How many named standbys must confirm a commit (<c>ANY k</c>); 0: asynchronous.</summary>
    [Range(0, 100)] public int SynchronousStandbys { get; set; }
    public HeartbeatOptions Heartbeat { get; set; } = new();
    /// <summary>Zones in which this cluster's data may be written. A failover target must lie in one of them; empty: anywhere.</summary>
    public List<string> ComplianceZones { get; set; } = [];
    /// <summary>The cluster's own targets; null: those of its tier, else 15 min and 5 min (OB-1).</summary>
    [Range(1, 31_536_000)] public double? RtoSeconds { get; set; }
    [Range(0, 31_536_000)] public double? RpoSeconds { get; set; }
}

public sealed class ClusterNodeOptions
{
    [Required] public string Region { get; set; } = "";
    /// <summary>Id of the service (kind database) that this node is.</summary>
    [Required] public string Service { get; set; } = "";
    /// <summary><c>host:port</c> as the console reaches it.</summary>
    [Required, HostPortText] public string Address { get; set; } = "";
    /// <summary><c>application_name</c> of its WAL receiver, and the name of its slot with underscores for dashes.</summary>
    [ApplicationName] public string ApplicationName { get; set; } = "";
    public string DataDirectory { get; set; } = "";
}

public sealed class HeartbeatOptions
{
    public bool Enabled { get; set; } = true;
    /// <summary>0.1 to 60 s.</summary>
    [Range(0.1, 60)] public double IntervalSeconds { get; set; } = 1;
}

/// <summary>A directed replication link that may exist: how <see cref="Target"/> reaches <see cref="Source"/>.</summary>
public sealed class LinkOptions
{
    [Required] public string Cluster { get; set; } = "";
    [Required] public string Source { get; set; } = "";
    [Required] public string Target { get; set; } = "";
    /// <summary><c>host:port</c> of the source as seen from the target; goes into <c>primary_conninfo</c>.</summary>
    [Required, HostPortText] public string Address { get; set; } = "";
}

public sealed class TrafficManagerOptions
{
    [Required, Id] public string Id { get; set; } = "";
    [Required] public TrafficManagerKind Kind { get; set; }
    /// <summary>HAProxy: <c>host:port</c> of the runtime API; PgBouncer: of its admin console.</summary>
    [Required, HostPortText] public string Address { get; set; } = "";
    public string Username { get; set; } = "";
    [Secret] public string Password { get; set; } = "";
    /// <summary>HTTP backend whose servers share the application traffic (HAProxy).</summary>
    public string HttpBackend { get; set; } = "";
    /// <summary>TCP backend of the write endpoint (HAProxy).</summary>
    public string WriteBackend { get; set; } = "";
    /// <summary>Server name in the backends to region id.</summary>
    public Dictionary<string, string> Servers { get; set; } = [];
    /// <summary>PgBouncer: databases that are paused and resumed, with the cluster each belongs to.</summary>
    public Dictionary<string, string> Databases { get; set; } = [];
}

public sealed class BackupRepositoryOptions
{
    [Required, Id] public string Id { get; set; } = "";
    [Required] public string Region { get; set; } = "";
    [Required] public RepositoryKind Kind { get; set; }
    /// <summary>s3: endpoint URL; azureBlob: <c>https://ACCOUNT.blob.core.windows.net</c>; googleCloudStorage: <c>https://storage.googleapis.com</c>; file: absolute path.</summary>
    [Required] public string Endpoint { get; set; } = "";
    /// <summary>Bucket (s3, googleCloudStorage) or container (azureBlob).</summary>
    public string Bucket { get; set; } = "";
    /// <summary>Path inside the bucket under which everything goes; empty: its root.</summary>
    public string Prefix { get; set; } = "";
    /// <summary>s3: access key; azureBlob: account name; empty: the machine's own identity.</summary>
    [Secret] public string AccessKey { get; set; } = "";
    /// <summary>s3: secret key; azureBlob: account key; googleCloudStorage: the JSON of a service account.</summary>
    [Secret] public string SecretKey { get; set; } = "";
    /// <summary>PEM file with the authority of a private endpoint's certificate; empty: the system's.</summary>
    [SettingFile] public string CaFile { get; set; } = "";
    /// <summary>The bucket was made with object lock (s3), version-level immutability (azureBlob) or object retention (googleCloudStorage).</summary>
    public bool ObjectLock { get; set; }
    /// <summary>With <see cref="ObjectLock"/>: days for which nobody can delete what is written. 0 to 36,500; 0: only what policies ask for.</summary>
    [Range(0, 36_500)] public int RetainDays { get; set; }
    /// <summary>Streamed backups go here, and the WAL of every cluster whose zones allow it, within seconds of being written.</summary>
    public bool Streaming { get; set; }
    public List<string> ComplianceZones { get; set; } = [];
    /// <summary>Cluster id to the legal basis on which its data may be copied here although no compliance zone is shared.</summary>
    public Dictionary<string, string> TransferBasis { get; set; } = [];
}

/// <summary>A key that backups are encrypted under. The first in the list encrypts; the others keep older backups readable.</summary>
public sealed class BackupKeyOptions
{
    /// <summary>Recorded in every backup; never give an id a second time.</summary>
    [Required, Id] public string Id { get; set; } = "";
    /// <summary>32 bytes in base64 or hexadecimal digits (<c>openssl rand -base64 32</c>), or <see cref="WrappedKey"/> instead.</summary>
    [Secret] public string Key { get; set; } = "";
    /// <summary>The key as AWS KMS encrypted it (base64); it is decrypted once, at start.</summary>
    public string WrappedKey { get; set; } = "";
    /// <summary>KMS: region of the key that wrapped it.</summary>
    public string KmsRegion { get; set; } = "";
    /// <summary>KMS: another endpoint than the public one.</summary>
    [SettingUrl("http", "https")] public string KmsEndpoint { get; set; } = "";
}

public sealed class ContactOptions
{
    /// <summary>hotline, onCall, database, security, sre, compliance, vendor.</summary>
    [Required] public ContactRole Role { get; set; }
    [Required] public string Name { get; set; } = "";
    [Telephone] public string Phone { get; set; } = "";
    [Email] public string Email { get; set; } = "";
}
