namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Merges rows that come ordered by series and time into points. A point of one row keeps that row's figures; only where
/// several meet are histograms unpacked.</summary>
internal sealed class PointMerge(HistoryPlan plan)
{
    private readonly Tally _tally = new();
    private RollUpRow _first;
    private DateTime _at;
    private int _rows;

    /// <returns>the point before, when this row begins another</returns>
    public RollUpRow? Add(in RollUpRow row)
    {
        var at = plan.Floor(row.At);
        if (_rows > 0 && (row.Series != _first.Series || at != _at))
        {
            var complete = End();
            Begin(row, at);
            return complete;
        }
        if (_rows == 0)
        {
            Begin(row, at);
            return null;
        }
        if (_rows++ == 1)
        {
            _tally.Clear();
            _tally.AddRow(_first);
        }
        _tally.AddRow(row);
        return null;
    }

    /// <returns>the last point; null when there was none</returns>
    public RollUpRow? End() => _rows switch
    {
        0 => null,
        1 => _first with { At = _at },
        _ => _tally.ToRow(_first.Series, _at),
    };

    private void Begin(in RollUpRow row, DateTime at) => (_first, _at, _rows) = (row, at, 1);
}

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
