using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Backups;

public static class BackupWords
{
    /// <summary>Green only when it was proven within seven days.</summary>
    public static RenderFragment Mark(Backup backup, DateTimeOffset now, string size = "") => StatusMark.Of(
        backup.IsProven(now) ? HealthStatus.Healthy
        : backup.Shown == BackupState.Failed ? HealthStatus.Failed
        : backup.State == BackupState.Expired ? HealthStatus.Unknown
        : HealthStatus.Degraded,
        backup is { State: BackupState.Proven, IsUsable: true } && !backup.IsProven(now) ? "proof is old" : Say.Word(backup.Shown), size);

    public static RenderFragment Mark(CopyState state) => StatusMark.Of(state switch
    {
        CopyState.Verified => HealthStatus.Healthy,
        CopyState.Failed => HealthStatus.Failed,
        CopyState.Stored => HealthStatus.Degraded,
        _ => HealthStatus.Unknown,
    }, Say.Word(state), "status-small");

    public static RenderFragment Mark(ClusterCoverage cluster) =>
        cluster.Proven is not null ? StatusMark.Of(HealthStatus.Healthy, "proven", "")
        : cluster.Newest is not null ? StatusMark.Of(HealthStatus.Degraded, "not proven within 7 days", "")
        : StatusMark.Of(HealthStatus.Critical, "no backup", "");
}
