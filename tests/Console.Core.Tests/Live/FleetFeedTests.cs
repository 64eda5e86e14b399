using OpsConsole.Core.Live;

namespace OpsConsole.Core.Tests.Live;

public class FleetFeedTests
{
    [Fact]
    public void Publish_ReadersKeepUp_AllGetTheSameObject()
    {
        var feed = new FleetFeed();
        using var one = feed.Subscribe();
        using var two = feed.Subscribe();
        var batch = Publish(feed, 1, Component("a", 1));
        Assert.True(one.Batches.TryRead(out var first));
        Assert.True(two.Batches.TryRead(out var second));
        Assert.Same(batch, first);
        Assert.Same(first, second);
        Assert.False(one.Batches.TryRead(out _));
    }

    [Fact]
    public void Publish_SlowReader_GetsOneMergedBatchWithTheNewestOfEach()
    {
        var feed = new FleetFeed();
        using var slow = feed.Subscribe();
        for (var i = 1; i <= 1000; i++)
            Publish(feed, i, Component(i % 2 == 0 ? "even" : "odd", i), new LatencyState("even", "x", i, 0, null, i));
        Assert.True(slow.Batches.TryRead(out var merged));
        Assert.False(slow.Batches.TryRead(out _));
        Assert.Equal(1000, merged.Sequence);
        Assert.Equal(3, merged.Changed.Length);
        Assert.Equal(1000, merged.Changed.Single(e => e.Key == "even").Version);
        Assert.Equal(999, merged.Changed.Single(e => e.Key == "odd").Version);
    }

    [Fact]
    public void Merge_LinkRemovedThenBack_IsThere()
    {
        var feed = new FleetFeed();
        using var slow = feed.Subscribe();
        var link = new LinkState("c", "a", "b", HealthStatus.Healthy, "streaming", null, null, null, null, null, null, "", 1);
        feed.Publish(FleetSnapshot.Empty, Batch(1, link));
        feed.Publish(FleetSnapshot.Empty, Batch(2) with { RemovedLinks = [link.Key] });
        Assert.True(slow.Batches.TryRead(out var gone));
        Assert.Equal([link.Key], gone.RemovedLinks);
        Assert.Empty(gone.Changed);

        feed.Publish(FleetSnapshot.Empty, Batch(3) with { RemovedLinks = [link.Key] });
        feed.Publish(FleetSnapshot.Empty, Batch(4, link));
        Assert.True(slow.Batches.TryRead(out var back));
        Assert.Empty(back.RemovedLinks);
        Assert.Equal(link, Assert.Single(back.Changed));
    }

    [Fact]
    public async Task Subscribe_WhilePublishing_SnapshotAndBatchesLeaveNoGap()
    {
        var feed = new FleetFeed();
        var publishing = Task.Run(() =>
        {
            for (var i = 1; i <= 20_000; i++)
                Publish(feed, i, Component("a", i));
        });
        while (!publishing.IsCompleted)
        {
            using var viewer = feed.Subscribe();
            var seen = viewer.Snapshot.Sequence;
            if (viewer.Batches.TryRead(out var next))
                Assert.True(next.Sequence > seen);
        }
        await publishing;
        using var last = feed.Subscribe();
        Assert.Equal(20_000, last.Snapshot.Components["a"].Version);
    }

    [Fact]
    public async Task Dispose_OfASubscription_EndsItsReader()
    {
        var feed = new FleetFeed();
        var viewer = feed.Subscribe();
        var waiting = viewer.Batches.WaitToReadAsync();
        viewer.Dispose();
        Assert.False(await waiting);
        Publish(feed, 1, Component("a", 1));
        Assert.False(viewer.Batches.TryRead(out _));
    }

    private static ComponentState Component(string name, int version) => new(name, HealthStatus.Healthy, "", null, version);

    private static ChangeBatch Batch(long sequence, params ILiveEntity[] changed) => new(1, sequence, DateTimeOffset.UnixEpoch, HealthStatus.Healthy, [.. changed]);

    private static ChangeBatch Publish(FleetFeed feed, long sequence, params ILiveEntity[] changed)
    {
        var batch = Batch(sequence, changed);
        feed.Publish(Snapshots.Apply(feed.Current, batch), batch);
        return batch;
    }
}
