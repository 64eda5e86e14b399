using System.Globalization;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;
using static OpsConsole.Fleet.Tests.Backups.BackupKit;

namespace OpsConsole.Fleet.Tests.Backups;

/// <summary>The embedded fleet's database dumped from a standby into two regions' stores, proven, and restored; a moment is refused.</summary>
[Collection(SharedFleet.Backups)]
public sealed class LogicalTests(SandboxFixture sandbox)
{
    [Fact]
    public async Task Backup_Logical_IsProvenAndRestoresAsItWasTaken()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        await ExecuteAsync(fleet.WriteEndpoint, "DROP TABLE IF EXISTS dumped; CREATE TABLE dumped AS SELECT generate_series(1, 1000) AS n");

        var backup = await console.BackupAsync("logical");
        Assert.Equal((BackupType.Logical, BackupState.Verified, "pgdump"), (backup.Type, backup.State, backup.Engine));
        Assert.Equal(["us-east-1", "us-west-2"], backup.Copies.Select(c => c.Region).Order());
        await console.ProveAsync(backup);
        Assert.Equal(BackupState.Proven, (await console.FoundAsync(backup.Id)).State);

        var refusal = await Assert.ThrowsAsync<RequestRefusedException>(() => console.RunAsync(BackupKinds.Restore,
            new() { ["cluster"] = "orders", ["backupId"] = backup.Id.ToString(), ["targetTime"] = backup.EndedAt.ToString("O", CultureInfo.InvariantCulture), ["destination"] = "new" }, TimeSpan.FromMinutes(1)));
        Assert.Contains("leave backupId out", refusal.Message, StringComparison.Ordinal);
        await ExecuteAsync(fleet.WriteEndpoint, "DELETE FROM dumped");
        var restored = await console.RestoreAsync(null, backup);

        Assert.Equal(1000, await fleet.AskAsync<long>(Instance(restored), "SELECT count(*) FROM dumped"));
        await console.DiscardAsync(restored);
    }
}
