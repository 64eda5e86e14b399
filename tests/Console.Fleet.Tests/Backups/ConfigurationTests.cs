using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Backups;

/// <summary>How the embedded fleet's servers are configured, stored in two regions while one node is gone; checked, and refused as a source of data.</summary>
[Collection(SharedFleet.Backups)]
public sealed class ConfigurationTests(SandboxFixture sandbox)
{
    [Fact]
    public async Task Backup_Configuration_IsCheckedNamesTheNodeThatIsGoneAndStandsInForNoData()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var data = await console.Get<BackupCatalogue>().NewestVerifiedAsync("orders");
        var gone = LiveFleet.Regions.Last(r => r != console.Primary);
        await fleet.SignalAsync(gone, "STOP");
        Backup backup;
        try
        {
            backup = await console.BackupAsync("configuration");
        }
        finally
        {
            await fleet.SignalAsync(gone, "CONT");
        }

        Assert.Equal((BackupType.Configuration, BackupState.Verified, "configuration"), (backup.Type, backup.State, backup.Engine));
        Assert.Equal(["us-east-1", "us-west-2"], backup.Copies.Select(c => c.Region).Order());
        Assert.All(backup.Copies, c => Assert.Contains($"not in it: {gone}", c.Detail, StringComparison.Ordinal));
        Assert.Equal(data?.Id, (await console.Get<BackupCatalogue>().NewestVerifiedAsync("orders"))?.Id);
        await console.ProveAsync(backup);
        Assert.Equal(BackupState.Verified, (await console.FoundAsync(backup.Id)).State);
        foreach (var destination in new[] { "new", "inPlace" })
        {
            var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => console.RunAsync(BackupKinds.Restore,
                new() { ["cluster"] = "orders", ["backupId"] = backup.Id.ToString(), ["destination"] = destination }, TimeSpan.FromMinutes(1)));
            Assert.Contains("holds no data", refused.Message, StringComparison.Ordinal);
        }
    }
}
