using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups;

/// <summary>Holds: in the catalogue, which keeps the console from deleting, and in every store that can hold, which keeps everybody else.</summary>
public sealed class BackupHolds(BackupRecords records, BackupCatalogue catalogue, BackupEngineRegistry engines)
{
    /// <summary>A hold is on record before the stores are asked, a release after: whatever fails in between, the backup is kept. Asking again goes on.</summary>
    /// <exception cref="BackupEngineException">a store did not take it</exception>
    public async Task<Backup> HoldAsync(Guid id, bool hold, string reason, Person person, CancellationToken cancel)
    {
        if (hold)
        {
            var held = await records.HoldAsync(id, true, reason, person, cancel);
            await StoresAsync(held, true, cancel);
            return held;
        }
        if (await catalogue.FindAsync(id, cancel) is { } backup && person.May(Policies.Operate)) await StoresAsync(backup, false, cancel);
        return await records.HoldAsync(id, false, reason, person, cancel);
    }

    private async Task StoresAsync(Backup backup, bool hold, CancellationToken cancel)
    {
        if (engines.Find(backup.Engine) is not { } engine) return;
        try
        {
            await engine.HoldAsync(backup.Cluster, [.. backup.Copies.Where(c => c.Label.Length > 0 && c.State != CopyState.Expired)], hold, cancel);
        }
        catch (BackupEngineException e)
        {
            throw new RequestRefusedException("store", $"{(hold ? "It is held in the catalogue, so the console deletes nothing of it, but a store did not take the hold" : "It is still held: a store did not lift its hold")}. {e.Message} Ask again once that is mended.");
        }
    }
}
