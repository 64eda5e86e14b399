namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Puts a point without a value where samples are missing, so that a chart breaks there instead of drawing across.</summary>
internal static class HistoryGaps
{
    public static IReadOnlyList<HistoryPoint> Mark(List<HistoryPoint> points, HistoryPlan plan)
    {
        if (points.Count < 3)
            return points;
        // Raw rows come at the pace of their probe, not of the bucket: what is usual among them tells a gap.
        var steps = points.Zip(points.Skip(1), (a, b) => b.At - a.At).Order().ToList();
        var usual = plan.Level == Level.Raw ? steps[steps.Count / 2] : plan.Bucket;
        var longest = plan.Level == Level.Raw ? usual * 3 : usual;
        var marked = new List<HistoryPoint>(points.Count) { points[0] };
        for (var i = 1; i < points.Count; i++)
        {
            if (points[i].At - points[i - 1].At > longest)
                marked.Add(new HistoryPoint(points[i - 1].At + usual, null, null, null, null, 0));
            marked.Add(points[i]);
        }
        return marked;
    }
}
