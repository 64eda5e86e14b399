using OpsConsole.Core.Live;

namespace OpsConsole.Fleet.Tests.Observing;

/// <summary>What the console shows of a real cluster: lag that is measured, and nothing dead shown as healthy.</summary>
public sealed class ReplicationTests(ObservedFleet observed) : IClassFixture<ObservedFleet>
{
    private const string Primary = "us-east-1";
    private const string Far = "ap-southeast-1";

    [Fact]
    public async Task WholeFleet_AllStream_HealthyWithTrafficAndRoundTrips()
    {
        await AllIsWellAsync();

        await observed.ShowsAsync(p => p.Links.Count == 3 && p.Links.Values.All(l => l is { Sync: "quorum", Status: HealthStatus.Healthy }), "three links that confirm commits");
        await observed.ShowsAsync(p => p.Regions.Values.Sum(r => r.TrafficPercent ?? 0) is > 99 and < 101, "shares of traffic");
        await observed.ShowsAsync(p => p.Components.Count >= 2 && p.Components.Values.All(c => c.Status == HealthStatus.Healthy), "both traffic managers healthy");
        await observed.ShowsAsync(p => p.Latencies.Count == 16, "round trips: 4 from the console, 12 between regions");
    }

    [Fact]
    public async Task LinkCut_Standby_LagGrowsByTheClockAndEndsWhenMended()
    {
        await AllIsWellAsync();
        var cutAt = TimeProvider.System.GetTimestamp();
        await observed.Fleet.Network.SetPairAsync(Far, Primary, false);
        try
        {
            await observed.ShowsAsync(p => Link(p) is { Status: HealthStatus.Failed, HeartbeatLagSeconds: > 5 }, "the link failed, more than 5 s behind");

            var elapsed = TimeProvider.System.GetElapsedTime(cutAt).TotalSeconds;
            var link = Link(observed.Picture);
            Assert.Equal(LinkDisconnected, link.State);
            Assert.InRange(link.HeartbeatLagSeconds!.Value, 5, elapsed + 1.5);
            Assert.True(link.LagBytes > 0);
            Assert.Equal((HealthStatus.Degraded, true), (observed.Picture.Clusters["orders"].Status, observed.Picture.Clusters["orders"].WriteAvailable));
            Assert.True(observed.Picture.Clusters["orders"].RpoSeconds <= 3, "The other standbys hold everything.");
        }
        finally
        {
            await observed.Fleet.Network.SetPairAsync(Far, Primary, true);
        }
        await AllIsWellAsync();
    }

    [Fact]
    public async Task PrimaryKilled_Cluster_FailedNeverHealthyAndRecoveryIsShown()
    {
        await AllIsWellAsync();
        var node = observed.Fleet.Cluster.Nodes[Primary];
        await OpsConsole.Sandbox.Processes.Command.RunAsync(["sh", "-c", $"kill -KILL {node.Postmaster} $(pgrep -P {node.Postmaster})"]);
        try
        {
            await observed.ShowsAsync(p => p.Clusters["orders"] is { Status: HealthStatus.Failed, WriteAvailable: false, PrimaryRegion: null }, "the cluster failed");

            Assert.Contains(Primary, observed.Picture.Clusters["orders"].Reason);
            Assert.DoesNotContain(observed.Picture.Links.Values, l => l.Status == HealthStatus.Healthy);
            Assert.True(observed.Picture.Clusters["orders"].RpoSeconds < 5, "Nothing is acknowledged any more, so nothing more can be lost.");
        }
        finally
        {
            node.Start();
            await node.WaitReadyAsync(CancellationToken.None);
        }
        await AllIsWellAsync();
    }

    private const string LinkDisconnected = OpsConsole.Core.Replication.LinkAssessment.Disconnected;

    private static LinkState Link(FleetSnapshot picture) => picture.Links[LinkState.KeyOf("orders", Primary, Far)];

    private Task AllIsWellAsync() => observed.ShowsAsync(
        p => p.Clusters.TryGetValue("orders", out var c) && c is { Status: HealthStatus.Healthy, PrimaryRegion: Primary, WriteAvailable: true, RpoSeconds: not null }, "the cluster healthy");
}
