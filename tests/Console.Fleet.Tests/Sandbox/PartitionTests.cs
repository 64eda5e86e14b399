using Npgsql;
using OpsConsole.Sandbox;
using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Fleet.Tests.Sandbox;

/// <summary>Cuts each ordered pair of sites, before and after a role change: what crosses it stops, everything else goes on.</summary>
public sealed class PartitionTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    private const string Second = "us-west-2";

    private static readonly string[] First = [Sites.Regions[0].Id];
    private EmbeddedFleet Fleet => sandbox.Fleet;

    [Fact]
    public async Task EachOrderedPair_CutBeforeAndAfterARoleChange_StopsWhatCrossesItAndNothingElse()
    {
        using (var before = new FleetStreams(Fleet, First[0]))
        {
            await CutEachPairAsync(before);
        }

        await MoveToAsync(Second);

        using var after = new FleetStreams(Fleet, Second);
        await CutEachPairAsync(after);
    }

    private async Task CutEachPairAsync(FleetStreams streams)
    {
        await ReachesAsync(streams, [], "all streams work");
        foreach (var (from, to) in Sites.All.SelectMany(f => Sites.All.Where(t => t != f).Select(t => (f, t))))
        {
            var around = OutgoingConnections.AroundTheLinks(Fleet, out var seen);
            Assert.Empty(around);
            Assert.True(seen > 10, $"Only {seen} connections between sites were seen.");

            var expected = streams.Crossing(from, to);
            await Fleet.Network.SetPairAsync(from, to, false);
            await ReachesAsync(streams, expected, $"{from} to {to} is cut");
            if (expected.Count == 0)
            {
                Assert.Empty(await streams.StayingBrokenAsync()); // and it stays so
            }
            await Fleet.Network.SetPairAsync(from, to, true);
            if (expected.Count > 0)
            {
                await ReachesAsync(streams, [], $"{from} to {to} is mended");
            }
        }
    }

    private static async Task ReachesAsync(FleetStreams streams, HashSet<string> expected, string when)
    {
        HashSet<string> broken = [];
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!(broken = await streams.BrokenAsync()).SetEquals(expected))
        {
            Assert.False(deadline.IsCancellationRequested, $"{when}: broken are [{string.Join(", ", broken)}], expected [{string.Join(", ", expected)}]; the last write said: {streams.WriteFailure}");
            await Task.Delay(200);
        }
    }

    // What a switchover does, by hand: the old primary becomes a standby of the new one, everything through its region's links.
    private async Task MoveToAsync(string target)
    {
        var (nodes, cluster) = (Fleet.Cluster.Nodes, Fleet.Cluster);
        await nodes[First[0]].StopAsync(CancellationToken.None);
        await nodes[target].ExecuteAsync("SELECT pg_promote()");
        foreach (var (region, node) in nodes.Where(n => n.Key != target))
        {
            var conninfo = cluster.PrimaryConninfo(region, target);
            if (region == First[0])
            {
                node.ConfigureAutomatic(new Dictionary<string, string?> { ["primary_conninfo"] = conninfo, ["primary_slot_name"] = Sites.Region(region).SqlName });
                node.MakeStandby();
                node.Start();
                await node.WaitReadyAsync(CancellationToken.None);
            }
            else
            {
                await using var connection = new NpgsqlConnection(node.ConnectionString());
                await connection.OpenAsync();
                await using var set = new NpgsqlCommand($"ALTER SYSTEM SET primary_conninfo = '{conninfo}'", connection);
                await set.ExecuteNonQueryAsync();
                await node.ExecuteAsync("SELECT pg_reload_conf()");
            }
        }

        using var streams = new FleetStreams(Fleet, target);
        await streams.RedisAsync(target, "REPLICAOF NO ONE");
        foreach (var region in nodes.Keys.Where(r => r != target))
        {
            await streams.RedisAsync(region, $"REPLICAOF 127.0.0.1 {Fleet.Ports.Via(region, target, Services.Redis)}");
        }
        await HaProxyAsync($"set server orders_write/{First[0]} state maint; set server orders_write/{target} state ready");
    }

    private async Task HaProxyAsync(string command)
    {
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync("127.0.0.1", Fleet.Ports.HaProxyRuntime);
        await client.GetStream().WriteAsync(System.Text.Encoding.ASCII.GetBytes(command + "\n"));
        using var reader = new StreamReader(client.GetStream());
        await reader.ReadToEndAsync();
    }
}
