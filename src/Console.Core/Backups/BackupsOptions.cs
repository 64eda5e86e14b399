using System.ComponentModel.DataAnnotations;

namespace OpsConsole.Core.Backups;

/// <summary>Configuration section <c>Backups</c>: engines of each cluster, where restored instances may run, policies.</summary>
public sealed class BackupsOptions
{
    public const string Section = "Backups";

    /// <summary>IANA name of the zone in which the times of policies are: <c>Europe/Dublin</c>.</summary>
    public string TimeZone { get; set; } = "UTC";

    /// <summary>How often the newest restorable moment is looked for. 1 to 60 s.</summary>
    public double WatchSeconds { get; set; } = 1;

    public List<PgBackRestOptions> PgBackRest { get; set; } = [];
    public List<PgDumpOptions> PgDump { get; set; } = [];
    public List<ConfigurationBackupOptions> Configuration { get; set; } = [];
    public List<InstancePlaceOptions> Places { get; set; } = [];
    public List<BackupPolicyOptions> Policies { get; set; } = [];

    /// <summary>A cluster without a policy has the defaults of BA-1 and BA-5, and no schedule.</summary>
    public BackupPolicyOptions PolicyOf(string cluster) => Policies.Find(p => p.Cluster == cluster) ?? new BackupPolicyOptions { Cluster = cluster };

    public TimeSpan WindowOf(string cluster) => TimeSpan.FromDays(PolicyOf(cluster).WindowDays);

    /// <summary>The zone of <see cref="TimeZone"/>.</summary>
    public TimeZoneInfo Zone => TimeZoneInfo.FindSystemTimeZoneById(TimeZone);

    internal TimeSpan LongestWindow => TimeSpan.FromDays(Policies.Select(p => p.WindowDays).DefaultIfEmpty(7).Max());
}

/// <summary>One cluster's use of pgBackRest. Its settings (paths, keys, other hosts) are in its own configuration on the hosts; the console runs
/// the commands <c>pgbackrest.*</c> of the regions' shells.</summary>
public sealed class PgBackRestOptions
{
    [Required] public string Cluster { get; set; } = "";
    [Required] public string Stanza { get; set; } = "";
    /// <summary>pgBackRest's repository number to the id of the declared repository.</summary>
    public Dictionary<int, string> Repositories { get; set; } = [];
}

/// <summary>One cluster's logical backups: pg_dump, run by the console, into declared repositories. Needs <c>Fleet:BackupKeys</c>.</summary>
public sealed class PgDumpOptions
{
    [Required] public string Cluster { get; set; } = "";
    /// <summary>Ids of declared repositories.</summary>
    public List<string> Repositories { get; set; } = [];
    /// <summary>Directory of pg_dump, pg_dumpall and pg_restore where the console runs. Empty: found by PATH.</summary>
    public string Programs { get; set; } = "";
}

/// <summary>Backups of one cluster's configuration: the files of its nodes, read through the servers, into declared repositories. Needs <c>Fleet:BackupKeys</c>.</summary>
public sealed class ConfigurationBackupOptions
{
    [Required] public string Cluster { get; set; } = "";
    /// <summary>Ids of declared repositories.</summary>
    public List<string> Repositories { get; set; } = [];
}

/// <summary>A port on a region's host at which a restored instance may run.</summary>
public sealed class InstancePlaceOptions
{
    [Required] public string Region { get; set; } = "";
    /// <summary>On the host itself.</summary>
    [Range(1, 65_535)] public int Port { get; set; }
    /// <summary><c>host:port</c> as the console, and whoever shall use the instance, reaches it.</summary>
    [Required] public string Address { get; set; } = "";
}

