using System.Text.Json.Nodes;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Topology;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Sandbox;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Fleet.Tests.Failover;

public sealed class TopologyTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    private const string Node = "ap-southeast-1";

    [Fact]
    public async Task Standby_RepointedLostDroppedAndCopiedAfresh_StreamsAgainAndItsSlotsFollow()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var primary = console.Primary;
        var other = LiveFleet.Regions.First(r => r != primary && r != Node);

        await SucceedsAsync(console, TopologyAction.Repoint, other);
        Assert.Equal(fleet.Ports.Via(Node, other, "postgres"), await SenderAsync(fleet));
        Assert.Equal(1, await SlotsAsync(fleet, other, active: true));
        await SucceedsAsync(console, TopologyAction.Repoint, primary);
        Assert.Equal(fleet.Ports.Via(Node, primary, "postgres"), await SenderAsync(fleet));

        // A new machine: nothing but its own configuration files.
        var data = fleet.Data(Node);
        await Command.RequireAsync(["sh", "-c", $"mkdir -p {data}.keep && cp -p {data}/postgresql.conf {data}/sandbox.conf {data}/pg_hba.conf {data}.keep/"]);
        await fleet.SignalAsync(Node, "KILL");
        await Command.RequireAsync(["rm", "-rf", data]);
        await Eventually.TrueAsync(() => console.Picture.Clusters["orders"].Nodes.Any(n => n.Region == Node && !n.Reachable)
            && console.Picture.Clusters["orders"].Slots.All(s => s.Name != "ap_southeast_1" || !s.Active), "the loss is seen");
        await SucceedsAsync(console, TopologyAction.DropSlots, null);
        foreach (var region in LiveFleet.Regions.Where(r => r != Node)) Assert.Equal(0, await SlotsAsync(fleet, region, active: false));
        await SucceedsAsync(console, TopologyAction.AddStandby, primary);
        Assert.Equal(1, await SlotsAsync(fleet, primary, active: true));
        await console.SettledAsync(primary);
    }

    [Fact]
    public async Task Rejoin_RewindFails_MakesAFreshCopy()
    {
        var fleet = LiveFleet.Of(sandbox);
        var number = LiveFleet.Regions.ToList().IndexOf(Node);
        await using var console = await FailoverConsole.StartAsync(fleet, ($"Fleet:Regions:{number}:Shell:Commands:postgres.rewind", "echo cannot rewind; exit 1"));
        await console.SettledAsync();
        await fleet.SignalAsync(Node, "KILL");
        await Eventually.TrueAsync(() => console.Picture.Clusters["orders"].Nodes.Any(n => n.Region == Node && !n.Reachable), "the loss is seen");
        var story = await SucceedsAsync(console, TopologyAction.Rejoin, console.Primary);
        Assert.Contains("cannot be rewound: a fresh copy is made from " + console.Primary + ". (cannot rewind)", story, StringComparison.Ordinal);
        await console.SettledAsync();
    }

    /// <summary>A rewind of data that is on the same timeline changes nothing, so the setting that ends the server stays.</summary>
    [Fact]
    public async Task Rejoin_RewoundTwiceAndStillNotStreaming_MakesAFreshCopy()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        await console.Get<NodeHost>().StopAsync("orders", Node, TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => console.Picture.Clusters["orders"].Nodes.Any(n => n.Region == Node && !n.Reachable), "the loss is seen");
        await File.AppendAllTextAsync(Path.Combine(fleet.Data(Node), "postgresql.auto.conf"), "recovery_target = 'immediate'\nrecovery_target_action = 'shutdown'\n");

        var story = await SucceedsAsync(console, TopologyAction.Rejoin, console.Primary);

        Assert.Equal(2, story.Split("was rewound to where it parted").Length - 1);
        Assert.Contains("does not stream though it was rewound: a fresh copy is made", story, StringComparison.Ordinal);
        await console.SettledAsync();
    }

    /// <summary>What a console leaves that dies during a rewind, or between it and the start. Begun again, the rewind would recover that as if it were a primary.</summary>
    [Theory]
    [InlineData(".rewinding")]
    [InlineData("/backup_label")]
    public async Task Rejoin_ARewindWasBegunBefore_MakesAFreshCopyAndLeavesNoMark(string mark)
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        await fleet.SignalAsync(Node, "KILL");
        await Eventually.TrueAsync(() => console.Picture.Clusters["orders"].Nodes.Any(n => n.Region == Node && !n.Reachable), "the loss is seen");
        await File.WriteAllTextAsync(fleet.Data(Node) + mark, "");

        var story = await SucceedsAsync(console, TopologyAction.Rejoin, console.Primary);

        Assert.Contains("cannot be rewound: a fresh copy is made", story, StringComparison.Ordinal);
        Assert.False(File.Exists(fleet.Data(Node) + mark));
        await console.SettledAsync();
    }

    private static async Task<string> SucceedsAsync(FailoverConsole console, TopologyAction action, string? upstream)
    {
        var operation = await console.RunAsync(TopologyPlanner.KindName, new JsonObject { ["cluster"] = "orders", ["action"] = action.ToString(), ["region"] = Node, ["upstream"] = upstream });
        var story = await console.StoryAsync(operation);
        TestContext.Current.TestOutputHelper?.WriteLine(story);
        Assert.True(operation.State == OperationState.Succeeded, story);
        return story;
    }

    private static Task<int> SenderAsync(LiveFleet fleet) => fleet.AskAsync<int>(fleet.Node(Node), "SELECT sender_port FROM pg_stat_wal_receiver");

    private static async Task<long> SlotsAsync(LiveFleet fleet, string region, bool active) =>
        await fleet.AskAsync<long>(fleet.Node(region), $"SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'ap_southeast_1'{(active ? " AND active" : "")}");
}
