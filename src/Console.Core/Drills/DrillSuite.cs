using System.Text.Json;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills;

/// <summary>Suites of DR-2.</summary>
public enum DrillSuite { Smoke, DatabaseFailover, BackupRestore, Network, Dependency, Performance, Compliance, Full }

/// <param name="Source">region that would be lost</param>
/// <param name="Target">region that would take over</param>
public sealed record DrillPair(string Cluster, string Source, string Target);

/// <summary>One item of a suite: a test that looks or acts by itself, an experiment of the library, the proof of a backup, or a move of the database.</summary>
/// <param name="What">id of a test, or of an experiment</param>
/// <param name="Seconds">most that it may take; an experiment lasts as long as <c>Drills:ExperimentSeconds</c> says</param>
public sealed record DrillItem(DrillItemKind Kind, string What, string Name, double Seconds = 60);

public enum DrillItemKind { Test, Experiment, BackupProof, Move }

/// <summary>What each suite consists of.</summary>
public static class DrillSuites
{
    private static readonly DrillItem[] Smoke =
    [
        new(DrillItemKind.Test, "connectivity", "Every service of both regions answers"), new(DrillItemKind.Test, "replication", "The target streams and is within the RPO"),
        new(DrillItemKind.Test, "write-path", "Clients can write"), new(DrillItemKind.Test, "drift", "The cluster is as declared"), new(DrillItemKind.Test, "host-commands", "The hosts' shells answer"),
    ];

    private static readonly DrillItem[] Move =
    [
        new(DrillItemKind.Move, "move", "Switch the database over"), new(DrillItemKind.Test, "write-path-after", "Clients can write afterwards"), new(DrillItemKind.Test, "objectives", "RTO and RPO were met"),
    ];

    private static readonly DrillItem[] Backups = [new(DrillItemKind.BackupProof, "backup-restore", "The newest backup is restored and asked what it holds", 3600), new(DrillItemKind.Test, "backup-proven", "A proven backup is there")];
    private static readonly DrillItem[] Network = [new(DrillItemKind.Experiment, "network-latency", "Slow replication links"), new(DrillItemKind.Experiment, "network-partition", "A standby parted from the primary")];
    private static readonly DrillItem[] Dependency = [new(DrillItemKind.Test, "dependencies", "Everything that the target's services need is healthy"), new(DrillItemKind.Experiment, "cache-kill", "A cache dies and comes back")];
    private static readonly DrillItem[] Performance = [new(DrillItemKind.Test, "capacity", "The target can carry the load"), new(DrillItemKind.Test, "load", "Customers are served under load"), new(DrillItemKind.Test, "stress", "Customers are served under stress")];
    private static readonly DrillItem[] Compliance =
    [
        new(DrillItemKind.Test, "residency", "The target lies in the data's zones"), new(DrillItemKind.Test, "copies-residency", "Copies of backups lie in the data's zones"),
        new(DrillItemKind.Test, "audit-chain", "The audit record is intact"), new(DrillItemKind.Test, "contacts", "People can be called"),
    ];

    public static IReadOnlyList<DrillItem> Of(DrillSuite suite) => suite switch
    {
        DrillSuite.Smoke => Smoke,
        DrillSuite.DatabaseFailover => [Smoke[0], Smoke[1], .. Move],
        DrillSuite.BackupRestore => Backups,
        DrillSuite.Network => Network,
        DrillSuite.Dependency => Dependency,
        DrillSuite.Performance => Performance,
        DrillSuite.Compliance => Compliance,
        _ => [.. Smoke, .. Dependency, .. Network, .. Performance, .. Compliance, .. Backups, .. Move],
    };

    public static string Title(DrillSuite suite) => suite switch
    {
        DrillSuite.Smoke => "Smoke drill",
        DrillSuite.DatabaseFailover => "Database failover drill",
        DrillSuite.BackupRestore => "Backup restore drill",
        DrillSuite.Network => "Network drill",
        DrillSuite.Dependency => "Dependency drill",
        DrillSuite.Performance => "Performance drill",
        DrillSuite.Compliance => "Compliance drill",
        _ => "Full drill",
    };

    public static Severity Severity(DrillSuite suite) => suite switch
    {
        DrillSuite.Full => Operations.Severity.High,
        DrillSuite.DatabaseFailover or DrillSuite.Network or DrillSuite.Dependency => Operations.Severity.Medium,
        _ => Operations.Severity.Low,
    };

    public static bool Disrupts(DrillSuite suite) => Of(suite).Any(i => i.Kind is DrillItemKind.Experiment or DrillItemKind.Move);

    /// <summary>How much a suite's proof weighs in the readiness of a pair.</summary>
    public static double Weight(DrillSuite suite) => suite switch { DrillSuite.DatabaseFailover or DrillSuite.Full => 4, DrillSuite.BackupRestore => 3, DrillSuite.Network or DrillSuite.Performance => 2, _ => 1 };

    /// <summary>In camelCase, with dashes or as one word.</summary>
    public static DrillSuite? Parse(string word) =>
        word.Length > 0 && !char.IsAsciiDigit(word[0]) && Enum.TryParse<DrillSuite>(word.Replace("-", "", StringComparison.Ordinal), ignoreCase: true, out var suite) && Enum.IsDefined(suite) ? suite : null;

    public static string Words => string.Join(", ", Enum.GetNames<DrillSuite>().Select(JsonNamingPolicy.CamelCase.ConvertName));
}
