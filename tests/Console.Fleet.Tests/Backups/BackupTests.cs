using System.Globalization;
using System.Text.Json.Nodes;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Backups.Restoring;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;
using static OpsConsole.Fleet.Tests.Backups.BackupKit;

namespace OpsConsole.Fleet.Tests.Backups;

/// <summary>Backups by pgBackRest of the embedded fleet's database into the stores of two regions, and what comes back from them.</summary>
public sealed class BackupTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Fact]
    public async Task Backup_FullAndIncremental_ProvenAndRestoredToAMomentAcrossASwitchover()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        await ExecuteAsync(fleet.WriteEndpoint, "DROP TABLE IF EXISTS moments; CREATE TABLE moments (n int, at timestamptz DEFAULT clock_timestamp())");

        var full = await console.BackupAsync("full");
        var incremental = await console.BackupAsync("incremental");
        Assert.Equal((BackupType.Full, BackupState.Verified), (full.Type, full.State));
        Assert.Equal((BackupType.Incremental, full.Id), (incremental.Type, incremental.BaseId!.Value));
        Assert.Equal(["us-east-1", "us-west-2"], incremental.Copies.Where(c => c.State == CopyState.Verified).Select(c => c.Region).Order());
        Assert.True(incremental.SizeBytes > 0 && incremental.StoredBytes < full.StoredBytes);
        Assert.Contains("replay on the standby reached", string.Concat(LiveFleet.Regions.Except([console.Primary]).Select(r => Path.Combine(fleet.SiteFile(r, "pgbackrest-log"), "orders-backup.log")).Where(File.Exists).Select(File.ReadAllText)), StringComparison.Ordinal);

        var proof = await console.ProveAsync(incremental);
        var proven = await console.Get<IBackupCatalogue>().NewestProvenAsync("orders");
        Assert.Equal(incremental.Id, proven!.Id);
        Assert.True(proven.RestoreSeconds > 0);
        Assert.Contains(proof.Result["findings"]!.AsArray(), f => f!["name"]!.GetValue<string>() == "pg_amcheck");
        Assert.Empty(await console.Get<Instances>().AllAsync(CancellationToken.None));

        // A row before the move, a move, a row after it, the moment, and one too late.
        await ExecuteAsync(fleet.WriteEndpoint, "INSERT INTO moments VALUES (1)");
        await console.MoveAsync();
        await ExecuteAsync(fleet.WriteEndpoint, "INSERT INTO moments VALUES (2)");
        var moment = await fleet.AskAsync<DateTime>(fleet.WriteEndpoint, "SELECT clock_timestamp()");
        await ExecuteAsync(fleet.WriteEndpoint, "INSERT INTO moments VALUES (3)");
        // The other engine's log is seconds behind and gets there first: this one's must be brought all the same.
        await console.LogReachesAsync("streaming", moment);

        var restored = await console.RestoreAsync(moment);
        Assert.Equal("1,2", await fleet.AskAsync<string>(Instance(restored), "SELECT string_agg(n::text, ',' ORDER BY n) FROM moments"));
        Assert.InRange(restored.Result["measuredRpoSeconds"]!.GetValue<double>(), 0, 30);
        var range = await console.Get<IBackupCatalogue>().RangeAsync("orders");
        Assert.True(range!.To >= moment.ToUniversalTime(), $"{range} does not reach {moment:O}");
        Assert.NotEmpty(range.Forks);

        await console.DiscardAsync(restored);
        Assert.Empty(await console.Get<Instances>().AllAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Verify_RepositoryDamaged_FailsWithTheCopyAndTheRemedy()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var backup = await console.BackupAsync("full");
        Damage("us-west-2", backup.Copies.Single(c => c.Region == "us-west-2").Label);

        var verification = await console.RunAsync(BackupKinds.Verify, new() { ["backupId"] = backup.Id.ToString() });

        Assert.Equal(OperationState.Failed, verification.State);
        Assert.Contains("us-west-2-store did not pass", verification.EndReason, StringComparison.Ordinal);
        Assert.Contains("take a new full backup", verification.EndReason, StringComparison.Ordinal);
        var after = (await console.Get<IBackupCatalogue>().FindAsync(backup.Id))!;
        Assert.Equal(BackupState.Taken, after.State);
        Assert.Equal(CopyState.Failed, after.Copies.Single(c => c.Region == "us-west-2").State);

        // The other copy still restores.
        Damage("us-west-2", backup.Copies.Single(c => c.Region == "us-west-2").Label);
        var restored = await console.RestoreAsync(null, backup);
        Assert.Equal("us-east-1-store", restored.Result["repository"]!.GetValue<string>());
        await console.Get<OperationService>().RollBackAsync(restored.Id, "seen", Core.Approvals.Person.Console);
        await Eventually.TrueAsync(async () => (await console.Get<Instances>().AllAsync(CancellationToken.None)).Count == 0, "the instance is gone", TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Restore_InPlaceAndTakenBack_HasTheMomentThenTheOldDataAndItsLogGoesOnPastAMove()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        await ExecuteAsync(fleet.WriteEndpoint, "DROP TABLE IF EXISTS mistakes; CREATE TABLE mistakes (n int)");
        await ExecuteAsync(fleet.WriteEndpoint, "INSERT INTO mistakes VALUES (1)");
        await console.BackupAsync("full");
        var moment = await fleet.AskAsync<DateTime>(fleet.WriteEndpoint, "SELECT clock_timestamp()");
        await ExecuteAsync(fleet.WriteEndpoint, "INSERT INTO mistakes VALUES (2)");
        var region = console.Primary;
        var request = new JsonObject { ["cluster"] = "orders", ["targetTime"] = moment.ToString("O", CultureInfo.InvariantCulture), ["destination"] = "inPlace" };
        var preview = await console.Get<OperationService>().PreviewAsync(BackupKinds.Restore, request);
        Assert.True(preview.Approval.Required);

        var restored = await console.SucceedAsync(BackupKinds.Restore, request);

        await console.SettledAsync(region);
        Assert.Equal("1", await fleet.AskAsync<string>(fleet.Node(region), "SELECT string_agg(n::text, ',' ORDER BY n) FROM mistakes"));
        Assert.Equal(3, restored.Result["standbys"]!.GetValue<int>());
        Assert.InRange(restored.Result["measuredRtoSeconds"]!.GetValue<double>(), 0.1, restored.Result["restoreSeconds"]!.GetValue<double>() + 60);
        Assert.InRange(restored.Result["measuredRpoSeconds"]!.GetValue<double>(), 0.1, 600); // what was written since the target
        Assert.True(restored.Result["newestRowAt"]!.GetValue<DateTimeOffset>() <= moment.AddSeconds(1), restored.Result.ToJsonString());
        Task<int> TimelineAsync(string of) => fleet.AskAsync<int>(fleet.Node(of), "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int");
        var branch = await TimelineAsync(region);

        var back = await console.Get<OperationService>().SubmitAsync(new OperationRequest(BackupKinds.Restore,
            new() { ["cluster"] = "orders", ["destination"] = "takeBack", ["operation"] = restored.Id.ToString(), ["region"] = region }, "test") { StandingApproval = true }, Core.Approvals.Person.Console);
        var ended = await console.EndAsync(back.OperationId, TimeSpan.FromMinutes(2));
        Assert.True(ended.State == OperationState.Succeeded, await console.StoryAsync(ended));
        await console.SettledAsync(region);
        Assert.Equal("1,2", await fleet.AskAsync<string>(fleet.Node(region), "SELECT string_agg(n::text, ',' ORDER BY n) FROM mistakes"));

        // The branch that was left keeps its timeline's number to itself: log of it is in the stores.
        Assert.True(await TimelineAsync(region) > branch, "a timeline past the branch's");
        await console.MoveAsync();
        var after = await fleet.AskAsync<DateTime>(fleet.WriteEndpoint, "SELECT clock_timestamp()");
        await ExecuteAsync(fleet.WriteEndpoint, "INSERT INTO mistakes VALUES (3)");
        await console.LogReachesAsync("streaming", after);
        Assert.False(console.Get<WalStreamStates>().Of("orders")!.Gap, "nothing of the log is missing");
    }

    // Overwrites the middle of every object of a backup set.
    private void Damage(string region, string label)
    {
        var store = Path.Combine(sandbox.Place.Directory, "sites", region, "storage", "backups");
        var damaged = 0;
        foreach (var description in Directory.GetFiles(store, "*.json"))
        {
            var key = JsonNode.Parse(File.ReadAllText(description))!["Key"]!.GetValue<string>();
            if (!key.Contains($"/{label}/bundle/", StringComparison.Ordinal)) continue;
            using var data = File.OpenWrite(Path.ChangeExtension(description, ".data"));
            data.Position = data.Length / 2;
            data.Write(new byte[64]);
            damaged++;
        }
        Assert.True(damaged > 0, $"no object of {label} in {store}");
    }
}
