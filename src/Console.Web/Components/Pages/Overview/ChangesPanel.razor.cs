using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Pages.Overview;

/// <summary>DA-4: what people and machines changed in the last hour, read at most every five seconds for all viewers together.</summary>
public partial class ChangesPanel() : RenewedPanel<IReadOnlyList<ChangeItem>>("changes", TimeSpan.FromSeconds(5))
{
    private const int Most = 12;
    private static readonly HashSet<string> Icons =
        ["status", "failover", "deployment", "experiment", "silence", "configuration", "access", "operation", "approval"];

    [Inject]
    public required RecentChanges Changes { get; set; }

    protected override Task<IReadOnlyList<ChangeItem>> ReadAsync(DateTimeOffset now) => Changes.ReadAsync(now - TimeSpan.FromHours(1), Most);

    private static string IconOf(string kind) => Icons.Contains(kind) ? kind : "info";
}
