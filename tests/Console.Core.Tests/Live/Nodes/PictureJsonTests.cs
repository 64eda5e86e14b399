using System.Collections.Immutable;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Live.Nodes;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Live.Nodes;

public class PictureJsonTests
{
    [Fact]
    public void Read_WhatWasWritten_IsTheSamePicture()
    {
        var at = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);
        ImmutableArray<ILiveEntity> changed = [
            new RegionState("east", RegionRole.Primary, HealthStatus.Degraded, 91.5, null, at, at, "why", 3),
            new ServiceState("api", "east", ServiceKind.Api, ServiceTier.High, HealthStatus.Healthy, 1, 2, 3, 0, 0, 0, null, 100, at, at, "fine",
                [new NodeState("a", "h:1", 100, HealthStatus.Healthy)], ImmutableSortedDictionary<string, double>.Empty.Add("x", 1.5), CircuitState.HalfOpen, 9),
            new ClusterState("orders", HealthStatus.Healthy, "east", 4, true, at, 99.9, 0.3, null, "detection", null,
                [new ClusterNodeState("east", NodeRole.Primary, true, 4, "0/1", null, null, at, null)], [new SlotState("east", "west", true, 10, "reserved")], ["drift"], "ok", 2),
            new LinkState("orders", "east", "west", HealthStatus.Healthy, "streaming", "quorum", 0, 0.1, null, 5, at, "ok", 1),
            new LatencyState("console", "east", 1.25, 0, at, 1),
            new ComponentState("telemetry", HealthStatus.Unknown, "", null, 1),
            new ReadinessState("orders", "east", "west", true, [new PreflightCheck("lag-within-rpo", CheckVerdict.Warning, "1 s", "300 s", "why")], 0.5, 0, null, 40, 0.01, at, 3)];
        var batch = new ChangeBatch(7, 42, at, HealthStatus.Critical, changed) { RemovedLinks = ["orders:west>east"] };

        var read = PictureJson.Read(PictureJson.Write(batch));

        Assert.Equal((batch.Epoch, batch.Sequence, batch.At, batch.Overall), (read.Epoch, read.Sequence, read.At, read.Overall));
        Assert.Equal(batch.RemovedLinks, read.RemovedLinks);
        Assert.Equal(changed.Length, read.Changed.Length);
        foreach (var (before, after) in changed.Zip(read.Changed))
            Assert.Equivalent(before, after, strict: true);
    }
}
