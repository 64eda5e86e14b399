namespace OpsConsole.Core.Fleet;

// Words of the domain; written in camelCase on the wire and in configuration (case is ignored on reading).

public enum FleetEnvironment { Development, Staging, Production }

public enum RegionRole { Primary, Secondary, Tertiary, Quaternary }

public enum ServiceKind { Database, Api, Cache, Queue, Storage, Compute, Network, Dns, External }

/// <summary>Weights in a region's availability (HE-3): critical 4, high 3, medium 2, low 1.</summary>
public enum ServiceTier { Low = 1, Medium = 2, High = 3, Critical = 4 }

public enum ShellKind { Local, Ssh }

public enum ProbeKind { Http, Tcp, Postgres, Redis, Dns, Latency, Host, External, Queue, Journey }

public enum ClusterDriver { Postgres, Patroni, Rds }

public enum TrafficManagerKind { HaProxy, PgBouncer, Route53 }

public enum RepositoryKind { File, S3, AzureBlob, GoogleCloudStorage }

public enum ContactRole { Hotline, OnCall, Database, Security, Sre, Compliance, Vendor }
