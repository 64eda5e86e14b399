using OpsConsole.Core.Approvals;

namespace OpsConsole.Web.Components.Layout;

/// <param name="Policy">Entry of <see cref="Policies"/> that the page needs; without it the link is not shown.</param>
/// <param name="OnBar">Also on the bottom bar of a phone; at most four are.</param>
public sealed record NavigationEntry(string Href, string Text, string Icon, string Policy, bool OnBar = false);

/// <summary>A group of links under a heading.</summary>
public sealed record NavigationGroup(string Title, IReadOnlyList<NavigationEntry> Entries);

/// <summary>Every page of the console in the order of the rail. A new capability adds its pages here.</summary>
public static class ConsoleNavigation
{
    public static IReadOnlyList<NavigationGroup> Groups { get; } =
    [
        new("Fleet",
        [
            new("", "Overview", "overview", Policies.ViewFleet, OnBar: true),
            new("regions", "Regions", "region", Policies.ViewFleet, OnBar: true),
            new("services", "Services", "service", Policies.ViewFleet, OnBar: true),
            new("replication", "Replication", "replication", Policies.ViewFleet, OnBar: true),
        ]),
        new("Action",
        [
            new("failover", "Failover", "failover", Policies.ViewFleet),
            new("backups", "Backups", "backup", Policies.ViewFleet),
            new("restore", "Restore", "restore", Policies.ViewFleet),
            new("drills", "Drills", "status", Policies.ViewFleet),
            new("chaos", "Chaos", "experiment", Policies.ViewFleet),
            new("operations", "Operations", "operation", Policies.ViewFleet),
            new("approvals", "Approvals", "approval", Policies.ViewFleet),
            new("maintenance", "Maintenance", "silence", Policies.ViewFleet),
        ]),
        new("Assurance",
        [
            new("objectives", "Objectives", "objective", Policies.ViewFleet),
            new("history", "History", "history", Policies.ViewFleet),
        ]),
        new("Administration",
        [
            new("users", "Users", "people", Policies.ManageUsers),
            new("audit", "Audit", "audit", Policies.ReadAudit),
            new("settings", "Settings", "settings", Policies.ManageSettings),
        ]),
    ];
}
