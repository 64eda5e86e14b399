using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Tests.Health;

public class TelemetryTests
{
    private static readonly DateTimeOffset Hour = new(TimeProvider.System.GetUtcNow().Ticks / TimeSpan.TicksPerHour * TimeSpan.TicksPerHour, TimeSpan.Zero);

    [Fact]
    public async Task TryFlush_SamplesMetricsTransitions_AreStored()
    {
        await using var t = await TelemetryDatabase.CreateAsync(Hour, ("api", ServiceTier.High));
        t.Buffer.Record(new ProbeSample(0, Hour, ProbeOutcome.ServerError, 1500, 503));
        t.Buffer.Record("cluster:orders:rpoSeconds", Hour, 0.25);
        t.Buffer.Record("cluster:orders:rpoSeconds", Hour, double.NaN);
        t.Buffer.Record(new Transition(Hour, "service", "api", HealthStatus.Healthy, HealthStatus.Failed, "down: HTTP 503"));

        Assert.True(await t.Writer.TryFlushAsync(default));

        Assert.Equal(503, await t.ScalarAsync<short>("SELECT status FROM telemetry.sample WHERE outcome = 4 AND duration_us = 1500"));
        Assert.Equal(1, await t.ScalarAsync<long>("SELECT count(*) FROM telemetry.metric WHERE value = 0.25"));
        Assert.Equal("failed", await t.ScalarAsync<string>("SELECT to_status FROM telemetry.transition WHERE key = 'api'"));
    }

    [Fact]
    public async Task TryFlush_DatabaseAway_KeepsEverythingAndWritesItLater()
    {
        await using var t = await TelemetryDatabase.CreateAsync(Hour, ("api", ServiceTier.High));
        await t.Database.ExecuteAsSuperuserAsync("ALTER TABLE telemetry.sample RENAME TO away");
        t.Buffer.Record(new ProbeSample(0, Hour, ProbeOutcome.Success, 1000));
        Assert.False(await t.Writer.TryFlushAsync(default));
        t.Buffer.Record(new ProbeSample(0, Hour.AddSeconds(1), ProbeOutcome.Success, 1000));
        Assert.False(await t.Writer.TryFlushAsync(default));
        Assert.True(t.Writer.StoredUpTo < Hour);

        await t.Database.ExecuteAsSuperuserAsync("ALTER TABLE telemetry.away RENAME TO sample");
        Assert.True(await t.Writer.TryFlushAsync(default));
        Assert.Equal(2, await t.ScalarAsync<long>("SELECT count(*) FROM telemetry.sample"));
    }

    [Fact]
    public async Task CatchUp_Minutes_HoldExactCountsAndPercentilesWithinTwoPercent()
    {
        await using var t = await TelemetryDatabase.CreateAsync(Hour, ("api", ServiceTier.High));
        for (var second = 0; second < 120; second++)
            t.Buffer.Record(new ProbeSample(0, Hour.AddSeconds(second - 3600), second % 10 == 0 ? ProbeOutcome.Timeout : ProbeOutcome.Success, (second + 1) * 1000));
        await t.Writer.TryFlushAsync(default);
        await t.RollUp.CatchUpAsync(Hour.AddSeconds(-3480).UtcDateTime, default);

        Assert.Equal(2, await t.ScalarAsync<long>("SELECT count(*) FROM telemetry.minute"));
        Assert.Equal(60, await t.ScalarAsync<int>("SELECT count FROM telemetry.minute ORDER BY at LIMIT 1"));
        Assert.Equal(6, await t.ScalarAsync<int>("SELECT errors FROM telemetry.minute ORDER BY at LIMIT 1"));
        Assert.InRange(await t.ScalarAsync<float>("SELECT p50 FROM telemetry.minute ORDER BY at LIMIT 1"), 30 * .95f, 32 * 1.05f);
    }

    [Fact]
    public async Task CatchUp_DoneTwice_ChangesNothing()
    {
        await using var t = await TelemetryDatabase.CreateAsync(Hour, ("api", ServiceTier.High));
        for (var second = 0; second < 60; second++)
            t.Buffer.Record(new ProbeSample(0, Hour.AddSeconds(second - 3600), ProbeOutcome.Success, 1000));
        await t.Writer.TryFlushAsync(default);
        await t.RollUp.CatchUpAsync(Hour.UtcDateTime, default);
        await t.Database.ExecuteAsSuperuserAsync("UPDATE telemetry.watermark SET upto = upto - interval '2 hours'");
        await t.RollUp.CatchUpAsync(Hour.UtcDateTime, default);
        Assert.Equal(60, await t.ScalarAsync<long>("SELECT sum(count) FROM telemetry.minute"));
        Assert.Equal(60, await t.ScalarAsync<long>("SELECT sum(count) FROM telemetry.hour"));
    }

