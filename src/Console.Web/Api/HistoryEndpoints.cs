using Microsoft.AspNetCore.Mvc;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Health;

namespace OpsConsole.Web.Api;

public sealed record HistoryView(HistoryMetric Metric, DateTimeOffset From, DateTimeOffset To, IReadOnlyList<HistorySeries> Series);

public static class HistoryEndpoints
{
    private const int MostKeys = 100;

    public static void MapHistory(this RouteGroupBuilder api) => api.MapGet("/history", ReadAsync).WithTags("Fleet").RequireAuthorization(Policies.ViewFleet)
        .WithSummary("Samples and roll-ups of one metric for up to 100 keys").Produces<HistoryView>();

    /// <param name="key">Service, region, cluster, link or latency key; several by repeating it.</param>
    private static async Task<IResult> ReadAsync(
        string? metric, string[]? key, DateTimeOffset? from, DateTimeOffset? to, int? maxPoints, string? gauge, [FromServices] IHistory history, TimeProvider clock, CancellationToken cancel)
    {
        var check = new Check();
        var wanted = check.Word<HistoryMetric>("metric", metric);
        check.That(metric is { Length: > 0 }, "metric", "Give a metric, such as responseTime or replicationLagSeconds.");
        check.That(key is { Length: > 0 and <= MostKeys }, "key", $"Give 1 to {MostKeys} keys: key=us-east-1-orders&key=...");
        var end = to ?? clock.GetUtcNow();
        var start = from ?? end.AddHours(-1);
        check.That(start < end, "from", "It must lie before 'to'.");
        check.That(end - start <= TimeSpan.FromDays(367), "from", "A range is at most one year.");
        var points = check.Range("maxPoints", maxPoints ?? 500, 10, 5000);
        check.That(wanted != HistoryMetric.Gauge || !string.IsNullOrEmpty(gauge), "gauge", "Name the gauge or business metric.");
        if (check.Problem() is { } problem)
            return problem;
        var series = await history.ReadAsync(new HistoryQuery(wanted!.Value, key!, start, end, points, gauge), cancel);
        return TypedResults.Ok(new HistoryView(wanted.Value, start, end, series));
    }
}
