using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups.Stores;

/// <summary>Until when stores refuse to delete a backup, by what the repositories declare.</summary>
public static class ObjectLocks
{
    /// <summary>The last object is put after the backup's end is noted, by a clock that may differ.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(10);

    /// <returns>null: nothing locks it. What pgBackRest writes is not written under the repository's declaration.</returns>
    public static DateTimeOffset? Until(FleetOptions fleet, Backup backup)
    {
        if (backup.Engine is not (BackupEngines.Streaming or BackupEngines.PgDump or BackupEngines.Configuration)) return null;
        var days = backup.Copies.Where(c => c.Label.Length > 0 && c.State != CopyState.Expired).Select(c => fleet.BackupRepositories.Find(r => r.Id == c.Repository) is { ObjectLock: true, RetainDays: var d } ? d : 0).DefaultIfEmpty(0).Max();
        return days > 0 ? backup.EndedAt.AddDays(days) + Margin : null;
    }
}