    [Fact]
    public async Task Read_AcrossRolledUpAndRaw_CountsEverySampleOnce()
    {
        await using var t = await TelemetryDatabase.CreateAsync(Hour.AddMinutes(10), ("api", ServiceTier.High));
        var from = Hour.AddHours(-2);
        for (var at = from; at < Hour.AddMinutes(10); at = at.AddSeconds(5))
            t.Buffer.Record(new ProbeSample(0, at, ProbeOutcome.Success, 20_000));
        await t.Writer.TryFlushAsync(default);
        await t.RollUp.CatchUpAsync(Hour.AddMinutes(7.5).UtcDateTime, default);
        Assert.Equal(Hour.AddMinutes(7).UtcDateTime, await t.ScalarAsync<DateTime>("SELECT upto FROM telemetry.watermark WHERE level = 'minute'"));
        Assert.Equal(Hour.UtcDateTime, await t.ScalarAsync<DateTime>("SELECT upto FROM telemetry.watermark WHERE level = 'hour'"));

        foreach (var (points, resolution) in new[] { (500, "minute"), (10, "minute") })
        {
            var series = Assert.Single(await t.History.ReadAsync(new HistoryQuery(HistoryMetric.ResponseTime, ["api"], from, Hour.AddMinutes(10), points)));
            Assert.Equal(resolution, series.Resolution);
            Assert.Equal(130 * 12, series.Points.Sum(p => p.Count));
            Assert.True(series.Points.Count <= points + 1);
            Assert.All(series.Points, p => Assert.InRange(p.Value!.Value, 19.5, 20.5));
        }
    }

    [Fact]
    public async Task Read_Hole_BreaksTheLine()
    {
        await using var t = await TelemetryDatabase.CreateAsync(Hour, ("api", ServiceTier.High));
        for (var minute = 0; minute < 60; minute++)
            if (minute is < 20 or > 30)
                t.Buffer.Record(new ProbeSample(0, Hour.AddMinutes(minute - 60), ProbeOutcome.Success, 1000));
        await t.Writer.TryFlushAsync(default);
        await t.RollUp.CatchUpAsync(Hour.UtcDateTime, default);
        var points = (await t.History.ReadAsync(new HistoryQuery(HistoryMetric.Availability, ["api"], Hour.AddHours(-1), Hour, 100)))[0].Points;
        Assert.Equal(49, points.Count(p => p.Value == 100));
        Assert.Equal(Hour.AddMinutes(-40), Assert.Single(points, p => p.Value is null).At);
    }

    [Fact]
    public async Task Read_MetricOfALink_IsItsMean()
    {
        await using var t = await TelemetryDatabase.CreateAsync(Hour);
        for (var second = 0; second < 60; second++)
            t.Buffer.Record("link:orders:east>west:lagSeconds", Hour.AddSeconds(second - 60), second % 2);
        await t.Writer.TryFlushAsync(default);
        await t.RollUp.CatchUpAsync(Hour.UtcDateTime, default);
        var point = Assert.Single((await t.History.ReadAsync(new HistoryQuery(HistoryMetric.ReplicationLagSeconds, ["orders:east>west"], Hour.AddHours(-3), Hour, 100)))[0].Points);
        Assert.Equal(0.5, point.Value!.Value, 0.001);
        Assert.Equal(1, point.Max!.Value, 0.001);
        Assert.Equal(60, point.Count);
    }

    [Fact]
    public async Task Read_UnknownKey_IsEmptyNotAnError()
    {
        await using var t = await TelemetryDatabase.CreateAsync(Hour);
        Assert.Empty(Assert.Single(await t.History.ReadAsync(new HistoryQuery(HistoryMetric.Rpo, ["orders"], Hour.AddDays(-300), Hour))).Points);
    }

    [Fact]
    public async Task Expire_OldPartitions_AreDroppedByTheLeastPrivilegedRole()
    {
        await using var t = await TelemetryDatabase.CreateAsync(Hour);
        await t.ScalarAsync<object>("SELECT telemetry.cover(now() - interval '20 days', now())");
        var before = await t.ScalarAsync<long>("SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry.sample'::regclass");
        await t.ScalarAsync<int>("SELECT telemetry.expire(7, 30, 400, 3650)");
        Assert.Equal(before - 13, await t.ScalarAsync<long>("SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry.sample'::regclass"));
        Assert.Equal(23, await t.ScalarAsync<long>("SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry.minute'::regclass"));
    }
}
