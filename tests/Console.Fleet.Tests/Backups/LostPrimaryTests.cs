using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;
using static OpsConsole.Fleet.Tests.Backups.BackupKit;

namespace OpsConsole.Fleet.Tests.Backups;

/// <summary>The primary is killed while a backup reads it.</summary>
public sealed class LostPrimaryTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Theory]
    [InlineData(BackupEngines.PgBackRest, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [backup]%'")]
    [InlineData(BackupEngines.Streaming, "SELECT count(*) FROM pg_stat_progress_basebackup")]
    public async Task Failover_WhileABackupRuns_IsNotHeldUpAndTheNextBackupSucceeds(string engine, string reading)
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var lost = console.Primary;
        await ExecuteAsync(fleet.WriteEndpoint, "DROP TABLE IF EXISTS bulk; CREATE TABLE bulk AS SELECT g, md5(random()::text) || md5(random()::text) AS t FROM generate_series(1, 1000000) g"); // so that it takes seconds
        await console.SettledAsync();
        await console.ArmedAsync();
        var backup = (await console.Get<OperationService>().SubmitAsync(new OperationRequest(BackupKinds.Backup, new JsonObject { ["cluster"] = "orders", ["type"] = "full", ["engine"] = engine }, "test") { StandingApproval = true }, Person.Console)).OperationId;
        await Eventually.TrueAsync(async () => (await Task.WhenAll(LiveFleet.Regions.Select(r => fleet.AskAsync<long>(fleet.Node(r), reading)))).Max() > 0, $"{engine} reads", TimeSpan.FromSeconds(30));

        await fleet.SignalAsync(lost, "KILL");

        var failover = await console.EndAsync((await console.FirstFailoverAsync()).Id);
        var ended = await console.EndAsync(backup);
        var story = $"{await console.StoryAsync(failover)}\n{await console.StoryAsync(ended)}";
        TestContext.Current.TestOutputHelper?.WriteLine(story);
        Assert.True(failover.State == OperationState.Succeeded && failover.Result["measuredRtoSeconds"]!.GetValue<double>() < 5, story);
        var target = failover.Result["newPrimaryRegion"]!.GetValue<string>();
        await console.SettledAsync(target);
        // It gives way and leaves nothing; a failover that began beside it, without waiting for the console's own database, may let it end. Then it must be worth something.
        var usable = (await console.Get<IBackupCatalogue>().ListAsync("orders")).Where(b => b.State.IsUsable()).ToList();
        if (ended.State == OperationState.Succeeded) await console.ProveAsync(Assert.Single(usable));
        else Assert.True(usable.Count == 0 && !string.IsNullOrEmpty(ended.EndReason), story);
        await ExecuteAsync(fleet.WriteEndpoint, "DROP TABLE bulk");

        var next = await console.BackupAsync("full", engine);
        Assert.Equal(BackupState.Verified, next.State);
        foreach (var region in LiveFleet.Regions) Assert.Equal(0, await fleet.AskAsync<long>(fleet.Node(region), "SELECT count(*) FROM pg_replication_slots WHERE temporary"));
    }
}
