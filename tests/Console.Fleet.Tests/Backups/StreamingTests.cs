using OpsConsole.Core.Backups;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;
using static OpsConsole.Fleet.Tests.Backups.BackupKit;

namespace OpsConsole.Fleet.Tests.Backups;

/// <summary>The embedded fleet's database streamed into another region's store: taken, proven, and restored to a moment from the streamed log.</summary>
[Collection(SharedFleet.Backups)]
public sealed class StreamingTests(SandboxFixture sandbox)
{
    [Fact]
    public async Task Backup_Streamed_IsProvenAndRestoresToAMomentAcrossASwitchover()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        await ExecuteAsync(fleet.WriteEndpoint, "DROP TABLE IF EXISTS streamed; CREATE TABLE streamed (n int)");

        var backup = await console.BackupAsync("full", "streaming");
        Assert.Equal((BackupType.Full, BackupState.Verified, "streaming"), (backup.Type, backup.State, backup.Engine));
        Assert.Equal(["us-west-2"], backup.Copies.Select(c => c.Region));
        await console.ProveAsync(backup);
        Assert.Equal(backup.Id, (await console.Get<IBackupCatalogue>().NewestProvenAsync("orders"))!.Id);

        await ExecuteAsync(fleet.WriteEndpoint, "INSERT INTO streamed VALUES (1)");
        await console.MoveAsync();
        await ExecuteAsync(fleet.WriteEndpoint, "INSERT INTO streamed VALUES (2)");
        var moment = await fleet.AskAsync<DateTime>(fleet.WriteEndpoint, "SELECT clock_timestamp()");
        await ExecuteAsync(fleet.WriteEndpoint, "INSERT INTO streamed VALUES (3)");
        var restored = await console.RestoreAsync(moment, backup);

        Assert.Equal("us-west-2-store", restored.Result["repository"]!.GetValue<string>());
        Assert.Equal("1,2", await fleet.AskAsync<string>(Instance(restored), "SELECT string_agg(n::text, ',' ORDER BY n) FROM streamed"));
        await console.DiscardAsync(restored);
    }
}