/// <summary>When backups of a cluster are taken and proven, and how long they are kept.</summary>
public sealed class BackupPolicyOptions
{
    [Required] public string Cluster { get; set; } = "";
    /// <summary>Engine of the scheduled backups.</summary>
    public string Engine { get; set; } = BackupEngines.PgBackRest;
    /// <summary>A second engine, which takes a full backup after the first's: one tool's mistake does not lose both. Empty: none.</summary>
    public string SecondEngine { get; set; } = "";
    /// <summary>Time of day of the full backup, <c>HH:mm</c> in the time zone of the section.</summary>
    [RegularExpression("^([01][0-9]|2[0-3]):[0-5][0-9]$")] public string FullAt { get; set; } = "02:00";
    /// <summary>Time of day of the logical backup (needs <c>Backups:PgDump</c>). Empty: only on request.</summary>
    [RegularExpression("^(([01][0-9]|2[0-3]):[0-5][0-9])?$")] public string LogicalAt { get; set; } = "";
    /// <summary>Time of day of the backup of the configuration, where <c>Backups:Configuration</c> lists the cluster. Empty: only on request.</summary>
    [RegularExpression("^(([01][0-9]|2[0-3]):[0-5][0-9])?$")] public string ConfigurationAt { get; set; } = "01:30";
    /// <summary>1 to 24 h.</summary>
    [Range(1, 24)] public double IncrementalEveryHours { get; set; } = 6;
    /// <summary>Time of day of the daily restore test.</summary>
    [RegularExpression("^([01][0-9]|2[0-3]):[0-5][0-9]$")] public string VerifyAt { get; set; } = "04:00";
    /// <summary>False: only on request.</summary>
    public bool Scheduled { get; set; } = true;
    /// <summary>Days back to which any second can be restored. 1 to 400.</summary>
    [Range(1, 400)] public double WindowDays { get; set; } = 7;
    /// <summary>Age of the newest restorable moment above which there is an alarm, in s. 5 to 604,800. Null: the cluster's RPO target.</summary>
    [Range(5, 604_800)] public double? RestorableWithinSeconds { get; set; }
    /// <summary>How long a client's write may take while a streamed backup reads, in ms; above it the reading waits. 0 to 60,000; 0: no limit.</summary>
    [Range(0, 60_000)] public double WriteLatencyMilliseconds { get; set; } = 500;
    public AdaptiveOptions Adaptive { get; set; } = new();
    public BaselineOptions Baseline { get; set; } = new();
    public RetentionOptions Retention { get; set; } = new();
    /// <summary>Asked of each restored instance besides the built-in checks.</summary>
    public List<ProofQueryOptions> Queries { get; set; } = [];
}

/// <summary>BA-9: what is usual, for 100 GB and scaled to the size. Slower than that raises an alarm (backupSlow, restoreSlow).</summary>
public sealed class BaselineOptions
{
    /// <summary>1 to 1,000,000 s each.</summary>
    [Range(1, 1e6)] public double FullSeconds { get; set; } = 1800;
    [Range(1, 1e6)] public double IncrementalSeconds { get; set; } = 300;
    [Range(1, 1e6)] public double RestoreSeconds { get; set; } = 900;
    /// <summary>What a small database may take all the same. 1 to 86,400 s.</summary>
    [Range(1, 86_400)] public double LeastSeconds { get; set; } = 60;
    /// <summary>Times the baseline. 1 to 100.</summary>
    [Range(1, 100)] public double Factor { get; set; } = 2;
}

/// <summary>BA-7: incremental backups more often under load or risk, less often when idle.</summary>
public sealed class AdaptiveOptions
{
    public bool Enabled { get; set; } = true;
    /// <summary>Limits of the interval, in hours. 0.25 to 48.</summary>
    [Range(0.25, 48)] public double ShortestHours { get; set; } = 1;
    [Range(0.25, 48)] public double LongestHours { get; set; } = 24;
    /// <summary>Log written since the last backup from which the next is due early, in MB. 16 to 1e9.</summary>
    [Range(16, 1e9)] public double BusyMegabytes { get; set; } = 4096;
    /// <summary>Below this rate the cluster counts as idle, in MB an hour.</summary>
    [Range(0, 1e9)] public double IdleMegabytesPerHour { get; set; } = 16;
}

/// <summary>BA-5. Grandfather-father-son unless <see cref="Days"/> is given. At least one of the counts, or the days, must be positive.</summary>
public sealed class RetentionOptions
{
    [Range(0, 1000)] public int Daily { get; set; } = 7;
    [Range(0, 1000)] public int Weekly { get; set; } = 4;
    [Range(0, 1000)] public int Monthly { get; set; } = 12;
    /// <summary>Fixed: everything for so many days, then nothing. Null: grandfather-father-son.</summary>
    [Range(1, 36_500)] public int? Days { get; set; }
}

/// <summary>A query with a known answer.</summary>
public sealed class ProofQueryOptions
{
    [Required] public string Name { get; set; } = "";
    [Required] public string Sql { get; set; } = "";
    /// <summary>The first value as text. Empty: any answer but an error, null or <c>false</c>.</summary>
    public string Expect { get; set; } = "";
}
