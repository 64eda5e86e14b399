using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;

namespace OpsConsole.Core.Tests.Health;

[Collection(Alone)]
public class HistoryOfAYearTests
{
    private const int Services = 100;
    private const string Alone = "alone";

    [Fact]
    public async Task Read_AYearOfAHundredServices_TakesLessThan300Ms()
    {
        var now = TimeProvider.System.GetUtcNow();
        await using var t = await TelemetryDatabase.CreateAsync(now, [.. Enumerable.Range(0, Services).Select(i => ($"s{i}", ServiceTier.Medium))]);
        await t.Ids.ProbesAsync(t.Plan, default);
        // Two thousand other series lie between: a chart must find its own among them. Inserted day by day, as roll-ups do.
        await t.Database.ExecuteAsSuperuserAsync("""
            INSERT INTO telemetry.series (key) SELECT 'other:' || i FROM generate_series(1, 1000) i;
            INSERT INTO telemetry.day (series, at, count, errors, client_errors, server_errors, valued, total, greatest, p50, p95, p99, histogram)
            SELECT s.id, d, 8640, 3, 1, 1, 8640, 8640 * 20.0, 900, 20, 80, 200, decode(repeat('0a01', 60), 'hex')
            FROM generate_series(date_trunc('day', now(), 'UTC') - interval '365 days', date_trunc('day', now(), 'UTC') - interval '1 day', interval '1 day') d, telemetry.series s ORDER BY d, s.id;
            INSERT INTO telemetry.watermark VALUES ('day', date_trunc('day', now(), 'UTC')), ('hour', date_trunc('hour', now())), ('minute', date_trunc('minute', now()));
            """);
        await t.Database.ExecuteAsSuperuserAsync("VACUUM ANALYZE telemetry.day");
        var query = new HistoryQuery(HistoryMetric.ResponseTime, [.. Enumerable.Range(0, Services).Select(i => $"s{i}")], now.AddDays(-365), now);
        await t.History.ReadAsync(query);

        // Processor time, which other work on the machine does not stretch; no other test runs meanwhile.
        var before = Environment.CpuUsage.TotalTime;
        var read = await t.History.ReadAsync(query);
        var took = (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;
        Assert.All(read, s => Assert.Equal(365, s.Points.Count));
        Assert.All(read, s => Assert.Equal("day", s.Resolution));
        TestContext.Current.TestOutputHelper?.WriteLine($"a year of {Services} services: {took:0} ms");
        Assert.True(took < 300, $"took {took:0} ms");
    }

    [CollectionDefinition(Alone, DisableParallelization = true)]
    public sealed class AloneDefinition;
}
