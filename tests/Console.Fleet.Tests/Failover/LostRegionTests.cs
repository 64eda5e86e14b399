using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Sandbox;
using OpsConsole.Sandbox.Layout;
using static OpsConsole.Fleet.Tests.Backups.BackupKit;

namespace OpsConsole.Fleet.Tests.Failover;

/// <summary>A whole region is parted from all others, with its database, its host and its backup repository.</summary>
public sealed class LostRegionTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Fact]
    public async Task Failover_WithTheRegionItsRepositoryIsLost_LogGoesToTheOtherAndToBothAgainWhenItIsBack()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var lost = console.Primary;
        await ArchivesAsync(fleet, console.Primary);
        await console.ArmedAsync();

        await ReachableAsync(lost, false);
        var operation = await console.EndAsync((await console.FirstFailoverAsync()).Id, TimeSpan.FromMinutes(3));

        var story = await console.StoryAsync(operation);
        Assert.True(operation.State == OperationState.Succeeded, story);
        var target = operation.Result["newPrimaryRegion"]!.GetValue<string>();
        foreach (var region in LiveFleet.Regions) Assert.True(BringsLog(fleet, region, lost) == (region == lost), $"{region}\n{story}");
        await ArchivesAsync(fleet, console.Primary);

        await ReachableAsync(lost, true);
        await Eventually.TrueAsync(async () => (await RejoinsAsync(console, lost)).Count > 0, "the region's node rejoins", TimeSpan.FromSeconds(90));
        var rejoined = await console.EndAsync((await RejoinsAsync(console, lost))[^1].Id);
        Assert.True(rejoined.State == OperationState.Succeeded && LiveFleet.Regions.All(r => BringsLog(fleet, r, lost)), $"{await console.StoryAsync(rejoined)}\n{story}");
        await Eventually.TrueAsync(() => console.Primary == target && console.Picture.Clusters["orders"].Nodes.Count(n => n is { Role: NodeRole.Standby, ReceiverStatus: "streaming" }) == 3, "three standbys stream");
        await ArchivesAsync(fleet, target);
    }

    private static async Task<IReadOnlyList<Operation>> RejoinsAsync(FailoverConsole console, string region) =>
        [.. (await console.Get<OperationReader>().ListAsync(OperationKinds.Rejoin)).Where(o => o.Request["region"]!.GetValue<string>() == region)];

    [Fact]
    public async Task Rejoin_OfARegionWhoseRepositoryNeverLeft_ChangesNothing()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var source = console.Primary;
        await console.ArmedAsync();

        await fleet.SignalAsync(source, "KILL"); // its server alone: host and repository answer
        var operation = await console.EndAsync((await console.FirstFailoverAsync()).Id);

        Assert.True(operation.State == OperationState.Succeeded, await console.StoryAsync(operation));
        Assert.All(LiveFleet.Regions, r => Assert.True(BringsLog(fleet, r, source), r));
        await console.SettledAsync(operation.Result["newPrimaryRegion"]!.GetValue<string>());
    }

    [Fact]
    public async Task Reach_OfARegionThatNoLogGoesTo_NothingIsLostWithIt()
    {
        await using var console = await FailoverConsole.StartAsync(LiveFleet.Of(sandbox));
        foreach (var host in LiveFleet.Regions)
        {
            Task<bool> AskAsync(string command, string region) => console.Get<NodeHost>().SucceedsAsync(host, command, new Dictionary<string, string> { ["region"] = region }, TestContext.Current.CancellationToken);
            Assert.True(await AskAsync(LogCommands.Reach, "eu-west-1"), host);
            Assert.False(await AskAsync(LogCommands.Left, "eu-west-1"), host);
            Assert.False(await AskAsync(LogCommands.Leave, "eu-west-1"), host);
        }
    }

    /// <summary>Closes a segment and waits until the archiver has ticked it off: then every repository in use has it.
    /// PostgreSQL's archiver rests for 60 s after three refusals in a row, such as those of the test before: the limit leaves room for one rest.</summary>
    private static async Task ArchivesAsync(LiveFleet fleet, string primary)
    {
        await ExecuteAsync(fleet.WriteEndpoint, "CREATE TABLE IF NOT EXISTS lost_region (n int); INSERT INTO lost_region VALUES (1)");
        var segment = await fleet.AskAsync<string>(fleet.Node(primary), "SELECT pg_walfile_name(pg_switch_wal())");
        var archiver = "";
        await Eventually.TrueAsync(async () =>
        {
            archiver = await fleet.AskAsync<string>(fleet.Node(primary), "SELECT concat_ws(' ', coalesce(last_archived_wal, '-'), last_failed_wal, last_failed_time) FROM pg_stat_archiver");
            return string.CompareOrdinal(archiver!.Split(' ')[0], segment) >= 0;
        }, () => $"{segment} is archived; the archiver: {archiver}", TimeSpan.FromSeconds(100));
    }

    private async Task ReachableAsync(string region, bool reachable)
    {
        foreach (var other in Sites.All.Where(s => s != region))
        {
            await sandbox.Fleet.Network.SetPairAsync(region, other, reachable);
            await sandbox.Fleet.Network.SetPairAsync(other, region, reachable);
        }
    }

    /// <summary>What the settings of the host say.</summary>
    private static bool BringsLog(LiveFleet fleet, string host, string region)
    {
        var numbers = new Dictionary<string, int> { ["us-east-1"] = 1, ["us-west-2"] = 2 };
        return !numbers.TryGetValue(region, out var number) || File.ReadLines(fleet.SiteFile(host, "pgbackrest.conf")).Contains($"repo{number}-type=s3");
    }
}
